"""Big views at small cost: few requests and statements, counted; and what is new or gone while people look."""

from datetime import date, timedelta
from math import ceil
from typing import Any
from urllib.parse import parse_qsl

from loaders.loader import Loader
from sandbox.options import Options
from sandbox.running import Address, running
from tests.integration.lab import Lab, lab, month_of, today, told

NOBODY = "00000000-0000-4000-8000-0000000000ff"
VIEW = """query ($from: Date!, $to: Date!) {projects(first: 1000, filter: {}) {nodes {
    id internalNotes customFields asrBudgetOverride extensionUpdatedAt
    team(from: $from, to: $to) {fullName internalNotes permissions internalUser {email} classification {name}}
    timeCards(from: $from, to: $to, first: 10) {
        nodes {date worker {fullName} approvedBy {fullName} entries {costCode {description}}}
    }
    hours(from: $from, to: $to) {total}
    equipmentLogs(from: $from, to: $to) {nodes {equipment {name} entries {operator {fullName}}}}
}}}"""
CARDS = """query ($from: Date!, $to: Date!) {timeCards(from: $from, to: $to, first: 1000) {
    totalCount nodes {id date approved worker {id fullName status} project {id} approvedBy {id}}
}}"""


def this_month() -> dict[str, Any]:
    """A window of one slice."""
    first, last = month_of(today())
    return {"from": first.isoformat(), "to": last.isoformat()}


async def test_two_hundred_projects_with_everything_are_few_requests_and_a_statement_a_table_and_level(
    home: str,
) -> None:
    company = Options(port=0, seed=5, projects=200, members=120, days=30, cards_per_day=80, today=date(2026, 11, 30))
    november = {"from": "2026-11-01", "to": "2026-11-30"}
    with running(company) as sandbox:
        async with lab(sandbox, home) as it, told(it) as statements:
            answer = await it.ask(VIEW, **november)
            assert len(answer.data["projects"]["nodes"]) == 200
            assert len({query["offset"] for query in asked(sandbox, "/timeCards")}) == ceil(30 * 80 / 999)
            for path in sandbox.counts()["paths"]:
                assert "{uuid}" not in path
                if path not in ("/timeCards", "/oauth/token"):
                    assert len(asked(sandbox, path)) == 1, path
            # The projects' rows, who is assigned to them, and the members' rows.
            assert len([each for each in statements if "_extensions" in each]) == 3
            # Who asks; nobody in the teams is linked to an account.
            assert len([each for each in statements if "FROM accounts" in each]) == 1
            it.requests()
            assert (await it.ask(VIEW, **november)).data == answer.data
            assert it.requests() == 0


def asked(sandbox: Address, path: str) -> list[dict[str, str]]:
    """The queries that came for a path; none of them twice."""
    queries = sandbox.counts()["paths"][path]["queries"]
    assert set(queries.values()) == {1}, path
    return [dict(parse_qsl(query)) for query in queries]


# What is new, and what is gone


async def test_a_project_and_a_member_created_while_people_look_are_found(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        await it.ask("{projects {totalCount} teamMembers {totalCount}}")
        project, member = sandbox.add("projects", name="Annex"), sandbox.add("members", lastName="Newman")
        query = "query ($p: ID!, $m: ID!) {project(id: $p) {name} teamMember(id: $m) {lastName}}"
        it.requests()
        answer = await it.ask(query, p=project["uuid"], m=member["uuid"])
        assert answer.data == {"project": {"name": "Annex"}, "teamMember": {"lastName": "Newman"}}
        assert it.requests() == 2


async def test_a_member_whom_a_new_card_names_is_found(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        await it.ask("{teamMembers {totalCount}}")
        member = sandbox.add("members", firstName="Nova", lastName="Newman")
        card = sandbox.add("timeCards", worker={"uuid": member["uuid"]})
        nodes = (await it.ask(CARDS, **this_month())).data["timeCards"]["nodes"]
        names = [node["worker"]["fullName"] for node in nodes if node["id"] == card["uuid"]]
        assert names == ["Nova Newman"]


async def test_an_id_that_raken_does_not_have_costs_one_request_and_is_null(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        await it.ask("{projects {totalCount}}")
        it.requests()
        for id_ in (NOBODY, NOBODY, NOBODY[:-1] + "e", "not-a-uuid", ""):
            answer = await it.ask("query ($id: ID!) {project(id: $id) {name}}", id=id_)
            assert answer.json == {"data": {"project": None}}
        assert it.requests() == 1


async def test_deleted_members_stay_on_old_cards_and_purged_ones_are_null(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        cards = [row for row in sandbox.rows("timeCards") if row["date"] >= this_month()["from"]]
        deleted, purged = sorted({row["worker"]["uuid"] for row in cards})[:2]
        sandbox.edit("delete", "members", uuid=deleted)
        sandbox.edit("purge", "members", uuid=purged)
        nodes = (await it.ask(CARDS, **this_month())).data["timeCards"]["nodes"]
        workers = {node["id"]: node["worker"] for node in nodes}
        assert {workers[row["uuid"]]["status"] for row in cards if row["worker"]["uuid"] == deleted} == {"DELETED"}
        assert {str(workers[row["uuid"]]) for row in cards if row["worker"]["uuid"] == purged} == {"None"}
        assert sandbox.requests("/members") <= 2  # purged ones are looked for once


async def test_approvals_come_and_are_taken_back(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        day = this_month()["from"]
        card = sandbox.add("timeCards", date=day)

        async def seen() -> Any:
            await it.move(301)
            for _ in range(2):
                nodes = (await it.ask(CARDS, **this_month())).data["timeCards"]["nodes"]
                await it.landed()
            return [(one["approved"], one["approvedBy"] is not None) for one in nodes if one["id"] == card["uuid"]]

        assert await seen() == [(False, False)]
        sandbox.edit("approve", "timeCards", uuid=card["uuid"])
        assert await seen() == [(True, True)]
        sandbox.edit("unapprove", "timeCards", uuid=card["uuid"])
        assert await seen() == [(False, False)]


async def test_a_card_that_moves_between_months_is_there_once_wherever_its_month_was_read_last(
    sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home) as it:
        first, _ = month_of(today())
        before = first - timedelta(days=1)
        card = sandbox.add("timeCards", date=before.isoformat())
        window = {"from": month_of(before)[0].isoformat(), "to": month_of(first)[1].isoformat()}

        async def dates() -> list[str]:
            nodes = (await it.ask(CARDS, **window)).data["timeCards"]["nodes"]
            return [node["date"] for node in nodes if node["id"] == card["uuid"]]

        assert await dates() == [before.isoformat()]
        sandbox.edit("change", "timeCards", uuid=card["uuid"], fields={"date": first.isoformat()})
        await _reread(it.loader, it, first)
        assert await dates() == [first.isoformat()]
        await _reread(it.loader, it, before)
        assert await dates() == [first.isoformat()]
        sandbox.edit("change", "timeCards", uuid=card["uuid"], fields={"date": before.isoformat()})
        await _reread(it.loader, it, before)
        assert await dates() == [before.isoformat()]


async def _reread(loader: Loader, it: Lab, day: Any) -> None:
    """Reads the month of a day anew, and no other."""
    (key,) = (key for key in it.held("TIME_CARDS") if key.month and key.month.first <= day <= key.month.last)
    await loader.refresh(key, 10)


# Rows that move between pages while they are read


async def test_while_rows_come_and_go_between_pages_nothing_is_lost_and_nothing_is_there_twice(home: str) -> None:
    with running(Options(port=0, seed=5, projects=4, members=20, days=31, cards_per_day=70)) as sandbox:
        for kind in ("insert", "delete", "shuffle"):
            async with lab(sandbox, home) as it:
                stay = {row["uuid"] for row in sandbox.rows("timeCards")}
                sandbox.fault(kind, "/timeCards", times=2)
                met: list[str] = []
                window = {"from": (today() - timedelta(days=31)).isoformat(), "to": today().isoformat()}
                after = None
                while True:
                    answer = await it.ask(
                        "query ($from: Date!, $to: Date!, $after: String) {timeCards(from: $from, to: $to, "
                        "first: 1000, after: $after) {nodes {id} pageInfo {endCursor hasNextPage}}}",
                        **window,
                        after=after,
                    )
                    page = answer.data["timeCards"]
                    met += [node["id"] for node in page["nodes"]]
                    after = page["pageInfo"]["endCursor"]
                    if not page["pageInfo"]["hasNextPage"]:
                        break
                assert len(met) == len(set(met)), kind
                stay &= {row["uuid"] for row in sandbox.rows("timeCards")}
                assert stay <= set(met), kind

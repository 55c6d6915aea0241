"""The refresh mutations: exact counts, soft, honest about failure, and written down."""

from typing import Any

import asyncpg
import pytest

from sandbox.running import Address
from tests.integration.lab import Lab, lab, month_of, today

REFRESH = """mutation ($entities: [RakenEntity!]) {refresh(entities: $entities) {
    entity ok objects added changed removed upstreamRequests tookMs error
}}"""
NAMES = "{projects(filter: {}) {nodes {name freshness {state}}}}"


async def refreshed(it: Lab, entity: str) -> Any:
    """What a refresh of one entity says."""
    (row,) = (await it.ask(REFRESH, entities=[entity])).data["refresh"]
    assert row["entity"] == entity
    return row


def counts(row: Any) -> tuple[int, int, int]:
    return row["added"], row["changed"], row["removed"]


async def test_it_counts_exactly_what_was_added_changed_and_removed(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        first = await refreshed(it, "PROJECTS")
        rows = sandbox.rows("projects")
        assert (first["ok"], first["error"], first["objects"]) == (True, None, len(rows))
        assert counts(first) == (len(rows), 0, 0)
        assert counts(await refreshed(it, "PROJECTS")) == (0, 0, 0)
        sandbox.edit("add", "projects", count=3)
        sandbox.edit("change", "projects", uuid=rows[0]["uuid"], fields={"name": "Tunnel"})
        sandbox.edit("delete", "projects", uuid=rows[1]["uuid"])  # its status changes, and it stays
        sandbox.edit("purge", "projects", uuid=rows[2]["uuid"])
        row = await refreshed(it, "PROJECTS")
        assert (row["objects"], counts(row)) == (len(rows) + 2, (3, 2, 1))
        assert row["upstreamRequests"] == 1
        assert 0 <= row["tookMs"] < 10_000


async def test_it_counts_cards_over_all_months_and_a_moved_one_as_changed(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        start, end = month_of(today())
        days = sorted(row["date"] for row in sandbox.rows("timeCards"))
        everything = {"from": days[0], "to": end.isoformat()}
        query = "query ($from: Date!, $to: Date!) {timeCards(from: $from, to: $to) {totalCount}}"
        total = (await it.ask(query, **everything)).data["timeCards"]["totalCount"]
        moving, going, changing = sandbox.edit("add", "timeCards", count=3, fields={"date": start.isoformat()})
        assert counts(await refreshed(it, "TIME_CARDS")) == (3, 0, 0)
        sandbox.edit("change", "timeCards", uuid=moving["uuid"], fields={"date": days[0]})
        sandbox.edit("delete", "timeCards", uuid=going["uuid"])
        sandbox.edit("approve", "timeCards", uuid=changing["uuid"])
        sandbox.add("timeCards", date=days[0])
        row = await refreshed(it, "TIME_CARDS")
        assert (row["objects"], counts(row)) == (total + 3, (1, 2, 1))
        assert (await it.ask(query, **everything)).data["timeCards"]["totalCount"] == total + 3


async def test_it_is_soft_and_its_effect_is_in_the_next_read(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        await it.ask(NAMES)
        sandbox.add("projects", name="Annex")
        held = (await it.cache("PROJECTS"))["objects"]
        sandbox.fault("reset", "/projects")
        it.requests()
        row = await refreshed(it, "PROJECTS")
        assert (row["objects"], row["upstreamRequests"]) == (held, it.requests())
        assert row["upstreamRequests"] > 0
        assert (row["ok"], counts(row)) == (False, (0, 0, 0))
        assert "Raken's answer to /projects broke off" in row["error"]
        nodes = (await it.ask(NAMES)).data["projects"]["nodes"]
        assert {node["freshness"]["state"] for node in nodes} == {"FRESH"}
        assert "Annex" not in [node["name"] for node in nodes]
        sandbox.lift()
        assert (await refreshed(it, "PROJECTS"))["ok"]
        assert "Annex" in [node["name"] for node in (await it.ask(NAMES)).data["projects"]["nodes"]]


async def test_with_the_quota_spent_it_says_so_and_asks_nothing(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home, RAKEN_DAILY_QUOTA="1") as it:
        await it.ask(NAMES)
        it.requests()
        row = await refreshed(it, "PROJECTS")
        assert (row["ok"], row["upstreamRequests"]) == (False, 0)
        assert row["error"] == "the day's 1 requests to Raken are spent; the next are at midnight UTC"
        assert it.requests() == 0
        assert (await it.ask(NAMES)).data["projects"]["nodes"]


async def test_one_entitys_failure_is_not_anothers(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        sandbox.fault("forbidden", "/members")
        rows = (await it.ask(REFRESH, entities=["MEMBERS", "PROJECTS", "MEMBERS"])).data["refresh"]
        assert [(row["entity"], row["ok"]) for row in rows] == [("MEMBERS", False), ("PROJECTS", True)]
        assert "data access is not enabled" in rows[0]["error"]


async def test_null_means_every_entity_also_where_raken_insists_on_a_project(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        sandbox.switch(project_required=["workLogs", "dailyReports"], project_in_observations="none")
        rows = (await it.ask(REFRESH, entities=None)).data["refresh"]
        assert len(rows) == 13
        assert [row["error"] for row in rows] == [None] * 13
        assert (await it.ask(REFRESH, entities=[])).data["refresh"] == []


async def test_what_is_asked_by_project_is_refreshed_for_every_project_though_nobody_has_read_it(
    sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home) as it:
        (row,) = (await it.ask(REFRESH, entities=["MATERIAL_LOGS"])).data["refresh"]
        assert row["ok"]
        assert row["objects"] == row["added"] > 0
        it.requests()
        shown = await it.ask("{projects(filter: {}) {nodes {materialLogs {totalCount}}}}")
        logs = [project["materialLogs"]["totalCount"] for project in shown.data["projects"]["nodes"]]
        assert 0 < sum(logs) <= row["objects"]
        assert it.requests() == 0


async def test_refreshing_a_project_or_a_member_reads_its_slice_anew(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        await it.ask("{projects {totalCount} teamMembers {totalCount}}")
        project, member = sandbox.rows("projects")[0]["uuid"], sandbox.rows("members")[0]["uuid"]
        sandbox.edit("change", "projects", uuid=project, fields={"name": "Tunnel"})
        sandbox.edit("change", "members", uuid=member, fields={"lastName": "Newman"})
        answer = await it.ask(
            "mutation ($p: ID!, $m: ID!) {"
            "refreshProject(id: $p) {name freshness {state}} refreshTeamMember(id: $m) {lastName}}",
            p=project,
            m=member,
        )
        assert answer.data == {
            "refreshProject": {"name": "Tunnel", "freshness": {"state": "FRESH"}},
            "refreshTeamMember": {"lastName": "Newman"},
        }
        sandbox.edit("purge", "projects", uuid=project)
        gone = await it.ask("mutation ($p: ID!) {refreshProject(id: $p) {name}}", p=project)
        assert gone.json == {"data": {"refreshProject": None}}
        sandbox.fault("reset", "/members")
        failed = await it.ask("mutation ($m: ID!) {refreshTeamMember(id: $m) {lastName}}", m=member)
        assert failed.codes == {"refreshTeamMember": "UPSTREAM_UNAVAILABLE"}


@pytest.mark.parametrize("id_", ["", "nonsense", "\x00", "x" * 900_000], ids=lambda id_: repr(id_[:9]))
async def test_what_cannot_be_an_id_is_found_nowhere_and_costs_no_request(
    sandbox: Address, home: str, id_: str
) -> None:
    async with lab(sandbox, home) as it:
        before = (await it.ask("{auditLog(first: 0) {totalCount}}")).data
        for name in ("refreshProject", "refreshTeamMember"):
            assert (await it.ask(f"mutation ($id: ID!) {{{name}(id: $id) {{id}}}}", id=id_)).data == {name: None}
        assert (await it.ask("{auditLog(first: 0) {totalCount}}")).data == before
        assert it.requests() == 0


async def test_each_refresh_that_a_person_asked_for_is_written_down(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        project = sandbox.rows("projects")[0]["uuid"]
        connection = await asyncpg.connect(home)
        try:
            before = await connection.fetchval("SELECT count(*) FROM audit_log")
            await refreshed(it, "PROJECTS")
            await it.ask("mutation ($p: ID!) {refreshProject(id: $p) {name}}", p=project)
            await it.ask(REFRESH, role="MANAGER", entities=["PROJECTS"])
            rows = await connection.fetch("SELECT actor, action, subject FROM audit_log ORDER BY id OFFSET $1", before)
        finally:
            await connection.close()
        assert [tuple(row) for row in rows] == [
            ("somebody", "refresh", "PROJECTS"),
            ("somebody", "refresh", project),
        ]


async def test_only_admins_refresh(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        for role in ("VIEWER", "MANAGER", "PAYROLL"):
            assert (await it.ask(REFRESH, role=role)).codes == {"refresh": "FORBIDDEN"}
        assert it.requests() == 0

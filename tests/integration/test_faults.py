"""What befalls Raken costs only what it must: its field where nothing is cached, freshness where something is."""

from typing import Any, NamedTuple

import pytest

from sandbox.running import Address
from tests.integration.lab import Lab, lab

COLD = "{projects {nodes {name}} teamMembers {totalCount} me {id}}"
WARM = "{projects {nodes {name freshness {state warning}}} teamMembers {totalCount}}"
PAST_ALL = 7300.0
"Seconds after which a project is past its ttl and past what is served at once."
LATER = 3700.0
"Seconds after which no back-off runs any more."


class Fault(NamedTuple):
    """A fault, the code of the error that it is, and what is said of it."""

    kind: str
    values: dict[str, Any]
    code: str
    words: str


AWAY = "UPSTREAM_UNAVAILABLE"
FAULTS = [
    Fault("hang", {}, AWAY, "Raken did not answer /projects within 0.3 s"),
    Fault("reset", {}, AWAY, "Raken's answer to /projects broke off"),
    *(
        Fault("status", {"status": each}, AWAY, f"Raken answered /projects with {each}")
        for each in (500, 502, 503, 504)
    ),
    Fault("status", {"status": 503, "retry_after": "9"}, AWAY, "Raken answered /projects with 503"),
    Fault("status", {"status": 400}, AWAY, "Raken answered /projects with 400: Bad request"),
    Fault("html", {}, AWAY, "/projects: expected a JSON page, got HTML"),
    Fault("cut", {}, AWAY, "Raken's answer to /projects broke off"),
    Fault("rate", {}, AWAY, "Raken says 429, too many requests: it is left alone for 1 s"),
    Fault("rate", {"retry_after": "9"}, AWAY, "Raken says 429, too many requests: it is left alone for 9 s"),
    Fault("quota", {}, "QUOTA_EXHAUSTED", "Raken says 429: the day's quota of requests is spent"),
    Fault("quota", {"retry_after": "9"}, "QUOTA_EXHAUSTED", "Raken says 429: the day's quota of requests is spent"),
    Fault("unauthorized", {}, AWAY, "Raken says 401 to /projects, to a token too that was just renewed"),
    Fault(
        "forbidden", {}, "UPSTREAM_FORBIDDEN", "Raken says 403 to /projects: data access is not enabled for this app"
    ),
]
EACH = pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: "-".join([fault.kind, *map(str, fault.values.values())])
)


def stand(lab: Lab, fault: Fault) -> None:
    lab.sandbox.fault(fault.kind, "/projects", **fault.values)
    if fault.kind == "hang":
        lab.give_raken(0.3)


async def recovered(lab: Lab) -> None:
    """Lifts the fault, and sees the gateway forget it."""
    lab.sandbox.lift()
    lab.give_raken(10)
    await lab.move(LATER)
    await lab.ask(WARM)
    await lab.landed()
    answer = await lab.ask(WARM)
    assert answer.data["projects"]["nodes"]
    assert "extensions" not in answer.json
    assert (await lab.cache("PROJECTS"))["lastError"] is None


@EACH
async def test_with_nothing_cached_a_fault_costs_its_field_alone_and_is_said_in_words(
    fault: Fault, sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home) as it:
        assert (await it.ask("{teamMembers {totalCount}}")).errors == []
        stand(it, fault)
        answer = await it.ask(COLD)
        assert answer.status == 200
        assert answer.codes == {"projects": fault.code}
        assert fault.words in answer.errors[0]["message"]
        assert answer.json["data"]["projects"] is None
        assert answer.json["data"]["teamMembers"]["totalCount"] > 0
        assert answer.json["data"]["me"] == {"id": "somebody"}
        assert "extensions" not in answer.json
        assert fault.words in (await it.cache("PROJECTS"))["lastError"]
        await recovered(it)


@EACH
async def test_with_something_cached_a_fault_costs_freshness_alone_and_says_so(
    fault: Fault, sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home, TTL_MEMBERS="90000") as it:
        sandbox.switch(etags="none")  # a 304 has no body that could be cut short
        before = (await it.ask(WARM)).data
        stand(it, fault)
        await it.move(PAST_ALL)
        await it.ask(WARM)  # this one waits a second for better, and starts the flight that fails
        await it.landed()
        answer = await it.ask(WARM)
        nodes = answer.data["projects"]["nodes"]
        assert [node["name"] for node in nodes] == [node["name"] for node in before["projects"]["nodes"]]
        assert {node["freshness"]["state"] for node in nodes} == {"DEGRADED"}
        (row,) = answer.json["extensions"]["freshness"]
        assert (row["entity"], row["state"]) == ("PROJECTS", "DEGRADED")
        assert {node["freshness"]["warning"] for node in nodes} == {row["warning"]}
        assert row["warning"].startswith("the last known answer, for Raken could not be read anew: ")
        assert (await it.cache("PROJECTS"))["state"] == "DEGRADED"
        await recovered(it)


async def test_a_raken_that_refuses_connections_is_away(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home, RAKEN_BASE_URL="http://127.0.0.1:9/api") as it:
        answer = await it.ask(COLD)
        assert answer.codes == {"projects": AWAY, "teamMembers": AWAY}
        assert "Raken cannot be reached" in answer.errors[0]["message"]
        assert answer.json["data"]["me"] == {"id": "somebody"}


async def test_a_401_that_renewal_cures_is_not_noticed(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        await it.ask("{teamMembers {totalCount}}")
        sandbox.expire_tokens()
        assert (await it.ask(COLD)).errors == []
        assert sandbox.counts()["paths"]["/projects"]["statuses"] == {"401": 1, "200": 1}


async def test_one_fault_that_passes_is_not_noticed(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        sandbox.fault("reset", "/projects", times=1)
        assert (await it.ask(COLD)).errors == []


async def test_the_gateways_own_quota_is_an_error_where_nothing_is_cached_and_degrades_what_is(
    sandbox: Address, home: str
) -> None:
    # Late in the day an hour would bring the next one, and its quota.
    async with lab(sandbox, home, RAKEN_DAILY_QUOTA="1", TTL_MEMBERS="1") as it:
        await it.ask("{teamMembers {totalCount}}")
        answer = await it.ask(COLD)
        assert answer.codes == {"projects": "QUOTA_EXHAUSTED"}
        assert answer.errors[0]["message"] == ("the day's 1 requests to Raken are spent; the next are at midnight UTC")
        await it.move(2)
        (row,) = (await it.ask("{teamMembers {totalCount}}")).json["extensions"]["freshness"]
        assert (row["entity"], row["state"]) == ("MEMBERS", "DEGRADED")
        assert it.requests() == 1


async def test_extensions_freshness_is_there_exactly_when_what_was_used_is_not_fresh(
    sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home, TTL_MEMBERS="90000") as it:
        assert "extensions" not in (await it.ask(WARM)).json
        await it.move(3600)
        assert "extensions" not in (await it.ask("{teamMembers {totalCount}}")).json
        (row,) = (await it.ask(WARM)).json["extensions"]["freshness"]
        assert (row["entity"], row["state"], row["warning"]) == ("PROJECTS", "REVALIDATING", None)
        await it.landed()
        assert "extensions" not in (await it.ask(WARM)).json


async def test_past_the_oldest_age_an_answer_that_cannot_be_renewed_is_an_error_again(
    sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home, MAX_STALE_SECONDS="8000", TTL_MEMBERS="90000") as it:
        await it.ask(WARM)
        sandbox.fault("reset", "/projects")
        await it.move(8001)
        assert (await it.ask(WARM)).codes == {"projects": AWAY}
        assert it.held("PROJECTS")


# Rows that are not as they should be


async def test_a_row_that_lacks_what_it_must_have_is_left_out_counted_and_named(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        whole = (await it.ask("{projects(filter: {}) {nodes {id}}}")).data["projects"]["nodes"]
        sandbox.fault("missing", "/projects", fields=["name"], rows=2)
        await it.ask("mutation {refresh(entities: [PROJECTS]) {ok}}")
        rest = (await it.ask("{projects(filter: {}) {nodes {id}}}")).data["projects"]["nodes"]
        assert len(rest) == len(whole) - 2
        lost = {node["id"] for node in whole} - {node["id"] for node in rest}
        words = (await it.cache("PROJECTS"))["lastError"]
        assert "left out 2" in words
        assert any(id_ in words for id_ in lost)
        assert "name" in words
        sandbox.lift()
        await it.ask("mutation {refresh(entities: [PROJECTS]) {ok}}")
        assert (await it.cache("PROJECTS"))["lastError"] is None


async def test_a_row_that_is_left_out_of_one_month_is_named_until_that_month_is_whole(
    sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home) as it:
        card = sandbox.rows("timeCards")[0]
        sandbox.edit("change", "timeCards", uuid=card["uuid"], fields={"totalHours": None})
        days = sorted(row["date"] for row in sandbox.rows("timeCards"))
        await it.ask(
            "query ($from: Date!, $to: Date!) {timeCards(from: $from, to: $to) {totalCount}}",
            **{"from": days[0], "to": days[-1]},
        )
        assert len(it.held("TIME_CARDS")) > 1
        assert card["uuid"] in (await it.cache("TIME_CARDS"))["lastError"]


async def test_fields_that_nobody_knows_are_no_trouble_and_are_kept_in_data(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        for path in ("/projects", "/workLogs"):
            sandbox.fault("extra", path, values={"addedSince": {"deep": [1, None]}})
        log = sandbox.rows("workLogs")[0]
        answer = await it.ask(
            "query ($id: ID!, $day: Date!) {project(id: $id) {workLogs(from: $day, to: $day) {nodes {id data}}}}",
            id=log["projectUuid"],
            day=log["date"],
        )
        data = {node["id"]: node["data"] for node in answer.data["project"]["workLogs"]["nodes"]}[log["uuid"]]
        assert data == log | {"addedSince": {"deep": [1, None]}}
        assert (await it.cache("WORK_LOGS"))["lastError"] is None


async def test_a_status_that_nobody_knows_is_unknown(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        sandbox.fault("extra", "/projects", values={"status": "PAUSED"}, rows=1)
        sandbox.fault("extra", "/members", values={"status": "ON_LEAVE"}, rows=1)
        answer = await it.ask("{projects(filter: {}) {nodes {status}} teamMembers(filter: {}) {nodes {status}}}")
        for name in ("projects", "teamMembers"):
            assert [node["status"] for node in answer.data[name]["nodes"]].count("UNKNOWN") == 1

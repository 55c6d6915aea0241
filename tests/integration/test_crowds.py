"""However many read, Raken is asked once; what it wishes holds for all; what it fails in fails alone."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from sandbox.running import Address
from tests.database_clock import fake_clock, stop_clock
from tests.integration.lab import lab, month_of, today

CROWD = 300
MERGED = """query ($id: ID!, $day: Date!) {
    projects(first: 0) {totalCount}
    teamMembers(first: 1) {nodes {classification {name}}}
    timeCards(from: $day, to: $day, first: 1) {nodes {entries {costCode {description}}}}
    equipment {id}
    materials {id}
    project(id: $id) {
        workLogs(from: $day, to: $day, first: 0) {totalCount}
        equipmentLogs(from: $day, to: $day, first: 0) {totalCount}
        materialLogs(from: $day, to: $day, first: 0) {totalCount}
        dailyReports(from: $day, to: $day, first: 0) {totalCount}
        observations(from: $day, to: $day, first: 0) {totalCount}
    }
}"""
STALE = 6000.0
"Seconds after which equipment is fresh, projects are served at once, and time cards are waited for."
AWAY = "UPSTREAM_UNAVAILABLE"


@pytest.fixture(scope="module")
def home(home: str) -> str:
    """The module's database, whose time stands still unless it is moved."""
    asyncio.run(fake_clock(home))
    asyncio.run(stop_clock(home))
    return home


async def asked(
    sandbox: Address, home: str, age: float | None, readers: int, variables: dict[str, str]
) -> dict[str, int]:
    """What Raken is asked, requests by path, while so many read slices of an age at once."""
    async with lab(sandbox, home, **variables) as it:
        card = sandbox.rows("timeCards")[-1]
        view = {"id": card["project"]["uuid"], "day": card["date"]}
        if age is not None:
            await it.ask(MERGED, **view)
            await it.move(age)
        it.requests()
        answers = await asyncio.gather(*(it.ask(MERGED, **view) for _ in range(readers)))
        await it.landed()
        assert not any(answer.errors for answer in answers)
        paths = sandbox.counts()["paths"]
        return {path: paths[path]["all"] for path in paths if not path.startswith("/oauth/")}


@pytest.mark.slow  # 600 answers
@pytest.mark.parametrize(("age", "paths"), [(None, 12), (STALE, 8)], ids=["cold", "stale"])
async def test_three_hundred_readers_at_once_ask_raken_what_one_asks(
    age: float | None, paths: int, sandbox: Address, home: str, unhurried: dict[str, str]
) -> None:
    one = await asked(sandbox, home, age, 1, unhurried)
    assert len(one) == paths
    assert await asked(sandbox, home, age, CROWD, unhurried) == one


@pytest.mark.parametrize("fault", [{"kind": "rate"}, {"kind": "status", "status": 503}], ids=["429", "503"])
async def test_raken_is_left_alone_for_as_long_as_it_wishes_and_people_are_served(
    fault: dict[str, Any], sandbox: Address, home: str
) -> None:
    query = "{projects {totalCount} teamMembers {totalCount} equipment {id}}"
    async with lab(sandbox, home) as it:
        await it.ask("{projects {totalCount} teamMembers {totalCount}}")
        await it.move(3600)
        sandbox.fault(path="/projects", retry_after="7", **fault)
        it.requests()
        await it.ask("{projects {totalCount}}")
        await it.landed()
        assert it.requests() == 1
        for _ in range(7):
            await it.move(0.999)
            answer = await it.ask(query)
            assert answer.codes == {"equipment": AWAY}
            assert answer.json["data"]["projects"]["totalCount"] > 0
            states = {row["entity"]: row["state"] for row in answer.json["extensions"]["freshness"]}
            assert states == {"PROJECTS": "DEGRADED", "MEMBERS": "DEGRADED"}
        assert it.requests() == 0
        sandbox.lift()
        await it.move(0.01)
        assert (await it.ask(query)).data["equipment"]
        await it.landed()
        assert "extensions" not in (await it.ask(query)).json
        assert it.requests() == 3


async def test_a_slice_that_fails_does_not_make_another_fail_not_even_of_its_entity(
    sandbox: Address, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.http_raken.SOON", 0.001)
    first, last = month_of(today())
    before, end = month_of(first - timedelta(days=1))
    this = f'timeCards(from: "{first}", to: "{last}", first: 1) {{totalCount nodes {{freshness {{state}}}}}}'
    that = f'timeCards(from: "{before}", to: "{end}", first: 1) {{totalCount nodes {{freshness {{state}}}}}}'
    query = f"{{this: {this} that: {that} projects {{totalCount}} teamMembers {{totalCount}}}}"
    async with lab(sandbox, home) as it:
        fault = {"kind": "status", "path": "/timeCards", "query": {"fromDate": first.isoformat()}}
        sandbox.fault(**fault)
        await it.ask(f"{{{this}}}")  # from here on it is known
        cold = await it.ask(query)
        assert cold.codes == {"this": AWAY}
        assert cold.json["data"]["that"]["totalCount"] > 0
        assert "extensions" not in cold.json
        sandbox.lift()
        await it.move(60)
        assert (await it.ask(query)).data["this"]["totalCount"] > 0
        sandbox.fault(**fault)
        await it.move(7300)  # past what is served at once, of every entity
        await it.ask(f"{{{this}}}")
        stale = await it.ask(query)
        assert stale.data["this"]["nodes"][0]["freshness"]["state"] == "DEGRADED"
        assert stale.data["that"]["nodes"][0]["freshness"]["state"] == "FRESH"
        assert [row["entity"] for row in stale.json["extensions"]["freshness"]] == ["TIME_CARDS"]

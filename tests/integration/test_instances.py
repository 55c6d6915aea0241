"""Several instances before one Raken: what one has read the others have, and whoever dies leaves nothing standing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from loaders.commons import Lease
from loaders.entities.projects import PROJECTS
from loaders.entity import SliceKey
from sandbox.running import Address
from tests.integration.door import Answer, Door, opened
from tests.integration.lab import today
from tests.valkey import Valkey
from tests.waiting import GUARD, within

Until = Callable[[Callable[[], bool]], Awaitable[None]]
VIEW = """{
    projects(first: 3) {nodes {id name freshness {state fetchedAt}}}
    teamMembers(first: 3) {nodes {id classification {name}}}
    timeCards(from: "FROM", to: "TO", first: 3) {nodes {id hours: totalHours project {id}}}
    materials {id}
}""".replace("FROM", str(today() - timedelta(days=30))).replace("TO", str(today()))
REFRESH = "mutation {refresh(entities: [PROJECTS]) {entity ok objects added changed removed upstreamRequests error}}"
CROWD = 300


@pytest.fixture(params=["postgres", "valkey"])
def variables(request: pytest.FixtureRequest) -> dict[str, str]:
    """Without a Redis, and with one."""
    if request.param == "postgres":
        return {}
    valkey: Valkey = request.getfixturevalue("valkey")
    return {"REDIS_URL": valkey.url}


@asynccontextmanager
async def two(sandbox: Address, home: str, **variables: str) -> AsyncIterator[tuple[Door, Door]]:
    """Two instances, which listen to each other."""
    sandbox.reset()
    async with (
        opened(sandbox, home, **variables) as one,
        opened(sandbox, home, first=False, **variables) as other,
    ):
        for door in (one, other):
            async with asyncio.timeout(GUARD):
                await door.gateway.ear.hears.wait()
        sandbox.forget_counts()
        yield one, other


async def published(door: Door) -> None:
    """Returns when everything that was read is published."""
    await door.gateway.loader.landed()


def held(door: Door) -> Any:
    """The projects that an instance holds."""
    return door.gateway.loader.memory.peek(SliceKey(PROJECTS))


async def names(door: Door) -> list[str]:
    nodes = (await door.ask("{projects {nodes {name}}}")).data["projects"]["nodes"]
    return [node["name"] for node in nodes]


@pytest.mark.slow  # 300 answers
async def test_three_hundred_readers_of_two_cold_instances_ask_raken_what_one_asks(
    sandbox: Address, home: str, variables: dict[str, str], unhurried: dict[str, str]
) -> None:
    async with two(sandbox, home, **variables) as (one, _):
        await one.ask(VIEW)
        await published(one)
        alone = sandbox.counts()["paths"]
    async with two(sandbox, home, **variables, **unhurried) as doors:
        answers = await asyncio.gather(*(doors[n % 2].ask(VIEW) for n in range(CROWD)))
        assert len({str(answer.data) for answer in answers}) == 1
        together = sandbox.counts()["paths"]
    assert {path: count["queries"] for path, count in together.items() if "oauth" not in path} == {
        path: count["queries"] for path, count in alone.items() if "oauth" not in path
    }


async def test_what_one_instance_has_read_the_next_need_not_ask_for(
    sandbox: Address, home: str, variables: dict[str, str]
) -> None:
    async with two(sandbox, home, **variables) as (one, other):
        first = await one.ask(VIEW)
        await published(one)
        sandbox.forget_counts()
        assert (await other.ask(VIEW)).data == first.data
        assert sandbox.requests() == 0


async def test_a_refresh_on_one_instance_is_on_the_other_within_a_second(
    sandbox: Address, home: str, variables: dict[str, str], until: Until
) -> None:
    async with two(sandbox, home, **variables) as (one, other):
        assert await names(one) == await names(other)
        sandbox.add("projects", name="Aardvark Annex", status="ACTIVE")
        (told,) = (await one.ask(REFRESH)).data["refresh"]
        assert (told["added"], told["changed"], told["removed"]) == (1, 0, 0)
        with within(1):
            await until(lambda: held(other).reading.number == held(one).reading.number)
        sandbox.forget_counts()
        assert (await names(other))[0] == "Aardvark Annex"
        assert sandbox.requests() == 0


async def test_what_was_published_unheard_is_found_by_who_looks_around(
    sandbox: Address, home: str, until: Until
) -> None:
    async with two(sandbox, home) as (one, other):
        assert await names(one) == await names(other)
        await other.gateway.ear.close()
        sandbox.add("projects", name="Aardvark Annex", status="ACTIVE")
        await one.ask(REFRESH)
        assert held(other).reading.number < held(one).reading.number
        other.gateway.ear.open()  # as a line does that was cut, and is there again
        await until(lambda: held(other).reading.number == held(one).reading.number)
        sandbox.forget_counts()
        assert (await names(other))[0] == "Aardvark Annex"
        assert sandbox.requests() == 0


async def test_equal_rows_are_passed_on_as_an_age_alone(
    sandbox: Address, home: str, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(sandbox, home) as (one, other):
        await names(one)
        await names(other)
        version, body = held(other).version, held(other).reading.body
        bodies: list[str] = []
        tier = other.gateway.loader.source._commons._tier  # type: ignore[attr-defined]
        monkeypatch.setattr(tier, "get", bodies.append)
        await one.ask(REFRESH)
        await until(lambda: held(other).reading.number == held(one).reading.number)
        assert (held(other).version, held(other).reading.body) == (version, body)
        assert bodies == []


async def test_ten_admins_on_two_instances_are_one_flight(sandbox: Address, home: str) -> None:
    # The next place is a second away: all have asked by then.
    async with two(sandbox, home, RAKEN_REQUESTS_PER_SECOND="1") as (one, other):
        await names(one)
        await names(other)
        sandbox.add("projects", name="Aardvark Annex", status="ACTIVE")
        sandbox.forget_counts()
        answers: list[Answer] = await asyncio.gather(*((one, other)[n % 2].ask(REFRESH) for n in range(10)))
        assert sandbox.requests("/projects") == 1
        assert {str(answer.data) for answer in answers} == {str(answers[0].data)}
        assert answers[0].data["refresh"][0]["added"] == 1


async def test_a_refresh_never_takes_a_reading_of_another_instance_that_began_before_it_was_asked(
    sandbox: Address, home: str, until: Until
) -> None:
    async with two(sandbox, home) as (one, other):
        await names(one)
        await names(other)
        sandbox.forget_counts()
        sandbox.fault("latency", "/projects", seconds=0.4, times=1)
        first = asyncio.create_task(one.ask(REFRESH))
        await until(lambda: sandbox.requests("/projects") == 1)
        sandbox.add("projects", name="Aardvark Annex", status="ACTIVE")
        await other.ask(REFRESH)
        assert (await names(other))[0] == "Aardvark Annex"
        await first
        assert sandbox.requests("/projects") == 2


async def test_a_failure_on_one_instance_is_known_on_the_other(sandbox: Address, home: str) -> None:
    async with two(sandbox, home) as (one, other):
        sandbox.fault("status", "/projects", status=500)
        answers = await asyncio.gather(*((one, other)[n % 2].ask("{projects {totalCount}}") for n in range(20)))
        sandbox.lift()
        assert {code for answer in answers for code in answer.codes.values()} == {"UPSTREAM_UNAVAILABLE"}
        assert sandbox.requests("/projects") == 2  # asked, and asked once more


async def test_how_raken_stands_is_known_on_an_instance_that_has_not_asked(sandbox: Address, home: str) -> None:
    standing = "{upstreamStatus {reachable connected requestsToday lastError}}"
    async with two(sandbox, home) as (one, other):
        await names(one)
        await published(one)
        told = (await other.ask(standing)).data["upstreamStatus"]
        assert (told["reachable"], told["requestsToday"], told["lastError"]) == (True, 1, None)
        sandbox.fault("status", "/projects", status=500)
        await one.ask(REFRESH)
        told = (await other.ask(standing)).data["upstreamStatus"]
        assert (told["reachable"], told["requestsToday"]) == (False, 3)
        assert "500" in told["lastError"]
        sandbox.lift()


async def test_that_raken_takes_no_token_is_known_on_an_instance_that_has_not_asked(
    sandbox: Address, home: str
) -> None:
    async with two(sandbox, home) as (one, other):
        await names(one)
        await published(one)
        sandbox.fault("unauthorized", "/projects")
        await one.ask(REFRESH)
        told = (await other.ask("{upstreamStatus {connected lastError}}")).data["upstreamStatus"]
        sandbox.lift()
        assert (told["connected"], "401" in told["lastError"]) == (False, True)


async def test_an_instance_that_dies_while_it_reads_costs_one_more_reading(
    sandbox: Address, home: str, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two(sandbox, home) as (one, other):
        sandbox.fault("hang", "/projects", times=1)
        first = asyncio.create_task(one.ask("{projects {totalCount}}"))
        await until(lambda: sandbox.requests("/projects") == 1)
        # As by kill -9: nothing is renewed, nothing is given back, nothing is said.
        monkeypatch.setattr(Lease, "release", lambda _: asyncio.sleep(0))
        (flight,) = one.gateway.loader._flights.tasks()
        (renewing,) = [task for task in asyncio.all_tasks() if "Lease._renew" in repr(task)]
        renewing.cancel()
        flight.cancel()
        second = await other.ask("{projects {totalCount}}")
        assert second.data["projects"]["totalCount"] > 0
        assert sandbox.requests("/projects") == 2
        sandbox.lift()
        await asyncio.gather(first, return_exceptions=True)


async def test_a_slow_reading_keeps_its_lease_and_is_waited_for(
    sandbox: Address, home: str, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.ledger.LEASE_SECONDS", 0.6)
    monkeypatch.setattr("loaders.commons.RENEW", 0.2)
    async with two(sandbox, home) as (one, other):
        sandbox.fault("latency", "/projects", seconds=1.5)
        first = asyncio.create_task(one.ask("{projects {totalCount}}"))
        await until(lambda: sandbox.requests("/projects") == 1)
        answers = [await other.ask("{projects {totalCount}}"), await first]
        sandbox.lift()
        assert answers[0].data == answers[1].data
        assert sandbox.requests("/projects") == 1


@pytest.mark.parametrize("age", [10, 4000, 90_000])
async def test_an_instance_that_starts_while_raken_is_away_serves_the_last_good_data(
    age: int, sandbox: Address, home: str, variables: dict[str, str]
) -> None:
    async with two(sandbox, home, **variables) as (one, _):
        before = (await one.ask(VIEW)).data
        await published(one)
    await aged(home, age)
    sandbox.fault("status", status=503)
    async with opened(sandbox, home, first=False, **variables) as late:
        await late.ask(VIEW)
        await published(late)
        answer = await late.ask(VIEW)
    sandbox.lift()
    state = "FRESH" if age < 3600 else "DEGRADED"
    nodes = answer.data["projects"]["nodes"]
    assert {node["freshness"]["state"] for node in nodes} == {state}
    assert [node["name"] for node in nodes] == [node["name"] for node in before["projects"]["nodes"]]
    assert answer.data["timeCards"] == before["timeCards"]


@pytest.mark.parametrize("harm", ["TRUNCATE api_cache", "UPDATE api_cache SET body = 'other'", "TRUNCATE slices"])
async def test_what_was_harmed_in_the_tables_is_read_anew_and_mended_by_the_next_reading(
    harm: str, sandbox: Address, home: str
) -> None:
    async with two(sandbox, home) as (one, other):
        expected = await names(one)
        await published(one)
        await execute(home, harm)
        assert await names(other) == expected
        assert sandbox.requests("/projects") == 2
        await one.ask(REFRESH)
        sandbox.fault("status", status=503)
        async with opened(sandbox, home, first=False) as late:
            assert await names(late) == expected
        sandbox.lift()


async def test_a_body_that_was_lost_is_put_again_by_a_reading_that_finds_nothing_new(
    sandbox: Address, home: str
) -> None:
    async with two(sandbox, home) as (one, _):
        expected = await names(one)
        await published(one)
        await execute(home, "TRUNCATE api_cache")
        await one.ask(REFRESH)
        sandbox.fault("status", status=503)
        async with opened(sandbox, home, first=False) as late:
            assert await names(late) == expected
        sandbox.lift()


async def test_a_row_without_a_sound_id_keeps_nothing_from_being_shared(sandbox: Address, home: str) -> None:
    async with two(sandbox, home) as (one, other):
        sandbox.fault("extra", "/projects", rows=1, values={"uuid": "a\x00b", "name": None})
        expected = await names(one)
        await published(one)
        sandbox.lift()
        sandbox.forget_counts()
        assert await names(other) == expected
        assert sandbox.requests("/projects") == 0


async def test_how_raken_wants_to_be_asked_is_known_after_a_restart(sandbox: Address, home: str) -> None:
    sandbox.reset()
    sandbox.switch(project_required=["observations"])
    project = sandbox.rows("observations")[0]["projectUuid"]
    query = f'{{project(id: "{project}") {{observations(from: "FROM", to: "TO") {{nodes {{id}}}}}}}}'
    query = query.replace("FROM", str(today() - timedelta(days=30))).replace("TO", str(today()))
    async with opened(sandbox, home) as one:
        before = await one.ask(query)
        await published(one)
    sandbox.fault("status", status=503)
    async with opened(sandbox, home, first=False) as late:
        async with asyncio.timeout(GUARD):
            await late.gateway.health.migrated.wait()
        sandbox.forget_counts()
        assert (await late.ask(query)).data == before.data
        assert sandbox.requests() == 0
    sandbox.reset()


async def aged(database_url: str, seconds: float) -> None:
    """Lets so much time pass by the database's clock."""
    await execute(database_url, f"UPDATE slices SET sent_at = sent_at - interval '{seconds} s'")


async def execute(database_url: str, statement: str) -> None:
    postgres = await asyncpg.connect(database_url)
    await postgres.execute(statement)
    await postgres.close()

"""Postgres and Valkey die, hang and come back: reads go on within a second of the usual, and all mends itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from sandbox.running import Address
from tests.integration.conftest import Line
from tests.integration.door import Door, opened
from tests.integration.test_instances import VIEW, published
from tests.valkey import Valkey
from tests.waiting import GUARD, within

Until = Callable[[Callable[[], bool]], Awaitable[None]]
OURS = "{projects(first: 50) {nodes {id name internalNotes}}}"
LATER = 1.0
"Seconds by which an answer may be later than usual."


@asynccontextmanager
async def behind(line: Line, sandbox: Address, **variables: str) -> AsyncIterator[Door]:
    """A gateway whose Postgres is at the end of a line; it has read nothing."""
    sandbox.reset()
    async with opened(sandbox, line.dsn, **variables) as door:
        async with asyncio.timeout(GUARD):
            await door.gateway.ear.hears.wait()
        yield door


async def dead(line: Line) -> None:
    await line.cut()


async def silent(line: Line) -> None:
    line.hush()


@pytest.mark.parametrize("how", [dead, silent])
async def test_without_postgres_what_is_held_and_what_is_not_is_read_within_a_second_of_the_usual(
    how: Callable[[Line], Awaitable[None]], line: Line, sandbox: Address
) -> None:
    async with behind(line, sandbox) as door:
        await door.ask("{projects {totalCount}}")
        await published(door)
        await how(line)
        with within(LATER):
            held = await door.ask("{projects {totalCount}}")
        assert held.data["projects"]["totalCount"] > 0
        with within(LATER + 0.5):
            cold = await door.ask("{teamMembers {totalCount}}")
        assert cold.data["teamMembers"]["totalCount"] > 0
        with within(LATER):
            ours = await door.ask(OURS)
        assert set(ours.codes.values()) == {"EXTENSIONS_UNAVAILABLE"}
        assert ours.json["data"]["projects"]["nodes"][0]["name"]


@pytest.mark.parametrize("how", [dead, silent])
async def test_postgres_comes_back_and_all_is_shared_and_heard_again_without_a_storm_of_connections(
    how: Callable[[Line], Awaitable[None]], line: Line, sandbox: Address, until: Until
) -> None:
    async with behind(line, sandbox) as door:
        await door.ask("{projects {totalCount}}")
        await how(line)
        for _ in range(3):
            await asyncio.gather(*(door.ask(VIEW) for _ in range(20)))
        calls = line.calls
        if how is dead:
            await line.mend()
        else:
            line.talk()
        with within(10):
            await door.gateway.ear.hears.wait()
            while not (await door.ask("mutation {refresh(entities: [PROJECTS]) {ok}}")).json["data"]["refresh"]:  # noqa: ASYNC110 - what is waited for is another process'
                await asyncio.sleep(0.1)  # a second at most, as Postgres is tried
        assert (await door.ask(OURS)).data["projects"]["nodes"]
        assert line.calls - calls <= 12  # a pool of ten, the ear, and one that tried
        postgres = await asyncpg.connect(line.dsn)
        assert await postgres.fetchval("SELECT read_number FROM slices WHERE key LIKE 'PROJECTS/%'") > 0
        await postgres.close()


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_without_valkey_reads_go_on_and_it_is_used_again_when_it_is_back(
    how: str, valkey: Valkey, sandbox: Address, home: str, until: Until
) -> None:
    async with opened(sandbox, home, REDIS_URL=valkey.url) as door:
        first = await door.ask(VIEW)
        await published(door)
        getattr(valkey, how)()
        async with opened(sandbox, home, first=False, REDIS_URL=valkey.url) as late:
            sandbox.forget_counts()
            with within(LATER + 0.5):
                answer = await late.ask(VIEW)
            assert answer.data == first.data
            assert sandbox.requests() == 0
        if how == "kill":
            valkey.start()
        else:
            valkey.go()
        tier = door.gateway.loader.source._commons._tier  # type: ignore[attr-defined]
        stored = tier.writes["redis", "stored"]
        with within(10):
            while tier.writes["redis", "stored"] == stored:
                sandbox.add("projects", status="ACTIVE")
                await door.ask("mutation {refresh(entities: [PROJECTS]) {ok}}")
                await asyncio.sleep(0.2)

"""Reading ahead: what is in use is refreshed before people meet its end, in the lowest lane; the rest is left alone."""

import asyncio

import pytest
from structlog.testing import capture_logs

from loaders.ahead import Ahead
from loaders.entities.members import MEMBERS
from loaders.entity import SliceKey
from loaders.errors import RakenUnavailable
from loaders.freshness import State
from loaders.raken import Lane
from tests.unit.world import COMPANY, World, sent, settle

TTL = 300


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def nothing() -> None:
    """Nothing to tidy."""


def ahead(world: World) -> Ahead:
    ready = asyncio.Event()
    ready.set()
    return Ahead(world.loader, lambda: [COMPANY, SliceKey(MEMBERS)], ready, nothing)


async def test_what_is_in_use_is_refreshed_before_its_ttl_ends_and_nobody_meets_the_edge(world: World) -> None:
    reader = ahead(world)
    await world.warm(sent(1))
    for _ in range(240):
        await world.move(5)
        reader.tick()
        await settle()
        assert (await world.read()).state is State.FRESH
    assert set(world.outcomes()) == {"miss", "hit"}
    assert {lane for _, _, lane in world.raken.asked[1:]} == {Lane.AHEAD}
    assert world.requests <= 1 + 240 * 5 / (0.9 * TTL)


async def test_what_nobody_reads_is_left_alone(world: World) -> None:
    reader = ahead(world)
    await world.warm(sent(1))
    for _ in range(20):
        await world.move(60)
        reader.tick()
        await settle()
    assert world.requests == 1


async def test_it_asks_nothing_while_raken_fails_and_is_the_first_to_ask_when_it_is_back(world: World) -> None:
    reader = ahead(world)
    await world.warm(sent(1))
    await world.move(TTL - 5)
    await world.read()
    world.raken.known = RakenUnavailable("away")
    reader.tick()
    await settle()
    assert world.requests == 1
    world.raken.known = None
    reader.tick()
    await settle()
    assert world.requests == 2


async def test_it_is_not_due_while_it_is_being_read(world: World) -> None:
    reader = ahead(world)
    await world.warm(sent(1))
    await world.move(TTL - 5)
    await world.read()
    world.raken.hold()
    reader.tick()
    await settle()
    reader.tick()
    await settle()
    assert world.requests == 2
    world.raken.let_go()


async def test_at_the_start_the_critical_path_is_read_in_the_lowest_lane(world: World) -> None:
    world.raken.rows = {"/projects": [sent(1)], "/members": []}
    await ahead(world).warm()
    assert {(path, lane) for path, _, lane in world.raken.asked} == {
        ("/projects", Lane.AHEAD),
        ("/members", Lane.AHEAD),
    }
    assert (await world.read()).state is State.FRESH
    assert world.outcomes() == {"hit": 1}


async def test_what_is_held_and_fresh_is_not_warmed(world: World) -> None:
    await world.warm(sent(1))
    await world.warm(key=SliceKey(MEMBERS))
    await ahead(world).warm()
    assert world.requests == 2


async def test_nothing_is_asked_before_the_schema_was_seen(world: World) -> None:
    ready = asyncio.Event()
    reader = Ahead(world.loader, lambda: [COMPANY], ready, nothing)
    task = asyncio.create_task(reader.run())
    await settle()
    assert world.requests == 0
    ready.set()
    await settle()
    assert world.requests == 1
    task.cancel()


async def test_it_tidies_once_an_hour(world: World) -> None:
    tidied = []

    async def tidy() -> None:
        tidied.append(world.clock.monotonic())

    ready = asyncio.Event()
    ready.set()
    reader = Ahead(world.loader, list, ready, tidy)
    task = asyncio.create_task(reader.run(sleep=world.clock.sleep))
    while world.clock.monotonic() < 1000 + 2.5 * 3600:  # noqa: ASYNC110 - it is the sleeper that moves the clock
        await asyncio.sleep(0)
    task.cancel()
    assert [round((at - 1000) / 3600) for at in tidied] == [1, 2]


async def test_it_goes_on_after_a_crash(world: World) -> None:
    crashes = []

    async def tidy() -> None:
        crashes.append(world.clock.monotonic())
        raise RuntimeError("broken")

    ready = asyncio.Event()
    ready.set()
    with capture_logs() as lines:
        task = asyncio.create_task(Ahead(world.loader, list, ready, tidy).run(sleep=world.clock.sleep))
        while len(crashes) < 2:  # noqa: ASYNC110 - it is the sleeper that moves the clock
            await asyncio.sleep(0)
        task.cancel()
    assert [line["event"] for line in lines if line["log_level"] == "error"][:2] == ["ahead_crashed"] * 2

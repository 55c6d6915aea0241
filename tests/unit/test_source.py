"""Where slices come from: a published reading is as good as one's own only where nobody has asked for a later one."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loaders.commons import Alone, OwnTurn, Turn
from loaders.entity import SliceKey
from loaders.ledger import Wish
from loaders.pages import Reading
from loaders.slices import Slice
from loaders.source import Policy, Source
from tests.unit.world import COMPANY, World, project, reading, sent, settle


class Scripted(Alone):
    """A commons that answers each claim with the next of its turns, when it is let go."""

    def __init__(self, *turns: Turn | Reading) -> None:
        self.turns = list(turns)
        self.wishes: list[Wish] = []
        self.gate = asyncio.Event()

    async def turn(self, _key: SliceKey, _held: Slice[Any] | None, wish: Callable[[], Wish]) -> Turn | Reading:
        self.wishes.append(wish())
        await self.gate.wait()
        return self.turns.pop(0)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def shared(world: World, *turns: Turn | Reading) -> Scripted:
    """Has a world's loader meet a commons of these turns."""
    commons = Scripted(*turns)
    policy = Policy(world.lifetimes, {})
    world.loader.source = Source(
        world.raken, commons, world.clock, world.memory, policy, world.usages, jitter=lambda: 1.0
    )
    return commons


async def test_a_published_reading_is_taken_and_raken_is_not_asked(world: World) -> None:
    shared(world, reading([project(1)], sent_at=990.0)).gate.set()
    serving = await world.read()
    assert [row.name for row in serving.slice.rows] == ["Bridge"]
    assert (serving.age, world.requests) == (10.0, 0)


async def test_who_asks_for_a_refresh_while_a_published_reading_is_on_its_way_gets_a_later_one(world: World) -> None:
    commons = shared(world, reading([project(1)], sent_at=world.clock.monotonic()), OwnTurn())
    world.raken.rows["/projects"] = [sent(1, "Tunnel")]
    reader = asyncio.create_task(world.read())
    await settle()
    world.clock.move(1)
    admin = asyncio.create_task(world.loader.refresh(COMPANY, 120))
    await settle()
    commons.gate.set()
    landing = await admin
    assert [row.name for row in landing.after.rows] == ["Tunnel"]
    assert (await reader).slice is landing.after
    assert (world.requests, [wish.anew for wish in commons.wishes]) == (1, [False, True])


async def test_a_reader_wants_what_is_fresh_and_later_than_what_is_held(world: World) -> None:
    world.memory.keep(Slice.of(COMPANY, replace(reading([project(1)], sent_at=700.0), number=7), None, 1))
    commons = shared(world, reading([project(1)], sent_at=990.0))
    commons.gate.set()
    await world.read()
    await settle()
    assert commons.wishes == [Wish(above=7, within=300)]


async def test_what_nobody_coordinated_is_replaced_by_what_began_later_alone(world: World) -> None:
    world.memory.keep(Slice.of(COMPANY, reading([project(1)], sent_at=900.0), None, 1))
    commons = shared(world, reading([project(1)], sent_at=990.0))
    commons.gate.set()
    world.loader.ahead(COMPANY)
    await settle()
    assert commons.wishes == [Wish(above=0, within=100)]

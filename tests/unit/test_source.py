"""Where slices come from: a published reading is as good as one's own only where nobody has asked for a later one."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loaders.commons import Alone, OwnTurn, Turn
from loaders.entity import SliceKey
from loaders.errors import ExtensionsUnavailable
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


class Published(Alone):
    """A commons with one row, whose body takes as long as the gate is closed; and leases of a number."""

    def __init__(self, row: Reading | None = None, number: int = 100) -> None:
        self.row = row
        self.number = number
        self.gate = asyncio.Event()
        self.gate.set()

    async def recall(self, _key: SliceKey, held: Slice[Any] | None) -> Reading | None:
        row = self.row
        await self.gate.wait()
        return row if row is not None and (held is None or row.number > held.reading.number) else None

    async def turn(self, _key: SliceKey, _held: Slice[Any] | None, _wish: Callable[[], Wish]) -> Turn | Reading:
        turn = OwnTurn()
        turn.number = self.number
        return turn

    def wake(self, text: str) -> SliceKey | None:
        return COMPANY if text else None


def made(number: int, name: str, sent_at: float) -> Reading:
    return replace(reading([project(1, name)], sent_at), number=number, pages=())


def beside(world: World, commons: Alone) -> Source:
    """A source of a world before this commons."""
    policy = Policy(world.lifetimes, {})
    world.loader.source = Source(
        world.raken, commons, world.clock, world.memory, policy, world.usages, jitter=lambda: 1.0
    )
    return world.loader.source


def held(world: World) -> str:
    slice_ = world.memory.peek(COMPANY)
    assert slice_ is not None
    return str(slice_.rows[0].name)


async def test_what_is_published_while_an_earlier_one_is_on_its_way_is_not_missed(world: World) -> None:
    commons = Published(made(5, "old", 990.0))
    source = beside(world, commons)
    commons.gate.clear()
    first = asyncio.create_task(source.recall(COMPANY))
    await settle()
    commons.row = made(6, "new", 1000.0)
    await source.heard("of 6")
    commons.gate.set()
    await first
    assert held(world) == "new"


async def test_what_is_recalled_late_takes_no_later_readings_place(world: World) -> None:
    commons = Published(made(5, "old", 990.0))
    source = beside(world, commons)
    world.memory.keep(Slice.of(COMPANY, made(4, "oldest", 980.0), None, 1))
    world.raken.rows["/projects"] = [sent(1, "newest")]
    commons.gate.clear()
    late = asyncio.create_task(source.heard("of 5"))
    await settle()
    await world.loader.refresh(COMPANY, 120)
    assert held(world) == "newest"
    commons.gate.set()
    await late
    assert held(world) == "newest"


async def test_a_reading_whose_lease_was_lost_takes_no_later_ones_place(world: World) -> None:
    commons = Published(number=5)
    source = beside(world, commons)
    world.memory.keep(Slice.of(COMPANY, made(4, "oldest", 980.0), None, 1))
    world.raken.rows["/projects"] = [sent(1, "slow")]
    world.raken.hold()
    slow = asyncio.create_task(world.loader.refresh(COMPANY, 120))
    await settle()
    commons.row = made(6, "newer", world.clock.monotonic())
    await source.heard("of 6")
    world.raken.let_go()
    await slow
    assert held(world) == "newer"


async def test_who_hears_of_something_while_postgres_is_away_is_told_so(world: World) -> None:
    class Away(Published):
        async def recall(self, _key: SliceKey, _held: Slice[Any] | None) -> Reading | None:
            raise ExtensionsUnavailable("away")

    source = beside(world, Away())
    world.memory.keep(Slice.of(COMPANY, made(4, "old", 980.0), None, 1))
    with pytest.raises(ExtensionsUnavailable):
        await source.heard("of 5")
    assert await source.recall(COMPANY) is world.memory.peek(COMPANY)


async def test_what_cannot_be_published_is_held_and_the_turn_given_back(world: World) -> None:
    given_back = []

    class Broken(OwnTurn):
        async def publish(self, _slice: Slice[Any]) -> str | None:
            raise RuntimeError("broken")

        async def release(self) -> None:
            given_back.append(True)

    shared(world, Broken()).gate.set()
    await world.warm(sent(1))
    await settle()
    assert (held(world), given_back) == ("Bridge", [True])

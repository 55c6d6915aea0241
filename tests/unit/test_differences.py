"""One question for all months: who comes to wait for it is served as his own lane and the age of things allow."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from loaders.commons import Alone, OwnTurn, Turn
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Month, SliceKey
from loaders.errors import QuotaExhausted, RakenError
from loaders.freshness import State
from loaders.ledger import Wish
from loaders.loader import Loader
from loaders.operation import Operation
from loaders.pages import Reading
from loaders.raken import Lane
from loaders.slices import Memory, Slice
from loaders.source import Policy, Source
from loaders.usage import Usages
from tests.unit.remembering import Remembering
from tests.unit.world import ENTITIES, LIFETIME, settle

MARCH, APRIL = (SliceKey(TIME_CARDS, None, Month(2026, month)) for month in (3, 4))


def over(raken: Remembering, commons: Alone) -> Loader:
    lifetimes = {entity.name: LIFETIME for entity in ENTITIES}
    memory = Memory(10_000_000)
    source = Source(raken, commons, raken.hands, memory, Policy(lifetimes, {}), Usages(ENTITIES), lambda: 1.0)
    return Loader(source, raken.hands, lifetimes)


async def test_who_joins_a_flight_that_gives_up_because_nobody_waits_gets_a_whole_reading() -> None:
    gate = asyncio.Event()

    class Slow(OwnTurn):
        async def release(self) -> None:
            await gate.wait()

    class Slowly(Alone):
        async def turn(self, _key: SliceKey, _held: Slice[Any] | None, _wish: Callable[[], Wish]) -> Turn | Reading:
            return Slow()

    raken = Remembering()
    loader = over(raken, Slowly())
    raken.do(("add", 1, date(2026, 3, 3)), ("add", 2, date(2026, 4, 4)))
    for month in (MARCH, APRIL):
        await loader.read(month, Operation(raken.hands.monotonic() + 8))
    raken.hands.move(700)
    # A card that was added back is among the changed and the deleted: that month is unclear.
    raken.do(("restore", 1, date(2026, 3, 3)))
    first = asyncio.create_task(loader.read(APRIL, Operation(raken.hands.monotonic() + 8)))
    await settle()
    second = asyncio.create_task(loader.read(MARCH, Operation(raken.hands.monotonic() + 8)))
    await settle()
    gate.set()
    serving = await second
    await first
    assert (serving.state, serving.age < LIFETIME.ttl) == (State.FRESH, True)


async def test_people_do_not_fail_of_what_is_withheld_from_reading_ahead() -> None:
    class Kept(Remembering):
        kept = False
        gate: asyncio.Event | None = None

        async def page(self, path: str, params: Mapping[str, str], lane: Lane, *more: Any, **rest: Any) -> Any:
            if lane is Lane.AHEAD and self.gate is not None:
                await self.gate.wait()
                raise QuotaExhausted("the last 25 are kept for people who wait")
            return await super().page(path, params, lane, *more, **rest)

        def failing(self, lane: Lane) -> RakenError | None:
            return QuotaExhausted("kept") if self.kept and lane is Lane.AHEAD else None

    raken = Kept()
    loader = over(raken, Alone())
    raken.do(("add", 1, date(2026, 3, 3)), ("add", 2, date(2026, 4, 4)))
    await loader.read(MARCH, Operation(raken.hands.monotonic() + 8))
    raken.hands.move(700)
    raken.gate = asyncio.Event()
    loader.ahead(MARCH)
    await settle()
    await loader.read(APRIL, Operation(raken.hands.monotonic() + 8))
    raken.hands.move(700)
    person = asyncio.create_task(loader.read(APRIL, Operation(raken.hands.monotonic() + 8)))
    await settle()
    raken.kept = True
    raken.gate.set()
    assert (await person).state is not State.DEGRADED

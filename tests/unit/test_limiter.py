"""The way out: spaced, in the order of lanes, few at once."""

import asyncio
from itertools import pairwise
from random import Random

import pytest

from loaders.errors import RakenError, RakenUnavailable
from loaders.limiter import PLACES, Slots, Turnstile
from loaders.raken import Lane
from tests.hands import Hands
from tests.pace import OwnPace
from tests.waiting import within


class Gate:
    """Refuses the lanes that it is told to."""

    def __init__(self) -> None:
        self.shut: set[Lane] = set()

    def __call__(self, lane: Lane) -> RakenError | None:
        return RakenUnavailable(f"{lane.name} is refused") if lane in self.shut else None


class Street:
    """A turnstile, and a record of who went out when."""

    def __init__(self, rate: float = 5.0, abreast: int = 8) -> None:
        self.hands = Hands()
        self.gate = Gate()
        self.pace = OwnPace(self.hands, rate)
        self.turnstile = Turnstile(self.pace, abreast, self.gate, self.hands.sleep)
        self.out: list[str] = []
        self.at: list[float] = []
        self.now = self.most = 0

    async def go(self, name: str, lane: Lane = Lane.PEOPLE, stay: asyncio.Event | None = None) -> None:
        async with self.turnstile.turn(lane):
            self.out.append(name)
            self.at.append(round(self.hands.seconds - 1000.0, 6))
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await (stay.wait() if stay else asyncio.sleep(0))
            finally:
                self.now -= 1


async def settle() -> None:
    """Lets every task go on as far as it can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_requests_leave_evenly_spaced() -> None:
    street = Street(rate=5.0)
    await asyncio.gather(*(street.go(str(n)) for n in range(5)))
    assert street.at == [0.0, 0.2, 0.4, 0.6, 0.8]


async def test_time_that_passed_unused_is_not_saved_up() -> None:
    street = Street(rate=5.0)
    await street.go("first")
    street.hands.move(60)
    await asyncio.gather(*(street.go(str(n)) for n in range(3)))
    assert street.at == [0.0, 60.0, 60.2, 60.4]


async def test_people_go_before_what_was_asked_for_and_that_before_what_is_ahead_of_need() -> None:
    street = Street()
    lanes = [Lane.AHEAD, Lane.ASKED, Lane.PEOPLE, Lane.AHEAD, Lane.ASKED, Lane.PEOPLE]
    await asyncio.gather(*(street.go(f"{lane.name}{n}", lane) for n, lane in enumerate(lanes)))
    assert street.out == ["PEOPLE2", "PEOPLE5", "ASKED1", "ASKED4", "AHEAD0", "AHEAD3"]


async def test_no_more_are_out_at_once_than_agreed() -> None:
    street, stay = Street(abreast=3), asyncio.Event()
    going = [asyncio.create_task(street.go(str(n), stay=stay)) for n in range(7)]
    await settle()
    assert street.now == 3
    stay.set()
    await asyncio.gather(*going)
    assert (len(street.out), street.most) == (7, 3)


async def test_who_is_refused_while_waiting_is_sent_away_and_takes_no_place() -> None:
    street = Street()
    street.gate.shut = {Lane.AHEAD}
    ahead = [asyncio.create_task(street.go("ahead", Lane.AHEAD)) for _ in range(3)]
    await asyncio.gather(street.go("a"), street.go("b"))
    for task in ahead:
        with pytest.raises(RakenUnavailable, match="AHEAD is refused"):
            await task
    assert (street.out, street.at) == (["a", "b"], [0.0, 0.2])


@pytest.mark.parametrize("seed", range(5))
async def test_the_order_holds_whoever_else_is_sent_away_or_gives_up(seed: int) -> None:
    street, random = Street(), Random(seed)
    lanes = [random.choice([Lane.PEOPLE, Lane.ASKED, Lane.AHEAD]) for _ in range(60)]
    going = [asyncio.create_task(street.go(f"{lane:d}-{n:02}", lane)) for n, lane in enumerate(lanes)]
    await asyncio.sleep(0)
    for task in random.sample(going, 40):
        task.cancel()
    await asyncio.gather(*going, return_exceptions=True)
    assert street.out == sorted(street.out)
    assert len(street.out) == 20


async def test_who_is_refused_while_the_next_place_is_awaited_is_not_let_out() -> None:
    street = Street()

    async def shut() -> None:
        async with street.turnstile.turn(Lane.PEOPLE):
            street.gate.shut = {Lane.PEOPLE}

    waiting = asyncio.gather(shut(), street.go("b"))
    with pytest.raises(RakenUnavailable, match="PEOPLE is refused"):
        await waiting
    assert street.out == []


async def test_who_gives_up_while_waiting_takes_no_place() -> None:
    street, stay = Street(abreast=1), asyncio.Event()
    first = asyncio.create_task(street.go("first", stay=stay))
    second = asyncio.create_task(street.go("second"))
    third = asyncio.create_task(street.go("third"))
    await settle()
    second.cancel()
    stay.set()
    await asyncio.gather(first, third)
    assert (street.out, street.at) == (["first", "third"], [0.0, 0.2])


async def test_who_gives_up_in_the_moment_of_its_turn_leaves_the_way_free() -> None:
    street = Street(abreast=1)
    for _ in range(5):
        going = asyncio.create_task(street.go("given up"))
        for _ in range(60):
            await asyncio.sleep(0)
            if street.turnstile._queue == [] and street.turnstile._porter is not None:
                break
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    with within(1):
        await street.go("next")


async def test_a_spacing_that_fails_fails_those_who_wait_and_not_those_who_come_later() -> None:
    class Broken:
        async def reserve(self) -> float:
            raise RakenUnavailable("no place can be had")

    street = Street()
    street.turnstile._spacing = Broken()
    for result in await asyncio.gather(street.go("a"), street.go("b"), return_exceptions=True):
        assert str(result) == "no place can be had"
    street.turnstile._spacing = street.pace
    await street.go("c")
    assert street.out == ["c"]


async def test_what_fails_outside_leaves_the_way_free() -> None:
    street = Street(abreast=1)
    with pytest.raises(ValueError, match="outside"):
        async with street.turnstile.turn(Lane.PEOPLE):
            raise ValueError("outside")
    with within(1):
        await street.go("next")


async def test_a_closed_one_leaves_no_task_behind() -> None:
    street, stay = Street(abreast=1), asyncio.Event()
    going = [asyncio.create_task(street.go(str(n), stay=stay)) for n in range(2)]
    await settle()
    await street.turnstile.close()
    for task in going:
        task.cancel()
    await asyncio.gather(*going, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_processes_that_cannot_speak_with_each_other_send_as_one_would() -> None:
    processes = [Slots(0.25, rank, 3) for rank in range(3)]
    moments = sorted(slots.after(1e9 + slots.round * n) for n in range(20) for slots in processes)
    assert [round(after - before, 6) for before, after in pairwise(moments)] == [0.25] * 59


def test_a_moment_of_ones_own_is_never_in_the_past_and_not_far() -> None:
    slots = Slots(0.2, 1, 4)
    for n in range(100):
        moment = 1000 + n / 7
        assert moment <= slots.after(moment) < moment + slots.round


async def test_a_place_that_was_missed_is_not_used_and_who_is_always_late_goes_some_time() -> None:
    class Busy:
        """The process was busy when its place came, so many times."""

        def __init__(self, times: int) -> None:
            self.times = times
            self.asked = 0

        async def reserve(self) -> float:
            self.asked += 1
            return -1.0 if self.asked <= self.times else 0.0

    for times, asked in ((0, 1), (1, 2), (99, PLACES)):
        street = Street()
        street.turnstile._spacing = busy = Busy(times)
        await street.go("late")
        assert busy.asked == asked

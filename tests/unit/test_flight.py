"""Single flight: one fetch whoever asks, and `anew`, which never joins an earlier one."""

import asyncio
from collections.abc import Callable

import pytest

from loaders.flight import Departure, Flights
from tests.unit.world import settle


class Tower:
    """Flights whose fetches depart and land on command, and a record of each."""

    def __init__(self) -> None:
        self.crashes: list[tuple[str, BaseException]] = []
        self.flights: Flights[str, int] = Flights(lambda key, error: self.crashes.append((key, error)))
        self.leave, self.arrive = asyncio.Event(), asyncio.Event()
        self.fetched: list[int] = []

    def fetch(self, number: int, error: BaseException | None = None) -> Callable[[Departure], "asyncio.Future[int]"]:
        async def fetch(depart: Departure) -> int:
            self.fetched.append(number)
            await self.leave.wait()
            depart()
            await self.arrive.wait()
            if error is not None:
                raise error
            return number

        return lambda depart: asyncio.ensure_future(fetch(depart))


async def test_whoever_asks_meanwhile_gets_the_same_fetch() -> None:
    tower = Tower()
    flights = [tower.flights.join("key", tower.fetch(number)) for number in range(300)]
    tower.leave.set()
    tower.arrive.set()
    assert await asyncio.gather(*(flight.land() for flight in flights)) == [0] * 300
    assert tower.fetched == [0]
    assert not tower.flights.under_way("key")


async def test_another_key_is_another_flight_and_a_landed_one_is_over() -> None:
    tower = Tower()
    tower.leave.set()
    tower.arrive.set()
    assert await tower.flights.join("one", tower.fetch(1)).land() == 1
    assert await tower.flights.join("other", tower.fetch(2)).land() == 2
    assert await tower.flights.join("one", tower.fetch(3)).land() == 3


async def test_one_that_gives_up_does_not_end_the_flight_for_the_others() -> None:
    tower = Tower()
    flight = tower.flights.join("key", tower.fetch(1))
    impatient, patient = asyncio.create_task(flight.land()), asyncio.create_task(flight.land())
    tower.leave.set()
    await settle()
    impatient.cancel()
    with pytest.raises(TimeoutError):
        await flight.land(0)
    await settle()
    tower.arrive.set()
    assert await patient == 1
    assert impatient.cancelled()


async def test_anew_never_joins_a_flight_whose_first_request_went_out_before() -> None:
    tower = Tower()
    tower.leave.set()
    early = tower.flights.join("key", tower.fetch(1))
    await settle()
    assert early.departed
    asking = asyncio.create_task(tower.flights.anew("key", tower.fetch(2)))
    await settle()
    assert tower.fetched == [1]  # one fetch a key at a time
    tower.arrive.set()
    assert await (await asking).land() == 2
    assert await early.land() == 1


async def test_anew_joins_a_flight_that_has_not_yet_asked() -> None:
    tower = Tower()
    waiting = tower.flights.join("key", tower.fetch(1))
    await settle()
    flight = await tower.flights.anew("key", tower.fetch(2))
    assert flight is waiting
    tower.leave.set()
    tower.arrive.set()
    assert await flight.land() == 1
    assert tower.fetched == [1]


@pytest.mark.parametrize("departed", [False, True])
async def test_ten_that_ask_anew_at_once_are_one_flight(departed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    tower = Tower()
    if departed:
        tower.leave.set()
        tower.flights.join("key", tower.fetch(0))
        await settle()
    asking = [asyncio.create_task(tower.flights.anew("key", tower.fetch(number))) for number in range(1, 11)]
    await settle()
    tower.leave.set()
    tower.arrive.set()
    assert {await (await one).land() for one in asking} == {1}
    assert tower.fetched == ([0, 1] if departed else [1])


async def test_a_crash_is_told_also_if_nobody_waits_and_leaves_no_warning_behind() -> None:
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    tower, crash = Tower(), RuntimeError("nobody foresaw this")
    tower.leave.set()
    tower.arrive.set()
    tower.flights.join("key", tower.fetch(1, crash))
    await settle()
    assert tower.crashes == [("key", crash)]
    assert not tower.flights.under_way("key")
    del crash
    assert unheard == []


async def test_a_crash_reaches_everybody_who_waits() -> None:
    tower = Tower()
    flight = tower.flights.join("key", tower.fetch(1, RuntimeError("nobody foresaw this")))
    landings = [asyncio.create_task(flight.land()) for _ in range(3)]
    tower.leave.set()
    tower.arrive.set()
    for landing in landings:
        with pytest.raises(RuntimeError, match="nobody foresaw this"):
            await landing


async def test_closing_ends_what_is_under_way() -> None:
    tower = Tower()
    flight = tower.flights.join("key", tower.fetch(1))
    await settle()
    await tower.flights.close()
    assert flight.task.cancelled()
    assert tower.crashes == []

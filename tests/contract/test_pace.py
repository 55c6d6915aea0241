"""Every pace keeps the same promises: that of one process, which stands in for it in tests, and that in Postgres."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from loaders.errors import QuotaExhausted, RakenError, RakenThrottled, RakenUnavailable
from loaders.migrate import migrate
from loaders.pace import Pace, Today
from loaders.postgres import Postgres
from loaders.postgres_pace import PostgresPace
from loaders.raken import Lane
from loaders.throttle import Refusal
from tests.database_clock import fake_clock, move_clock
from tests.hands import Hands
from tests.pace import OwnPace

DAY = 86_400


class Made:
    """A pace, and its time."""

    def __init__(self, pace: Pace, move: Callable[[float], Awaitable[None]]) -> None:
        self.pace = pace
        self.move = move

    async def send(self, lane: Lane = Lane.PEOPLE) -> int:
        """Sends one: how many pauses there were before it."""
        await self.pace.reserve()
        await self.pace.spend(lane)
        return self.pace.depart()

    async def send_all(self, lane: Lane) -> int:
        """Sends in a lane until it gets none: how many."""
        await self.pace.reserve()
        count = 0
        while self.pace.withheld(lane) is None and count < 500:
            await self.pace.spend(lane)
            self.pace.depart()
            count += 1
        return count


@pytest.fixture(params=["own", "postgres"])
def dsn(request: pytest.FixtureRequest) -> str:
    """The database that the pace is kept in; none for one of one process."""
    return request.getfixturevalue("database_url") if request.param == "postgres" else ""


@pytest.fixture
async def made(dsn: str) -> AsyncIterator[Callable[..., Awaitable[Made]]]:
    """Yields what makes a pace; of Postgres', the database's clock is moved with its own."""
    hands = Hands()
    opened: list[Any] = []

    async def move(seconds: float) -> None:
        hands.move(seconds)
        if dsn:
            await move_clock(dsn, seconds)
            await opened[-1].heard("")

    async def make(limit: int | None = None, rate: float = 5.0) -> Made:
        if not dsn:
            return Made(OwnPace(hands, rate, limit), move)
        await fake_clock(dsn)
        await migrate(dsn)
        postgres = await Postgres(dsn, hands).__aenter__()
        pace = PostgresPace(postgres, hands, rate, limit, lambda: 1.0)
        opened.extend([postgres, pace])
        return Made(pace, move)

    yield make
    for one in reversed(opened):
        await (one.close() if isinstance(one, PostgresPace) else one.__aexit__(None, None, None))


Make = Callable[..., Awaitable[Made]]


async def test_each_place_is_a_gap_after_the_one_before(made: Make) -> None:
    it = await made(rate=1.0)
    places = [await it.pace.reserve() for _ in range(4)]
    # The database's clock goes on meanwhile, and gaps have some slack.
    assert places == pytest.approx([0, 1, 2, 3], abs=0.4)


async def test_time_that_passed_unused_is_not_saved_up(made: Make) -> None:
    it = await made(rate=1.0)
    await it.pace.reserve()
    await it.move(60)
    assert [await it.pace.reserve() for _ in range(3)] == pytest.approx([0, 1, 2], abs=0.4)


async def test_the_lanes_stop_one_after_the_other_as_the_day_runs_down(made: Make) -> None:
    it = await made(limit=100)
    assert [await it.send_all(lane) for lane in (Lane.AHEAD, Lane.ASKED, Lane.PEOPLE)] == [75, 15, 10]
    with pytest.raises(QuotaExhausted, match="the day's 100 requests to Raken are spent"):
        await it.pace.spend(Lane.PEOPLE)
    assert await it.pace.today() == Today(100, 0)


@pytest.mark.parametrize("limit", [1, 7, 250])
async def test_no_quota_is_passed_and_none_is_left(made: Make, limit: int) -> None:
    it = await made(limit=limit)
    assert await it.send_all(Lane.PEOPLE) == limit


async def test_a_day_s_quota_and_counts_begin_anew_with_the_utc_day(made: Make) -> None:
    it = await made(limit=3)
    await it.send_all(Lane.PEOPLE)
    await it.pace.refused(Refusal(429, 1.0), 0)
    await it.move(DAY)
    assert it.pace.withheld(Lane.AHEAD) is None
    assert await it.pace.today() == Today(0, 0)
    await it.send()
    assert await it.pace.today() == Today(1, 0)


async def test_without_a_quota_requests_are_counted_and_never_refused(made: Make) -> None:
    it = await made()
    assert await it.send_all(Lane.AHEAD) == 500
    assert (it.pace.limit, await it.pace.today()) == (None, Today(500, 0))


REFUSALS: list[tuple[Refusal, type[RakenError], str]] = [
    (Refusal(429, 7.0), RakenThrottled, "Raken says 429, too many requests: it is left alone for 7 s"),
    (Refusal(429, 7.0, quota=True), QuotaExhausted, "Raken says 429: the day's quota of requests is spent"),
    (Refusal(503, 7.0), RakenUnavailable, "Raken says 503: it is left alone for 7 s, as it wishes"),
]


@pytest.mark.parametrize(("refusal", "kind", "words"), REFUSALS, ids=["rate", "quota", "away"])
async def test_while_raken_is_left_alone_nobody_sends_and_all_are_told_the_same(
    made: Make, refusal: Refusal, kind: type[RakenError], words: str
) -> None:
    it = await made()
    error = await it.pace.refused(refusal, await it.send())
    await it.move(6)
    assert await it.pace.reserve() == 0
    with pytest.raises(kind) as told:
        it.pace.depart()
    assert {str(error), str(told.value), *(str(it.pace.withheld(lane)) for lane in Lane)} == {words}
    await it.move(2)
    assert it.pace.withheld(Lane.AHEAD) is None
    await it.send()


async def test_what_may_not_leave_in_the_last_moment_is_not_spent(made: Make) -> None:
    it = await made(limit=1)
    await it.pace.reserve()
    await it.pace.spend(Lane.PEOPLE)
    await it.pace.refused(Refusal(429, 7.0), 0)
    with pytest.raises(RakenThrottled):
        it.pace.depart()
    await it.move(7)
    await it.send()
    assert (await it.pace.today()).requests == 1


async def test_a_429_that_comes_again_after_a_back_off_is_the_quota_until_an_answer_comes(made: Make) -> None:
    it = await made()
    kinds: list[Any] = []
    for _ in range(2):
        kinds.append(type(await it.pace.refused(Refusal(429), await it.send())))
        await it.move(120)
    await it.pace.answered(await it.send())
    kinds.append(type(await it.pace.refused(Refusal(429), await it.send())))
    assert kinds == [RakenThrottled, QuotaExhausted, RakenThrottled]
    assert await it.pace.today() == Today(4, 3)

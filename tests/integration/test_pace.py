"""How Raken is asked by several processes: spaced, within the day's quota, and left alone, all over one Postgres."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from loaders import postgres_pace
from loaders.errors import QuotaExhausted, RakenThrottled, RakenUnavailable
from loaders.raken import Lane
from loaders.throttle import Refusal
from sandbox.options import Options
from sandbox.running import Address, running
from tests.database_clock import fake_clock, move_clock, set_clock_right
from tests.integration.conftest import Line
from tests.integration.door import forget
from tests.integration.sender import Sender, sending
from tests.waiting import GUARD, within

DAY = 86_400
Start = Callable[..., Awaitable[Sender]]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture(scope="module")
def company() -> Iterator[Address]:
    with running(Options(port=0, seed=3, projects=2, members=3, days=2)) as address:
        yield address


@pytest.fixture
def raken(company: Address) -> Address:
    """A sandbox that has been asked nothing."""
    company.reset()
    return company


@pytest.fixture(scope="module")
def office(home: str) -> str:
    """The database of these tests, whose clock can be moved."""
    asyncio.run(fake_clock(home))
    return home


@pytest.fixture
async def dsn(office: str) -> str:
    """The same, with nothing in it of what was sent before, and at the right time."""
    await forget(office)
    await set_clock_right(office)
    return office


@pytest.fixture
async def line(dsn: str) -> AsyncIterator[Line]:
    """Yields a line to it."""
    line = Line(dsn)
    await line.open()
    yield line
    await line.cut()


@pytest.fixture
async def start(raken: Address, dsn: str) -> AsyncIterator[Start]:
    """Yields what starts a process."""
    async with AsyncExitStack() as stack:

        async def start(rate: float = 500.0, limit: int | None = None, via: str = dsn) -> Sender:
            sender = sending(via, raken.url, raken.access_token(), rate, limit)
            return await stack.enter_async_context(sender)

        yield start


async def fetch(dsn: str, query: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def later(dsn: str, seconds: float, *senders: Sender) -> None:
    """Lets so much time pass for a database, and for those who know its time."""
    await move_clock(dsn, seconds)
    for sender in senders:
        await sender.pace.heard("")


# Spacing


async def test_a_second_never_sees_more_than_agreed_whoever_sends(raken: Address, start: Start) -> None:
    both = [await start(rate=20), await start(rate=20)]
    # Nothing is wasted: another second would do for twenty more.
    with within(2.5):
        await asyncio.gather(*(sender.ask(15) for sender in both))
    counts = raken.counts()
    assert (counts["all"], counts["peakPerSecond"] <= 20) == (30, True), counts


async def test_a_place_is_one_statement_and_a_quota_is_none(start: Start) -> None:
    sender = await start(limit=10_000)
    await sender.ask()
    statements: list[str] = []
    sender.postgres._on_statement = lambda text, _seconds: statements.append(" ".join(text.split()))
    await sender.postgres._pool.expire_connections()
    await sender.ask(5)
    places = [text for text in statements if "SET next_at" in text]
    behind = [text for text in statements if "raken_senders AS s" in text or "AS others" in text]
    assert len(places) == 5
    # One may have been under way before.
    assert len([text for text in behind if "AS others" in text]) <= len(behind) / 2 + 1
    assert [text for text in statements if text not in {*places, *behind} and not text.startswith("SET ")] == []


async def test_a_clock_that_was_set_back_keeps_nobody_waiting(dsn: str, start: Start) -> None:
    sender = await start(rate=100)
    await sender.ask()
    await move_clock(dsn, -3600)
    with within(5):
        await sender.ask()


# The quota


async def test_a_quota_is_never_passed_however_many_send_at_once(raken: Address, dsn: str, start: Start) -> None:
    senders = [await start(limit=250) for _ in range(3)]
    errors = await asyncio.gather(*(sender.ask(120) for sender in senders))
    assert {type(error) for each in errors for error in each} == {QuotaExhausted}
    # What one process has left of its last block, another cannot have.
    assert 250 - 2 * len(senders) < raken.requests() <= 250
    assert await fetch(dsn, "SELECT reserved FROM raken_days") == [(250,)]


async def test_who_is_killed_forfeits_its_block_and_who_ends_gives_it_back(dsn: str, start: Start) -> None:
    survivor, killed = await start(limit=500), await start(limit=500)
    await asyncio.gather(survivor.ask(), killed.ask())
    assert await fetch(dsn, "SELECT reserved FROM raken_days") == [(10,)]
    killed.pace._following.cancel()
    await survivor.pace.close()
    assert await fetch(dsn, "SELECT reserved FROM raken_days") == [(6,)]


async def test_the_lanes_hold_over_the_sum_of_all(raken: Address, start: Start) -> None:
    one, other = await start(limit=100), await start(limit=100)
    assert not await one.ask(74, Lane.PEOPLE)
    assert not await other.ask(1, Lane.AHEAD)
    for lane, last in ((Lane.AHEAD, 75), (Lane.ASKED, 90), (Lane.PEOPLE, 100)):
        await asyncio.gather(one.ask(20, lane), other.ask(20, lane))
        assert raken.requests() == last


async def test_a_block_that_was_reserved_yesterday_is_worth_nothing_today(dsn: str, start: Start) -> None:
    sender = await start(limit=1000)
    await sender.ask()
    await move_clock(dsn, DAY)
    await sender.ask(10)
    assert [reserved for (reserved,) in await fetch(dsn, "SELECT reserved FROM raken_days ORDER BY day")] == [10, 10]


async def test_a_quota_that_is_spent_stays_so_where_a_process_believes_in_a_later_day(start: Start) -> None:
    sender = await start(limit=1)
    await sender.ask()
    sender.pace._ahead += DAY
    with within(5):
        errors = await sender.ask()
    assert [type(error) for error in errors] == [QuotaExhausted]


async def test_a_pause_of_a_time_when_the_clock_was_wrong_has_ended(dsn: str, start: Start) -> None:
    sender, other = await start(), await start()
    await move_clock(dsn, 3600)
    await sender.pace.heard("")
    await sender.pace.refused(Refusal(429, 2.0), sender.pace._pause.number)
    await move_clock(dsn, -3600)
    await other.pace.heard("")
    assert other.pace.withheld(Lane.PEOPLE) is None


async def test_a_second_never_sees_more_where_postgres_is_slow_after_a_place_was_taken(
    raken: Address, start: Start
) -> None:
    sender = await start(rate=10)
    began = time.monotonic()

    async def slowly() -> None:
        if time.monotonic() - began < 0.5:
            await asyncio.sleep(0.45)

    await asyncio.gather(*(sender.raken.page("/payTypes", {}, Lane.PEOPLE, len, on_send=slowly) for _ in range(15)))
    assert raken.counts()["peakPerSecond"] <= 10


async def test_a_quota_that_is_set_in_the_middle_of_a_day_counts_what_was_sent_before(
    raken: Address, start: Start
) -> None:
    before = await start()
    await before.ask(4)
    await before.pace.today()
    after = await start(limit=6)
    assert len(await after.ask(5)) == 3
    assert raken.requests() == 6


async def test_without_postgres_only_what_is_reserved_is_spent(raken: Address, line: Line, start: Start) -> None:
    sender = await start(limit=300, via=line.dsn)
    await sender.ask()
    await line.cut()
    errors = await sender.ask(10)
    assert {type(error) for error in errors} == {RakenUnavailable}
    assert "none is reserved" in str(errors[0])
    assert "none is reserved" in str(sender.raken.failing(Lane.PEOPLE))
    assert raken.requests() == 3


# What was sent today


async def test_what_was_sent_today_is_the_sum_of_all_and_what_raken_has_counted(raken: Address, start: Start) -> None:
    senders = [await start() for _ in range(3)]
    raken.fault("status", status=500, times=2)
    await asyncio.gather(*(sender.ask(7) for sender in senders))
    raken.fault("rate", retry_after="60", times=1)
    await senders[1].ask()
    for sender in senders:
        await sender.pace.today()
    for sender in senders:
        status = await sender.raken.status()
        assert (status.requests_today, status.throttled_today, status.daily_quota) == (raken.requests(), 1, None)


async def test_what_was_sent_is_written_down_without_being_asked_for(start: Start, dsn: str) -> None:
    sender = await start()
    await sender.ask(3)
    sent: list[tuple[object, ...]] = []
    async with asyncio.timeout(GUARD):
        while sent != [(3,)]:
            sent = await fetch(dsn, "SELECT sum(sent)::integer FROM raken_senders")


@pytest.mark.parametrize("trouble", ["cut", "hush"])
async def test_what_is_sent_while_postgres_is_away_is_counted_once_when_it_is_back(
    line: Line, start: Start, trouble: str
) -> None:
    sender, other = await start(via=line.dsn), await start()
    await sender.ask(2)
    if trouble == "cut":
        await line.cut()
    else:
        line.hush()
    await sender.ask(3)
    assert (await sender.raken.status()).requests_today == 5
    if trouble == "cut":
        await line.mend()
    else:
        line.talk()
    async with asyncio.timeout(GUARD):
        while (await other.raken.status()).requests_today < 5:
            pass
    assert (await sender.raken.status()).requests_today == 5
    await other.ask()
    await other.raken.status()
    assert (await sender.raken.status()).requests_today == 6


# Left alone


async def test_a_429_that_one_process_meets_is_obeyed_by_all_at_their_next_place(
    raken: Address, dsn: str, start: Start
) -> None:
    one, other = await start(), await start()
    raken.fault("rate", retry_after="7", times=1)
    (met,) = await one.ask()
    told = await other.ask(5)
    assert [type(error) for error in told] == [RakenThrottled] * 5
    assert {str(error) for error in [met, *told]} == {
        "Raken says 429, too many requests: it is left alone for 7 s",
    }
    await later(dsn, 6, one, other)
    assert len(await other.ask(2)) == 2
    assert raken.requests() == 1
    await later(dsn, 2, one, other)
    assert await other.ask() == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "rate"}, RakenThrottled),
        ({"kind": "quota"}, QuotaExhausted),
        ({"kind": "status", "status": 503}, RakenUnavailable),
    ],
    ids=["rate", "quota", "503"],
)
async def test_whoever_hears_of_a_pause_knows_it_before_asking(
    raken: Address, start: Start, dsn: str, fault: dict[str, object], kind: type[Exception]
) -> None:
    one, other = await start(), await start()
    listener = await asyncpg.connect(dsn)
    heard: asyncio.Queue[str] = asyncio.Queue()
    await listener.add_listener("raken_gateway", lambda *told: heard.put_nowait(str(told[-1])))
    raken.fault(**fault, retry_after="7", times=1)  # type: ignore[arg-type]
    await one.ask()
    assert await asyncio.wait_for(heard.get(), GUARD) == "pause"
    assert other.raken.failing(Lane.PEOPLE) is None
    await other.pace.heard("")
    assert type(other.raken.failing(Lane.PEOPLE)) is kind
    assert str(other.raken.failing(Lane.AHEAD)) == str(one.raken.failing(Lane.AHEAD))
    await listener.close()


async def test_a_429_that_another_process_meets_after_the_back_off_is_the_quota(
    raken: Address, dsn: str, start: Start
) -> None:
    one, other = await start(), await start()
    raken.fault("rate")
    kinds, ends = [], []
    for sender in (one, other, one, other):
        kinds.append(type((await sender.ask())[0]))
        ((left,),) = await fetch(
            dsn, "SELECT extract(epoch FROM paused_until - faked.clock_timestamp())::float8 FROM raken_pace"
        )
        ends.append(round(left))
        await later(dsn, left + 1, one, other)
    assert kinds == [RakenThrottled, QuotaExhausted, QuotaExhausted, QuotaExhausted]
    assert ends == [1, 2, 4, 8]
    raken.lift()
    assert await other.ask() == []
    raken.fault("rate")
    assert type((await one.ask())[0]) is RakenThrottled
    assert raken.requests() == 6


async def test_of_two_that_are_refused_at_once_the_first_begins_the_pause_and_the_longer_wish_holds(
    start: Start,
) -> None:
    one, other = await start(), await start()
    before = one.pace._pause.number
    await one.pace.refused(Refusal(429, 2.0, quota=True), before)
    assert isinstance(await other.pace.refused(Refusal(429, 9.0), before), QuotaExhausted)
    for sender in (one, other):
        await sender.pace.heard("")
        pause = sender.pace._pause
        assert (pause.number, pause.times, pause.quota) == (before + 1, 1, True)
        assert pause.until - sender.pace._now() > 8


async def test_a_pause_that_is_met_without_postgres_is_told_when_it_is_back(line: Line, start: Start) -> None:
    one, other = await start(via=line.dsn), await start()
    await line.cut()
    error = await one.pace.refused(Refusal(429, 60.0), one.pace._pause.number)
    assert str(one.pace.withheld(Lane.PEOPLE)) == str(error)
    await line.mend()
    async with asyncio.timeout(GUARD):
        while other.pace.withheld(Lane.PEOPLE) is None:
            await other.pace.heard("")
    assert str(other.pace.withheld(Lane.PEOPLE)) == str(error)


# Postgres away


@pytest.mark.parametrize(("trouble", "rate"), [("cut", 5), ("hush", 20)])
async def test_without_postgres_the_sum_of_all_keeps_the_rate_and_so_it_does_when_it_is_back(
    raken: Address, line: Line, start: Start, trouble: str, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_pace, "AGAIN", 0.2)
    monkeypatch.setattr(postgres_pace, "SETTLING", 0.6)
    both = [await start(rate=rate, via=line.dsn) for _ in range(2)]
    for sender in both:
        await sender.pace.heard("")
    asking = asyncio.gather(*(sender.ask(3 * rate // 2) for sender in both))
    await asyncio.sleep(0.3)
    if trouble == "cut":
        await line.cut()
    else:
        line.hush()
    await asyncio.sleep(1)
    if trouble == "cut":
        await line.mend()
    else:
        line.talk()
    await asking
    counts = raken.counts()
    assert (counts["all"], counts["peakPerSecond"] <= rate) == (3 * rate // 2 * 2, True), counts


async def test_a_postgres_that_is_silent_is_waited_for_once(
    line: Line, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.postgres._PAUSE_SECONDS", 0.0)
    sender = await start(rate=50, via=line.dsn)
    await sender.ask()
    line.hush()
    with within(2):
        assert await sender.ask() == []
    with within(0.5):
        for _ in range(5):
            assert await sender.ask() == []


# Killed


async def test_who_is_killed_in_the_midst_of_sending_leaves_nothing_standing_still(
    raken: Address, dsn: str, start: Start, until: Until
) -> None:
    sender, limit = await start(rate=200, limit=200), 200
    script, root = Path(__file__).with_name("sender.py"), Path(__file__).parents[2]
    arguments = [str(script), dsn, raken.url, raken.access_token(), "200", str(limit)]
    killed = [
        await asyncio.create_subprocess_exec(sys.executable, *arguments, env={**os.environ, "PYTHONPATH": str(root)})
        for _ in range(2)
    ]
    try:
        await until(lambda: raken.requests() > 40)
    finally:
        for process in killed:
            process.send_signal(signal.SIGKILL)
            await process.wait()
    with within(1):
        assert await sender.ask() == []
    while not await sender.ask(50):
        pass
    # A block of each that was killed, and one count of each that was not yet written down.
    assert limit - 2 * 2 <= raken.requests() <= limit
    assert raken.counts()["peakPerSecond"] <= 200

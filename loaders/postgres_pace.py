"""The pace of all processes, kept in Postgres: places by its clock, the day's quota by blocks, pauses, and counts.

The rule it keeps: nothing here holds a lock between two statements, so whoever is killed leaves a place and a block
unused at most. While Postgres is away, a process spends what it has reserved, and sends at moments of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from uuid import uuid4

import asyncpg
import structlog

from loaders.clock import Clock
from loaders.errors import ExtensionsUnavailable, RakenError, RakenUnavailable
from loaders.limiter import Slots
from loaders.pace import Today
from loaders.patience import end
from loaders.postgres import COORDINATING, Connection, Postgres
from loaders.quota import Allowance
from loaders.raken import Lane
from loaders.throttle import Pause, Refusal

SLACK = 0.1
"Of a gap, so that what leaves late, before what leaves on time, does not make a second one too full."
BEAT = 10.0
"Seconds, at most, between two looks."
AGAIN = 1.0
"The same, while Postgres is away."
SEEN = 30.0
"Seconds after its last look in which a process is taken to be sending."
SETTLING = 2.0
"Seconds after Postgres is back for a process, in which others may not have noticed: all go on as if it were not."

_TODAY = "(clock_timestamp() AT TIME ZONE 'UTC')::date"
_SENT = f"SELECT coalesce(sum(sent), 0)::integer AS sent FROM raken_senders WHERE day = {_TODAY}"  # noqa: S608 - of constants
_TOLD = f"""
    extract(epoch FROM clock_timestamp())::float8 AS now, {_TODAY} AS today,
    coalesce((SELECT reserved FROM raken_days WHERE day = {_TODAY}), ({_SENT})) AS reserved,
    number, extract(epoch FROM paused_until)::float8 AS until, times, quota, status, seconds, wish
"""  # noqa: S608 - of constants
# Who finds no place taken is left alone with its own moments, or Raken with its pause. No more than a hundred are in
# line: a place farther ahead is of a time when the clock was wrong. And none is worth waiting for the disk: what a
# crash of Postgres forgets is over before it is up again.
_PLACE = f"""
    UPDATE raken_pace SET next_at = CASE WHEN greatest(paused_until, apart_until) > clock_timestamp() THEN next_at
        ELSE least(greatest(next_at, clock_timestamp(), apart_until + $2 * interval '1 second'),
            clock_timestamp() + 100 * $1 * interval '1 second') + $1 * interval '1 second' END
    RETURNING extract(epoch FROM next_at)::float8 - $1 AS due, apart_until > clock_timestamp() AS apart, {_TOLD},
        set_config('synchronous_commit', 'off', true)
"""  # noqa: S608 - of constants
# What was sent on a day before the first of it was reserved, because no quota was set then, counts too.
_RESERVE = f"""
    INSERT INTO raken_days AS d (day, reserved, granted)
    SELECT {_TODAY}, least(sent + $1, $2), least($1, $2 - sent) FROM ({_SENT}) AS sent WHERE $2 - sent > $3
    ON CONFLICT (day) DO UPDATE SET granted = least($1, $2 - d.reserved), reserved = least(d.reserved + $1, $2)
    WHERE $2 - d.reserved > $3
    RETURNING day, reserved, granted
"""  # noqa: S608 - of constants
_RETURN = "UPDATE raken_days SET reserved = reserved - $2 WHERE day = $1"
_PAUSE = """
    WITH moved AS (
        UPDATE raken_pace SET number = $4, paused_until = greatest(paused_until, to_timestamp($5)), times = $6,
            quota = $7, status = $8, seconds = $9, wish = $10
        WHERE number = $1 AND times = $2 AND quota = $3
        RETURNING one
    )
    SELECT pg_notify('raken_gateway', 'pause') FROM moved
"""
_BACK = "UPDATE raken_pace SET apart_until = clock_timestamp() + $1 * interval '1 second'"
_COUNT = """
    INSERT INTO raken_senders AS s (day, process, sent, throttled, seen_at) VALUES ($1, $2, $3, $4, clock_timestamp())
    ON CONFLICT (day, process) DO UPDATE SET sent = greatest(s.sent, excluded.sent),
        throttled = greatest(s.throttled, excluded.throttled), seen_at = clock_timestamp()
"""
_LEAVE = "UPDATE raken_senders SET seen_at = '-infinity' WHERE process = $1"
_LOOK = f"""
    SELECT {_TOLD}, others.*
    FROM raken_pace, (
        SELECT coalesce(sum(sent) FILTER (WHERE day = {_TODAY}), 0)::integer AS sent,
            coalesce(sum(throttled) FILTER (WHERE day = {_TODAY}), 0)::integer AS throttled,
            count(DISTINCT process) FILTER (WHERE seen_at > clock_timestamp() - $2 * interval '1 second') AS seen,
            count(DISTINCT process) FILTER (
                WHERE seen_at > clock_timestamp() - $2 * interval '1 second' AND process < $1) AS before
        FROM raken_senders WHERE day >= {_TODAY} - 1 AND process <> $1
    ) AS others
"""  # noqa: S608 - of constants

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Count:
    """What this process has sent on one day."""

    sent: int = 0
    throttled: int = 0


class PostgresPace:
    """The pace (`loaders.pace.Pace`) that all processes on one database share. Made where an event loop runs."""

    def __init__(
        self, postgres: Postgres, clock: Clock, rate: float, limit: int | None, jitter: Callable[[], float]
    ) -> None:
        """`rate` is requests a second, `limit` requests a UTC day; `jitter` gives 0 to 1."""
        self.limit = limit
        self._postgres = postgres
        self._clock = clock
        self._jitter = jitter
        self._process = uuid4()
        # The database's clock, in seconds of the epoch, less the monotonic one.
        self._ahead = clock.now().timestamp() - clock.monotonic()
        self._pause = Pause()
        self._unsaid = False
        self._allowance = None if limit is None else Allowance(limit)
        self._reserving = asyncio.Lock()
        self._counts: dict[date, _Count] = {}
        self._others: tuple[date, Today] = date.min, Today()
        self._slots = Slots((1 + SLACK) / rate)
        self._alone = False
        self._free_at = float("-inf")
        self._counted = asyncio.Event()
        self._following = asyncio.create_task(self._follow())

    async def reserve(self) -> float:
        """Takes the next place, and answers in how many seconds it is, or was; 0 while Raken is to be left alone."""
        due = None
        with suppress(ExtensionsUnavailable):
            due = await self._place()
        if due is None:
            due = self._slots.after(max(self._now(), self._free_at))
            self._free_at = due + self._slots.gap / 2
        return due - self._now()

    def withheld(self, lane: Lane) -> RakenError | None:
        """Why a lane gets none now, if so, as far as is known without asking."""
        paused = self._pause.standing(self._now())
        allowance = self._allowance
        if paused is not None or allowance is None:
            return paused
        if self._today > allowance.day:
            allowance.told(self._today, 0)
        if self._alone and not allowance.left:
            return RakenUnavailable("Postgres is away, where the day's requests to Raken are counted: none is reserved")
        return allowance.withheld(lane)

    async def spend(self, lane: Lane) -> None:
        """Takes one of the day's requests, which is about to be sent.

        Raises:
            RakenError: it may not be.
        """
        allowance = self._allowance
        if allowance is None:
            return
        async with self._reserving:
            self._check(lane)
            while not allowance.left:
                with suppress(ExtensionsUnavailable):
                    await self._block(allowance, lane)
                self._check(lane)
            allowance.left -= 1

    def depart(self) -> int:
        """Counts one that is sent now, and answers how many pauses there were before it.

        Raises:
            RakenError: Raken has asked to be left alone in the last moment.
        """
        paused = self._pause.standing(self._now())
        if paused is not None:
            if self._allowance is not None and self._allowance.day == self._today:
                self._allowance.left += 1
            raise paused
        self._count().sent += 1
        self._counted.set()
        return self._pause.number

    async def answered(self, since: int) -> None:
        """Raken has let one through that was sent after so many pauses."""
        before, self._pause = self._pause, self._pause.answered(since)
        if self._pause is not before:
            with suppress(ExtensionsUnavailable):
                await self._say(before, self._pause)

    async def refused(self, refusal: Refusal, since: int) -> RakenError:
        """Raken has refused one that was sent after so many pauses: why nobody may ask now."""
        if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._count().throttled += 1
            self._counted.set()
        now, jitter = self._now(), self._jitter()
        # This process obeys at once; what all others know may be more by now.
        told, self._pause = self._pause, self._pause.refused(refusal, since, now, jitter)
        try:
            while self._pause != told and not await self._say(told, self._pause):
                told = await self._look()
                self._pause = told.refused(refusal, since, now, jitter)
        except ExtensionsUnavailable:
            self._unsaid = True
        return self._pause.error()

    async def today(self) -> Today:
        """What was sent today, by all; while Postgres is away, by all as far as is known here."""
        with suppress(ExtensionsUnavailable):
            await self._sync()
        day, others = self._others
        own = self._count()
        known = others if day == self._today else Today()
        return Today(known.requests + own.sent, known.throttled + own.throttled)

    async def heard(self, _key: str) -> None:
        """Another process has met a pause, or ended one.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        await self._sync()

    async def close(self) -> None:
        """Writes down what was counted, and gives back what was reserved and is not spent."""
        await end(self._following)
        with suppress(ExtensionsUnavailable):
            async with self._trying() as connection:
                await self._write(connection)
                await connection.execute(_LEAVE, self._process)
                if self._allowance is not None and self._allowance.left:
                    left, self._allowance.left = self._allowance.left, 0
                    await connection.execute(_RETURN, self._allowance.day, left)

    async def _place(self) -> float | None:
        """When the next place is; now, where Raken is to be left alone; None: at a moment of one's own."""
        asked_at = self._clock.monotonic()
        async with self._asking() as connection:
            row = _there(await connection.fetchrow(_PLACE, self._slots.gap, self._slots.round + self._slots.gap))
        self._hear(row, asked_at)
        if self._pause.standing(self._now()) is not None:
            return self._now()
        return None if row["apart"] else float(row["due"])

    async def _block(self, allowance: Allowance, lane: Lane) -> None:
        """Reserves a block, or learns why there is none."""
        async with self._asking() as connection:
            row = await connection.fetchrow(_RESERVE, allowance.block, allowance.limit, allowance.kept(lane))
        if row is None:
            # Whatever day was believed: that of the database's clock, which may have been set back, is the one.
            allowance.day = date.min
            await self._look()
        else:
            allowance.told(row["day"], row["reserved"])
            allowance.left = row["granted"]

    async def _say(self, told: Pause, pause: Pause) -> bool:
        """Tells all of a pause that comes after one; False where they know of another one by now."""
        after = (pause.number, pause.until, pause.times, pause.quota, pause.status, pause.seconds, pause.wish)
        async with self._asking() as connection:
            return await connection.fetchrow(_PAUSE, told.number, told.times, told.quota, *after) is not None

    async def _look(self) -> Pause:
        """What all know: the last pause they know of."""
        asked_at = self._clock.monotonic()
        async with self._trying() as connection:
            row = _there(await connection.fetchrow(_LOOK, self._process, SEEN))
        self._others = row["today"], Today(row["sent"], row["throttled"])
        self._slots = replace(self._slots, rank=row["before"], of=row["seen"] + 1)
        return self._hear(row, asked_at)

    async def _write(self, connection: Connection) -> None:
        """Writes down what was counted: a day's whole count each time, so that twice is as good as once."""
        self._count()
        for day, count in list(self._counts.items()):
            await connection.execute(_COUNT, day, self._process, count.sent, count.throttled)
            if day < self._today:
                self._counts.pop(day, None)

    async def _sync(self) -> None:
        """Tells what was counted, and learns what all know."""
        async with self._trying() as connection:
            if self._alone:
                await connection.execute(_BACK, SETTLING)
            await self._write(connection)
        told = await self._look()
        self._alone = False
        if self._unsaid:
            mine = replace(self._pause, number=told.number + 1, until=max(self._pause.until, told.until))
            if await self._say(told, mine):
                self._pause, self._unsaid = mine, False

    async def _follow(self) -> None:
        """Looks after each count, and from time to time."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN if self._alone else BEAT):
                    await self._counted.wait()
            self._counted.clear()
            try:
                await self._sync()
            except (ExtensionsUnavailable, asyncpg.UndefinedTableError):
                # Said elsewhere: by the pool, and by the start, which waits for the schema.
                continue
            except Exception:  # noqa: BLE001 - whatever it is, the next look may do
                _log.exception("pace_crashed")

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Connection]:
        """Lends a connection, but not while it is known that Postgres is away: whoever sends is not kept waiting."""
        if self._alone:
            raise ExtensionsUnavailable("Postgres is away: it is looked for each second")
        async with self._trying() as connection:
            yield connection

    @asynccontextmanager
    async def _trying(self) -> AsyncIterator[Connection]:
        try:
            async with self._postgres.asking(COORDINATING) as connection:
                yield connection
        except ExtensionsUnavailable:
            self._lose()
            raise

    def _lose(self) -> None:
        """Postgres is away: from now on this process sends at moments of its own, after what others have placed."""
        if not self._alone:
            self._alone = True
            self._free_at = self._now() + self._slots.round
            self._counted.set()

    def _hear(self, row: asyncpg.Record, asked_at: float) -> Pause:
        # It was some time between the question and now: the less time that took, the better it is known.
        self._ahead = min(max(self._ahead, row["now"] - self._clock.monotonic()), row["now"] - asked_at)
        told = Pause(*(row[name] for name in ("number", "until", "times", "quota", "status", "seconds", "wish")))
        if told.number >= self._pause.number:
            self._pause = told
        if self._allowance is not None:
            self._allowance.told(row["today"], row["reserved"])
        return told

    def _now(self) -> float:
        """The database's clock, as far as it is known here."""
        return self._clock.monotonic() + self._ahead

    @property
    def _today(self) -> date:
        return datetime.fromtimestamp(self._now(), UTC).date()

    def _count(self) -> _Count:
        return self._counts.setdefault(self._today, _Count())

    def _check(self, lane: Lane) -> None:
        withheld = self.withheld(lane)
        if withheld is not None:
            raise withheld


def _there(row: asyncpg.Record | None) -> asyncpg.Record:
    if row is None:
        raise LookupError("expected the one row of raken_pace, got none: it was deleted by hand")
    return row

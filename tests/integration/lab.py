"""A gateway before a sandbox, with a clock that can be moved on and everything counted: for what reads do over time.

The rule it keeps: time passes for the gateway by the hand of the test, and what is awaited is awaited by event.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg

from app.clock import SystemClock
from app.wiring import open_gateway
from loaders.entity import SliceKey
from sandbox.running import Address
from tests.integration.door import Answer, Door, configured, forget

_AGED = """
    UPDATE slices SET sent_at = sent_at - interval '{seconds} s', whole_at = whole_at - interval '{seconds} s',
        failed_at = failed_at - interval '{seconds} s', failed_until = failed_until - interval '{seconds} s';
    UPDATE raken_pace SET paused_until = paused_until - interval '{seconds} s'
"""


class MovedClock(SystemClock):
    """The real clock as it stood when the lab was opened, moved on by hand: a slow machine ages nothing.

    Each look is a microsecond later than the one before, so that there is a before and an after.
    """

    def __init__(self) -> None:
        self._began = super().now(), super().monotonic()
        self._looks: Iterator[int] = count()
        self.ahead = 0.0

    def now(self) -> datetime:
        return self._began[0] + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return self._began[1] + self.ahead + next(self._looks) / 1e6


class Lab:
    """A door, the sandbox behind it, and time between."""

    def __init__(self, door: Door, sandbox: Address, clock: MovedClock) -> None:
        self.door, self.sandbox, self.clock = door, sandbox, clock
        self.loader = door.gateway.loader

    async def ask(self, query: str, role: str = "ADMIN", **variables: Any) -> Answer:
        """The answer to a query."""
        return await self.door.ask(query, variables, role)

    async def move(self, seconds: float) -> None:
        """Lets so much time pass, for the gateway, and for what its database has noted by its own clock."""
        postgres = await asyncpg.connect(self.door.gateway.settings.database_url)
        try:
            await postgres.execute(_AGED.format(seconds=seconds))
        finally:
            await postgres.close()
        self.clock.ahead += seconds

    def give_raken(self, seconds: float) -> None:
        """How long each request to Raken is waited for, from now on."""
        self.door.gateway.health._pings["raken"].__self__._timeout = seconds  # type: ignore[attr-defined]

    async def landed(self) -> None:
        """Returns when nothing is being read any more, and what was read is published."""
        await self.loader.landed()

    def held(self, entity: str) -> list[SliceKey]:
        """The keys of the slices in memory."""
        return [one.key for one in self.loader.memory if one.key.entity.name == entity]

    def requests(self) -> int:
        """How many requests Raken has had since the last call."""
        count = self.sandbox.requests()
        self.sandbox.forget_counts()
        return count

    async def cache(self, entity: str) -> dict[str, Any]:
        """An entity's row in cacheStatus."""
        fields = "entity state objects lastRefreshedAt lastError hits misses hitRate upstreamRequests"
        rows = (await self.ask(f"{{cacheStatus {{{fields}}}}}")).data["cacheStatus"]
        return next(row for row in rows if row["entity"] == entity)


@asynccontextmanager
async def lab(sandbox: Address, database_url: str, **variables: str) -> AsyncIterator[Lab]:
    """A gateway that has read nothing, before a sandbox as at its start."""
    sandbox.reset()
    await forget(database_url)
    clock = MovedClock()
    async with open_gateway(configured(sandbox, database_url, **variables), clock) as gateway:
        yield Lab(Door(gateway), sandbox, clock)
        sandbox.lift()


@asynccontextmanager
async def told(lab: Lab) -> AsyncIterator[list[str]]:
    """The SQL statements that are sent while the context lasts."""
    statements: list[str] = []
    postgres = lab.door.gateway.doorkeeper._accounts._postgres
    postgres._on_statement = lambda text, _seconds: statements.append(" ".join(text.split()))
    await postgres._pool.expire_connections()  # only new ones are listened to
    yield statements
    postgres._on_statement = None


def month_of(day: date) -> tuple[date, date]:
    """The first and last day of a date's month."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def today() -> date:
    """The sandbox's and the gateway's."""
    return datetime.now(UTC).date()

"""The day's quota of requests, and who stops first as it runs down.

The rule it keeps: a request is counted before it is sent, retries and 304s too, and none is sent past the quota.
"""

from datetime import date
from typing import Protocol

from loaders.clock import Clock
from loaders.errors import QuotaExhausted
from loaders.raken import Lane

KEPT = {Lane.PEOPLE: 0, Lane.ASKED: 10, Lane.AHEAD: 25}
"Percent of the day that a lane leaves for those before it."


class Quota(Protocol):
    """Who counts the day's requests."""

    limit: int | None
    "Requests a UTC day; None: as many as there are."

    @property
    def spent(self) -> int:
        """Requests today."""
        ...

    def withheld(self, lane: Lane) -> QuotaExhausted | None:
        """Why a lane gets none now, if so."""
        ...

    async def spend(self, lane: Lane) -> None:
        """Counts one request that is about to be sent.

        Raises:
            QuotaExhausted: it may not be.
        """
        ...


class DayCount:
    """A count that begins anew with each UTC day."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._day: date | None = None
        self._count = 0

    @property
    def value(self) -> int:
        """What was counted today."""
        return self._count if self._day == self._clock.now().date() else 0

    def add(self) -> None:
        """Counts one."""
        self._count = self.value + 1
        self._day = self._clock.now().date()


class OwnQuota:
    """Counts in this process alone, and forgets with it."""

    def __init__(self, limit: int | None, clock: Clock) -> None:
        """`limit` is requests a UTC day; None: as many as there are."""
        self.limit = limit
        self._count = DayCount(clock)

    @property
    def spent(self) -> int:
        """Requests today."""
        return self._count.value

    def withheld(self, lane: Lane) -> QuotaExhausted | None:
        """Why a lane gets none now, if so."""
        return None if self.limit is None else refusal(self.limit, self.spent, lane)

    async def spend(self, lane: Lane) -> None:
        """Counts one request that is about to be sent.

        Raises:
            QuotaExhausted: it may not be.
        """
        refused = self.withheld(lane)
        if refused is not None:
            raise refused
        self._count.add()


def refusal(limit: int, spent: int, lane: Lane) -> QuotaExhausted | None:
    """Why a lane gets none after so many of a day's requests, if so."""
    if limit - spent > limit * KEPT[lane] // 100:
        return None
    if spent >= limit:
        return QuotaExhausted(f"the day's {limit} requests to Raken are spent; the next are at midnight UTC")
    left = limit - spent
    return QuotaExhausted(f"of the day's {limit} requests to Raken the last {left} are kept for people who wait")

"""A pace (`loaders.pace.Pace`) of one process, which forgets with it; its time is the test's."""

from collections import Counter
from datetime import date
from http import HTTPStatus

from loaders.clock import Clock
from loaders.errors import RakenError
from loaders.pace import Today
from loaders.quota import Allowance
from loaders.raken import Lane
from loaders.throttle import Pause, Refusal


class OwnPace:
    """Places 1/rate seconds apart, a quota of which each request is reserved singly, and no jitter."""

    def __init__(self, clock: Clock, rate: float = 5.0, limit: int | None = None) -> None:
        self.limit = limit
        self._clock = clock
        self._gap = 1 / rate
        self._next = float("-inf")
        self._pause = Pause()
        self._allowance = None if limit is None else Allowance(limit)
        self._sent: Counter[date] = Counter()
        self._throttled: Counter[date] = Counter()

    @property
    def _today(self) -> date:
        return self._clock.now().date()

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def withheld(self, lane: Lane) -> RakenError | None:
        if self._allowance is not None and self._allowance.day != self._today:
            self._allowance.told(self._today, 0)
        return self._pause.standing(self._now()) or (self._allowance and self._allowance.withheld(lane))

    async def reserve(self) -> float:
        now = self._clock.monotonic()
        if self._pause.standing(self._now()) is not None:
            return 0.0
        place = max(now, self._next)
        self._next = place + self._gap
        return place - now

    async def spend(self, lane: Lane) -> None:
        withheld = self.withheld(lane)
        if withheld is not None:
            raise withheld
        if self._allowance is not None:
            self._allowance.reserved += 1

    def depart(self) -> int:
        paused = self._pause.standing(self._now())
        if paused is not None:
            if self._allowance is not None:
                self._allowance.reserved -= 1
            raise paused
        self._sent[self._today] += 1
        return self._pause.number

    async def answered(self, since: int) -> None:
        self._pause = self._pause.answered(since)

    async def refused(self, refusal: Refusal, since: int) -> RakenError:
        self._throttled[self._today] += refusal.status == HTTPStatus.TOO_MANY_REQUESTS
        self._pause = self._pause.refused(refusal, since, self._now(), 1.0)
        return self._pause.error()

    async def today(self) -> Today:
        return Today(self._sent[self._today], self._throttled[self._today])

"""Raken's two limits: too many requests in a second, and the day's quota.

The rule: a request is refused by the first limit that it passes, and counts towards neither then.
"""

import time
from collections import deque
from datetime import date
from typing import Literal

from sandbox.clock import Clock
from sandbox.switches import Switches

Passed = Literal["rate", "quota"]


class Limits:
    """How much of the second and of the UTC day is used up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._recent: deque[float] = deque()
        self._day: date | None = None
        self._spent = 0

    def passed(self, switches: Switches) -> Passed | None:
        """Which limit one more request passes; it is counted where it passes none."""
        self._forget()
        if 0 < switches.daily_quota <= self._spent:
            return "quota"
        if 0 < switches.requests_per_second <= len(self._recent):
            return "rate"
        self._spent += 1
        self._recent.append(time.monotonic())
        return None

    def seconds_left(self, limit: Passed) -> int:
        """How long a limit stays passed: a second, or until the UTC day ends."""
        now = self._clock.now()
        return 1 if limit == "rate" else 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)

    def _forget(self) -> None:
        today = self._clock.now().date()
        if today != self._day:
            self._day, self._spent = today, 0
        now = time.monotonic()
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()

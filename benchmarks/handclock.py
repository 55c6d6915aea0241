"""Time that the driver moves by hand, for the gateway and for Raken alike.

The rule: each look is a microsecond later than the one before, so that there is always a before and an after.
"""

from datetime import datetime, timedelta

TICK = timedelta(microseconds=1)


class HandClock:
    """A clock (`loaders.clock.Clock`) that stands, but for a microsecond a look, until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._at = start

    def now(self) -> datetime:
        """The simulated wall clock, in UTC."""
        self._at += TICK
        return self._at

    def monotonic(self) -> float:
        """Seconds since a while before the start."""
        return 1000.0 + (self.now() - self._start).total_seconds()

    def move(self, to: datetime) -> None:
        """Moves it on to a moment; never back."""
        self._at = max(self._at, to)

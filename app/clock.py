"""The process's clock: the only place that asks what time it is."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's two clocks (a `loaders.clock.Clock`)."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

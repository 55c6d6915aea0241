"""The process's clock: what serves requests asks the time here alone; what starts Postgres before does not."""

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

"""Time as it is handed down: nothing below `app` reads a clock of its own, so that tests move time by hand."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

Sleep = Callable[[float], Awaitable[None]]
"Waits that many seconds: `asyncio.sleep`, or a test's own."


class Clock(Protocol):
    """The two times there are."""

    def now(self) -> datetime:
        """The wall clock, in UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for spans; their zero means nothing."""
        ...

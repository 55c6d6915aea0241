"""The event loop's time, stopped and moved by hand: for what may wait, how long, and for what may not wait at all.

The rule it keeps: while it is stopped no timer fires, so that whoever is answered has waited for no time.
"""

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from tests.waiting import GUARD

T = TypeVar("T")
ROUNDS = 300
"How often every task is let go on, until nothing moves any more but by timers and by others' answers."


class LoopTime:
    """The time of the loop that runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._loop = asyncio.get_running_loop()
        self._really = self._loop.time
        self._stopped: float | None = None
        self._ahead = 0.0
        monkeypatch.setattr(self._loop, "time", self._time)

    def _time(self) -> float:
        return (self._really() if self._stopped is None else self._stopped) + self._ahead

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Fires no timer while the context lasts, but those that it is moved past."""
        before = self._stopped
        self._stopped = self._really() if before is None else before
        try:
            yield
        finally:
            self._stopped = before

    async def move(self, seconds: float) -> None:
        """Fires the timers of so many seconds, and lets everything happen that they bring about."""
        self._ahead += seconds
        for _ in range(ROUNDS):
            await asyncio.sleep(0)

    async def at_once(self, awaited: Awaitable[T]) -> T:
        """What comes while no timer fires; a failure where it does not come."""
        task = asyncio.ensure_future(awaited)
        guard = threading.Timer(GUARD, self._loop.call_soon_threadsafe, [task.cancel])
        guard.start()
        try:
            with self.stopped():
                return await task
        except asyncio.CancelledError:
            raise AssertionError("expected an answer at once, but it waits") from None
        finally:
            guard.cancel()

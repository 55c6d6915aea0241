"""What an operation might not start itself any more: keys that are fetched behind it, one after the other.

One rule: one key at a time and so many in all, so that what fills behind never crowds out what people wait for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from loaders.clock import Sleep

K = TypeVar("K")
MOST = 500
"Keys that wait at once; the oldest goes first."
PAUSE = 3.0
"Seconds after a key that could not be fetched."
TRIES = 20
"How often one key is tried."


class Backlog(Generic[K]):
    """Keys in the order in which they were left over, each once."""

    def __init__(self, fill: Callable[[K], Awaitable[bool]], sleep: Sleep = asyncio.sleep) -> None:
        """`fill` fetches one key, says whether it is done with it, and raises nothing that it foresees."""
        self._fill = fill
        self._sleep = sleep
        self._keys: dict[K, int] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, key: K) -> None:
        """Leaves a key to be fetched behind."""
        self._keys.setdefault(key, TRIES)
        if len(self._keys) > MOST:
            del self._keys[next(iter(self._keys))]
        if self._task is None:
            self._task = asyncio.ensure_future(self._work())

    def drop(self, key: K) -> None:
        """Forgets a key: somebody else has fetched it."""
        self._keys.pop(key, None)

    async def _work(self) -> None:
        try:
            while self._keys:
                key = next(iter(self._keys))
                tries = self._keys.pop(key) - 1
                if not await self._fill(key):
                    await self._later(key, tries)
        finally:
            self._task = None

    async def _later(self, key: K, tries: int) -> None:
        # Behind the others: what ails one of them need not ail the next.
        if tries > 0 and len(self._keys) < MOST:
            self._keys.setdefault(key, tries)
        await self._sleep(PAUSE)

    async def close(self) -> None:
        """Forgets what is left."""
        self._keys.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

"""What an operation might not start itself any more: keys that are fetched behind it, one after the other.

One rule: one key at a time, so that what fills behind never crowds out what people wait for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")


class Backlog(Generic[K]):
    """Keys in the order in which they were left over, each once."""

    def __init__(self, fill: Callable[[K], Awaitable[None]]) -> None:
        """`fill` fetches one key and raises nothing that it foresees."""
        self._fill = fill
        self._keys: dict[K, None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, key: K) -> None:
        """Leaves a key to be fetched behind."""
        self._keys[key] = None
        if self._task is None:
            self._task = asyncio.ensure_future(self._work())

    def drop(self, key: K) -> None:
        """Forgets a key: somebody else has fetched it."""
        self._keys.pop(key, None)

    async def _work(self) -> None:
        try:
            while self._keys:
                key = next(iter(self._keys))
                del self._keys[key]
                await self._fill(key)
        finally:
            self._task = None

    async def close(self) -> None:
        """Forgets what is left."""
        self._keys.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

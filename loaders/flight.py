"""Single flight: whoever asks for a key while it is being fetched waits for the same fetch.

One rule: `anew` never joins a flight whose first request went out before it was called.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from loaders.patience import end

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Departure = Callable[[], None]


class Flight(Generic[V]):
    """One fetch under way; it goes on whether anybody waits or not."""

    def __init__(self, fetch: Callable[[Departure], Awaitable[V]]) -> None:
        self.departed = False
        self.task: asyncio.Task[V] = asyncio.ensure_future(self._run(fetch))

    async def _run(self, fetch: Callable[[Departure], Awaitable[V]]) -> V:
        return await fetch(self._depart)

    def _depart(self) -> None:
        self.departed = True

    async def land(self, seconds: float | None = None) -> V:
        """Waits for its result, at most so many seconds.

        Raises: TimeoutError, where it is still under way then; else whatever the fetch raised.
        """
        done, _ = await asyncio.wait({self.task}, timeout=seconds)
        if not done:
            raise TimeoutError
        return self.task.result()


class Flights(Generic[K, V]):
    """The fetches under way in this process, at most one a key."""

    def __init__(self, on_crash: Callable[[K, BaseException], None]) -> None:
        """`on_crash` hears of each exception that a fetch raised, even where nobody waited for it."""
        self._flights: dict[K, Flight[V]] = {}
        self._on_crash = on_crash

    def join(self, key: K, fetch: Callable[[Departure], Awaitable[V]]) -> Flight[V]:
        """The flight of a key: the one under way, else a new one."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = Flight(fetch)
            flight.task.add_done_callback(lambda task: self._land(key, task))
        return flight

    async def anew(self, key: K, fetch: Callable[[Departure], Awaitable[V]]) -> Flight[V]:
        """A flight of a key whose first request goes out after this call; one asked for at once is shared."""
        under_way = self._flights.get(key)
        if under_way is not None and under_way.departed:
            await asyncio.wait({under_way.task})
        return self.join(key, fetch)

    def under_way(self, key: K) -> bool:
        """Whether a key is being fetched."""
        return key in self._flights

    def tasks(self) -> "list[asyncio.Task[V]]":
        """What is under way."""
        return [flight.task for flight in self._flights.values()]

    def _land(self, key: K, task: asyncio.Task[V]) -> None:
        del self._flights[key]
        crash = None if task.cancelled() else task.exception()
        if crash is not None:
            self._on_crash(key, crash)

    async def close(self) -> None:
        """Cancels what is under way."""
        await end(*self.tasks())

"""The way out: requests leave one by one, evenly spaced, and not too many are out at once.

The rule it keeps: whoever is in the better lane goes first, and within a lane who came first.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import ceil
from typing import Protocol

from loaders.clock import Sleep
from loaders.raken import Lane

LATE = 0.03
"Seconds by which a place is missed: who went then would be too near to those who come after."
PLACES = 3
"Places that are tried: a process that is always late has to go some time."


class Spacing(Protocol):
    """Who says when the next request may leave."""

    async def reserve(self) -> float:
        """Takes the next place, and answers in how many seconds it is, or was."""
        ...


@dataclass(frozen=True, slots=True)
class Slots:
    """The moments at which one of several processes may send that cannot speak with each other, but know the time."""

    gap: float
    "Seconds between two requests, whosever they are."
    rank: int = 0
    "Which of the processes this is, from 0."
    of: int = 1
    "How many there are."

    @property
    def round(self) -> float:
        """Seconds from one of this process's moments to its next."""
        return self.gap * self.of

    def after(self, moment: float) -> float:
        """The first of them that is not before a moment."""
        first = self.gap * self.rank
        return first + ceil((moment - first) / self.round) * self.round


@dataclass(order=True, slots=True)
class _Waiter:
    lane: Lane
    number: int
    turn: "asyncio.Future[None]" = field(compare=False)


class Turnstile:
    """Lets requests out."""

    def __init__(
        self, spacing: Spacing, abreast: int, refusal: Callable[[Lane], Exception | None], sleep: Sleep = asyncio.sleep
    ) -> None:
        """At most `abreast` are out at once; who waits and comes to be refused is sent away without a place."""
        self._spacing = spacing
        self._room = asyncio.Semaphore(abreast)
        self._refusal = refusal
        self._sleep = sleep
        self._queue: list[_Waiter] = []
        self._numbers = count()
        self._porter: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[None]:
        """Waits for its turn; what happens inside is out.

        Raises:
            RakenError: it was refused while it waited.
        """
        waiter = _Waiter(lane, next(self._numbers), asyncio.get_running_loop().create_future())
        heappush(self._queue, waiter)
        if self._porter is None or self._porter.done():
            self._porter = asyncio.create_task(self._let_out())
        try:
            await waiter.turn
        except asyncio.CancelledError:
            # It may have got its turn in the very moment in which it gave up.
            if waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.exception() is None:
                self._room.release()
            raise
        try:
            yield
        finally:
            self._room.release()

    async def _let_out(self) -> None:
        """Runs while anybody waits."""
        while self._queue:
            await self._room.acquire()
            try:
                let_out = await self._next()
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                self._send_away(error)
                let_out = False
            if not let_out:
                self._room.release()

    async def _next(self) -> bool:
        """Lets one out, if anybody is left who may."""
        self._sift()
        if not self._queue:
            return False
        await self._place()
        self._sift()
        if not self._queue:
            return False
        heappop(self._queue).turn.set_result(None)
        return True

    async def _place(self) -> None:
        """Waits for a place."""
        loop = asyncio.get_running_loop()
        for _ in range(PLACES):
            wait = await self._spacing.reserve()
            due = loop.time() + wait
            await self._sleep(max(0.0, wait))
            if loop.time() - due < LATE:
                return

    def _sift(self) -> None:
        """Lets those go who gave up or are refused, so that they take no place."""
        waiting: list[_Waiter] = []
        for waiter in sorted(self._queue):
            if waiter.turn.cancelled():
                continue
            refusal = self._refusal(waiter.lane)
            if refusal is None:
                waiting.append(waiter)
            else:
                waiter.turn.set_exception(refusal)
        self._queue = waiting

    def _send_away(self, error: Exception) -> None:
        for waiter in self._queue:
            if not waiter.turn.done():
                waiter.turn.set_exception(error)
        self._queue = []

    async def close(self) -> None:
        """Ends the porter; whoever waits is cancelled with its own task."""
        if self._porter is not None:
            self._porter.cancel()
            await asyncio.gather(self._porter, return_exceptions=True)

"""Patience with others: how long an answer is waited for, where our own process may be too busy to look.

The rule it keeps: time in which this process did not look is not held against who answers; and what is to end ends,
though the wait_for of Python 3.11, which drivers use, swallows a cancellation that comes together with its answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

AGAIN = 1.0
"Seconds until a task that has not ended is told again."
_TICKS = 10
_TURNS = 50


@asynccontextmanager
async def patient(seconds: float | None) -> AsyncIterator[None]:
    """Bounds what happens inside; None is without end.

    Raises:
        TimeoutError: it took longer.
    """
    if seconds is None:
        yield
        return
    loop, tick = asyncio.get_running_loop(), seconds / _TICKS
    task: Any = asyncio.current_task()
    async with asyncio.timeout(None) as limit:
        timer: asyncio.Handle

        def wait(ticks: int, turns: int) -> None:
            nonlocal timer
            # However long we were held up, it costs one tick.
            if ticks:
                timer = loop.call_later(tick, wait, ticks - 1, turns)
            # What has come meanwhile is read in turns that are ours to take: an idle loop has them at once.
            elif turns:
                timer = loop.call_soon(wait, 0, turns - 1)
            else:
                limit.reschedule(loop.time())
                timer = loop.call_later(seconds, insist)

        def insist() -> None:
            nonlocal timer
            # It is the time-out's own cancellation, said again: it counts once.
            task.cancel()
            task.uncancel()
            timer = loop.call_later(seconds, insist)

        wait(_TICKS, _TURNS)
        try:
            yield
        finally:
            timer.cancel()


async def happened(event: asyncio.Event, seconds: float) -> bool:
    """Whether an event comes within so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Ends tasks and sees to their errors; who has not heard is told again."""
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)

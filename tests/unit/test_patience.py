"""Patience with others, and the end of one's own."""

import asyncio

from loaders.patience import end, happened


async def test_a_task_that_swallows_its_cancellation_is_told_again() -> None:
    told = 0

    async def deaf() -> None:
        nonlocal told
        while told < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told += 1
        raise RuntimeError("at last")

    task, done = asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(0))
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task, done), 5)
    assert (told, task.done()) == (2, True)


async def test_an_event_that_comes_in_time_is_seen_and_one_that_does_not_is_not() -> None:
    event = asyncio.Event()
    assert not await happened(event, 0.01)
    event.set()
    assert await happened(event, 0.01)

"""Patience with others, and the end of one's own."""

import asyncio
import time

import pytest

from loaders.patience import end, happened, patient
from tests.waiting import within


class Deaf:
    """Waits for ever, and hears of a cancellation the last time only."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def wait(self) -> None:
        while self.times:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.times -= 1
        await asyncio.Event().wait()


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_patience_ends_with_who_swallows_its_cancellation_too(times: int) -> None:
    started = time.monotonic()
    deaf = Deaf(times)
    with pytest.raises(TimeoutError):
        async with patient(0.05):
            await deaf.wait()
    assert deaf.times == 0
    assert time.monotonic() - started >= 0.05 * (1 + times)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_another_ones_cancellation_is_no_time_out() -> None:
    async def wait() -> None:
        async with patient(5):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


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
    with within(5):
        await end(task, done)
    assert (told, task.done()) == (2, True)


async def test_an_event_that_comes_in_time_is_seen_and_one_that_does_not_is_not() -> None:
    event = asyncio.Event()
    assert not await happened(event, 0.01)
    event.set()
    assert await happened(event, 0.01)

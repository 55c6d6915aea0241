"""What is fetched behind an operation: one key at a time, each once."""

import asyncio

from loaders.backlog import MOST, PAUSE, TRIES, Backlog
from tests.unit.world import settle


class Filler:
    """Fills on command."""

    def __init__(self) -> None:
        self.filled: list[int] = []
        self.ailing: set[int] = set()
        self.go = asyncio.Semaphore(0)
        self.at_once = self.most = 0

    async def fill(self, key: int) -> bool:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.go.acquire()
        self.at_once -= 1
        self.filled.append(key)
        return key not in self.ailing


async def test_keys_are_filled_one_after_the_other_in_the_order_in_which_they_were_left() -> None:
    filler = Filler()
    backlog = Backlog(filler.fill)
    for key in (3, 1, 2, 3, 1):
        backlog.add(key)
    for _ in range(10):
        filler.go.release()
    await settle()
    assert (filler.filled, filler.most) == ([3, 1, 2], 1)


async def test_a_key_left_later_is_filled_too() -> None:
    filler = Filler()
    backlog = Backlog(filler.fill)
    backlog.add(1)
    filler.go.release()
    await settle()
    backlog.add(1)
    filler.go.release()
    await settle()
    assert filler.filled == [1, 1]


async def test_a_key_that_somebody_else_has_fetched_is_left_out() -> None:
    filler = Filler()
    backlog = Backlog(filler.fill)
    for key in (1, 2, 3):
        backlog.add(key)
    await settle()
    backlog.drop(2)
    backlog.drop(7)
    for _ in range(3):
        filler.go.release()
    await settle()
    assert filler.filled == [1, 3]


async def test_closing_forgets_what_is_left() -> None:
    filler = Filler()
    backlog = Backlog(filler.fill)
    backlog.add(1)
    backlog.add(2)
    await settle()
    await backlog.close()
    filler.go.release()
    await settle()
    assert filler.filled == []


async def test_of_too_many_keys_the_oldest_go() -> None:
    filler = Filler()
    backlog = Backlog(filler.fill)
    for key in range(MOST + 100):
        backlog.add(key)
    for _ in range(MOST + 100):
        filler.go.release()
    await settle(rounds=10 * MOST)
    assert filler.filled == list(range(100, MOST + 100))


async def test_a_key_that_could_not_be_filled_is_tried_again_after_a_pause_behind_the_others() -> None:
    filler, wakes = Filler(), asyncio.Semaphore(0)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await wakes.acquire()

    backlog = Backlog(filler.fill, sleep)
    filler.ailing.add(1)
    for key in (1, 2):
        backlog.add(key)
        filler.go.release()
    await settle()
    assert (filler.filled, pauses) == ([1], [PAUSE])
    filler.ailing.clear()
    filler.go.release()
    wakes.release()
    await settle()
    assert (filler.filled, pauses) == ([1, 2, 1], [PAUSE])


async def test_a_key_is_not_tried_for_ever() -> None:
    filler = Filler()
    backlog = Backlog(filler.fill, lambda _: asyncio.sleep(0))
    filler.ailing.add(1)
    backlog.add(1)
    for _ in range(2 * TRIES):
        filler.go.release()
    await settle(rounds=10 * TRIES)
    assert filler.filled == [1] * TRIES

"""What is fetched behind an operation: one key at a time, each once."""

import asyncio

from loaders.backlog import Backlog
from tests.unit.world import settle


class Filler:
    """Fills on command."""

    def __init__(self) -> None:
        self.filled: list[int] = []
        self.go = asyncio.Semaphore(0)
        self.at_once = self.most = 0

    async def fill(self, key: int) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.go.acquire()
        self.at_once -= 1
        self.filled.append(key)


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

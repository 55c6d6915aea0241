"""One tally, several processes: nothing is counted twice, nothing is lost with who counted it, nothing is left."""

import fcntl
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from app.tally import CELL, NAME, SPARE, SharedTally

SPAWN = multiprocessing.get_context("spawn")
HIT, BYTES = ("reads", "PROJECTS", "hit"), ("slices_bytes",)


def _work(tally: SharedTally, line: "Connection[Any, Any]") -> None:
    """Counts as it is told, and says when it has."""
    while order := line.recv():
        name, amount, times = order
        for _ in range(times):
            tally.add(name, amount)
        if not times:
            tally.hold(name, amount)
        line.send(tally.read())


class Worker:
    """A process that counts."""

    def __init__(self, tally: SharedTally) -> None:
        self._line, far = SPAWN.Pipe()
        self.process: BaseProcess = SPAWN.Process(target=_work, args=(tally, far), daemon=True)
        self.process.start()
        far.close()

    def order(self, name: tuple[str, ...], amount: float = 1, times: int = 1) -> None:
        """Has it add so many times; or hold, where that is none."""
        self._line.send((name, amount, times))

    def done(self) -> dict[tuple[str, ...], float]:
        """What it read when it had done so."""
        read: dict[tuple[str, ...], float] = self._line.recv()
        return read

    def kill(self) -> None:
        """Ends it as nobody expects it."""
        self.process.kill()
        self.process.join()


Start = Callable[[], Worker]


@pytest.fixture
def tally() -> Iterator[SharedTally]:
    """Yields a tally of two workers."""
    with closing(SharedTally.of(2)) as tally:
        yield tally


@pytest.fixture
def start(tally: SharedTally) -> Iterator[Start]:
    """Starts workers on the tally; they are killed at the end."""
    started: list[Worker] = []

    def start() -> Worker:
        started.append(Worker(tally))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()


def test_processes_that_count_at_once_lose_nothing_and_each_reads_the_sum(tally: SharedTally, start: Start) -> None:
    one, other = start(), start()
    for number, worker in enumerate((one, other), 1):
        worker.order(HIT)
        assert worker.done() == tally.read() == {HIT: number}
    # Both are up by now, and begin together.
    for worker in (one, other):
        worker.order(HIT, times=200_000)
    for worker in (one, other):
        assert worker.done().keys() == {HIT}
    assert tally.read() == {HIT: 400_002}


def test_what_a_killed_process_counted_stays_and_what_it_held_is_gone(tally: SharedTally, start: Start) -> None:
    one, other = start(), start()
    for worker, size in ((one, 100), (other, 10)):
        worker.order(HIT)
        worker.done()
        worker.order(BYTES, size, times=0)
        worker.done()
    assert tally.read() == {HIT: 2, BYTES: 110}
    one.kill()
    assert tally.read() == {HIT: 2, BYTES: 10}
    # Its seat, and no other, is taken by the one that comes in its place.
    third = start()
    third.order(HIT)
    assert third.done() == {HIT: 3, BYTES: 10}
    third.order(BYTES, 1, times=0)
    assert third.done() == tally.read() == {HIT: 3, BYTES: 11}
    assert [len(names) for names in tally._names[:3]] == [2, 2, 0]


def test_a_name_that_its_writer_did_not_live_to_end_is_nobodys(tally: SharedTally, start: Start) -> None:
    tally._memory[0:8] = b'+["reads'
    tally._memory[16:20] = b'it"]'
    tally._numbers[NAME // 8] = 5
    assert tally.read() == {}
    worker = start()
    worker.order(HIT)
    assert worker.done() == tally.read() == {HIT: 1}
    assert tally._memory[CELL] == 0


def test_a_process_without_a_seat_says_so_and_takes_nobodys(tally: SharedTally, start: Start) -> None:
    worker = start()
    worker.order(HIT)
    worker.done()
    # This process sits in all the others, and may not count in the first.
    for seat in range(1, 2 + SPARE):
        fcntl.lockf(tally._fd, fcntl.LOCK_EX, 1, seat)
    late = start()
    late.order(HIT)
    with pytest.raises(EOFError):
        late.done()
    assert tally.read() == {HIT: 1}


def test_a_name_that_does_not_fit_is_refused(tally: SharedTally) -> None:
    with pytest.raises(OverflowError, match="of at most 56 bytes, but got"):
        tally.add(("reads", "X" * NAME))
    assert tally.read() == {}


@pytest.mark.parametrize("system", ["with memfd_create", "without"])
def test_its_memory_is_a_file_that_no_folder_has(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    if system == "without":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    with closing(SharedTally.of(1)) as tally:
        tally.add(HIT)
        assert tally.read() == {HIT: 1}
        assert os.fstat(tally._fd).st_nlink == 0
        # What is not written takes no room.
        assert os.fstat(tally._fd).st_blocks * 512 < 1 << 20

"""The numbers of an instance: memory that its worker processes share, in which each has a seat to write in.

One rule: a seat has one writer at a time, and the kernel knows which: the lock on it ends with its holder, however that
ended. Who takes the seat next goes on from its numbers, so that none ever falls.
"""

import fcntl
import json
import mmap
import os
from collections import defaultdict
from multiprocessing.reduction import DupFd
from tempfile import TemporaryFile
from typing import Any

from loaders.tally import Name

NAME = 56
"Bytes that a name has at most, as it is written here."
CELL = NAME + 8
"Bytes of a name and its number, a double."
CELLS = 16_384
"Numbers of a seat: more than there are entities times HTTP statuses. What is not written takes no memory."
SPARE = 64
"Seats beyond the workers: while a worker is replaced there are two of it, and SIGTTIN adds one."
COUNTED, HELD = b"+", b"="


class SharedTally:
    """A tally of several processes: pickled for one that is being spawned, it is the same there (a `Tally`)."""

    def __init__(self, memory: int, seats: int) -> None:
        """`memory` is the file descriptor of so many seats."""
        self._fd = memory
        self._memory = mmap.mmap(memory, seats * CELLS * CELL)
        self._numbers = memoryview(self._memory).cast("d")
        self._names: list[list[tuple[bytes, Name]]] = [[] for _ in range(seats)]
        self._own: int | None = None
        self._places: dict[Name, int] = {}

    @classmethod
    def of(cls, workers: int) -> "SharedTally":
        """A tally that nothing was counted in yet."""
        memory, seats = _memory(), workers + SPARE
        os.ftruncate(memory, seats * CELLS * CELL)
        return cls(memory, seats)

    def __reduce__(self) -> tuple[Any, ...]:
        return _inherited, (DupFd(self._fd), len(self._names))

    def add(self, name: Name, amount: float = 1) -> None:
        """Adds to a number."""
        self._numbers[self._place(name, COUNTED)] += amount

    def hold(self, name: Name, amount: float) -> None:
        """Says how much this process has of something now."""
        self._numbers[self._place(name, HELD)] = amount

    def read(self) -> dict[Name, float]:
        """Every number over all processes; what was held by one that has ended is left out."""
        sums: defaultdict[Name, float] = defaultdict(float)
        for seat in range(len(self._names)):
            names = self._known(seat)
            gone = any(kind == HELD for kind, _ in names) and not self._taken(seat)
            for index, (kind, name) in enumerate(names):
                if not (gone and kind == HELD):
                    sums[name] += self._numbers[_number(seat, index)]
        return dict(sums)

    def close(self) -> None:
        """Lets go of the memory; the last process that does so ends it."""
        self._numbers.release()
        self._memory.close()
        os.close(self._fd)

    def _place(self, name: Name, kind: bytes) -> int:
        place = self._places.get(name)
        return self._begin(name, kind) if place is None else place

    def _begin(self, name: Name, kind: bytes) -> int:
        """Gives a name a cell of this process's seat; says where its number is."""
        seat = self._sit() if self._own is None else self._own
        if name not in self._places:
            text = kind + json.dumps(name, separators=(",", ":")).encode()
            names = self._known(seat)
            if len(text) > NAME or len(names) == CELLS:
                raise OverflowError(f"expected {CELLS} names of at most {NAME} bytes, but got {text!r} besides")
            place = self._places[name] = _number(seat, len(names))
            # The number first: whoever sees the name finds it at nothing.
            self._numbers[place] = 0
            at = _cell(seat, len(names))
            self._memory[at : at + NAME] = text.ljust(NAME, b"\0")
        return self._places[name]

    def _sit(self) -> int:
        """Takes the first free seat, and what was counted there; what was held there is gone."""
        for seat in range(len(self._names)):
            if self._lock(seat):
                self._own = seat
                for index, (kind, name) in enumerate(self._known(seat)):
                    self._places[name] = _number(seat, index)
                    if kind == HELD:
                        self._numbers[_number(seat, index)] = 0
                return seat
        raise RuntimeError(f"expected a free seat of {len(self._names)}, but each has a process that lives")

    def _known(self, seat: int) -> list[tuple[bytes, Name]]:
        """The names of a seat, in the order of its cells."""
        names = self._names[seat]
        while len(names) < CELLS and (entry := _read(self._memory, _cell(seat, len(names)))):
            names.append(entry)
        return names

    def _lock(self, seat: int) -> bool:
        # A lock of this kind is the process's, not the descriptor's, which its parent and siblings have too. It would
        # end with any descriptor of this file that the process closes: there is the one, and mmap's own.
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, seat)
        except OSError:
            return False
        return True

    def _taken(self, seat: int) -> bool:
        """Whether the process in a seat lives."""
        if seat == self._own:
            return True
        free = self._lock(seat)
        if free:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, seat)
        return not free


def _inherited(memory: Any, seats: int) -> SharedTally:
    return SharedTally(memory.detach(), seats)


def _memory() -> int:
    """A file without a name: whatever ends the processes that have it, nothing of it is left."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("raken-gateway")
    with TemporaryFile() as file:
        return os.dup(file.fileno())


def _cell(seat: int, index: int) -> int:
    """Where a cell begins, in bytes."""
    return (seat * CELLS + index) * CELL


def _number(seat: int, index: int) -> int:
    """Where a cell's number is, in doubles."""
    return (_cell(seat, index) + NAME) // 8


def _read(memory: mmap.mmap, at: int) -> tuple[bytes, Name] | None:
    """The kind and name of a cell; None where there is none, or not yet all of it."""
    text = memory[at : at + NAME].rstrip(b"\0")
    # Another process may be writing it, or have died writing it: no name has a zero byte before its end.
    if not text.endswith(b"]") or b"\0" in text:
        return None
    return text[:1], tuple(json.loads(text[1:]))

"""What is remembered for a day: notes by key, of which there would else be one for every key that ever was.

One rule: adding one lets go of those that are older; nothing else has to tidy up.
"""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from loaders.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
DAY = 86_400.0
"Seconds for which a note is kept after it was written."


class Recent(Generic[K, V]):
    """Notes by key, the latest last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._notes: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        """The note of a key, if there is one."""
        note = self._notes.get(key)
        return note[1] if note is not None else None

    def age(self, key: K) -> float:
        """Seconds since the note of a key was written; infinite where there is none."""
        note = self._notes.get(key)
        return self._clock.monotonic() - note[0] if note is not None else float("inf")

    def put(self, key: K, value: V) -> None:
        """Writes a key's note in the place of the one before."""
        now = self._clock.monotonic()
        self._notes.pop(key, None)
        self._notes[key] = (now, value)
        while now - self._notes[oldest := next(iter(self._notes))][0] > DAY:
            del self._notes[oldest]

    def drop(self, key: K) -> None:
        """Lets a key's note go."""
        self._notes.pop(key, None)

    def since(self, seconds: float) -> Iterator[K]:
        """The keys whose note was written within so many seconds, the latest last."""
        start = self._clock.monotonic() - seconds
        return (key for key, (at, _) in self._notes.items() if at >= start)

    def __len__(self) -> int:
        return len(self._notes)

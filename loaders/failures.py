"""What each slice's last flight failed of, so that a Raken in trouble is not asked once a read.

One rule: a failure is remembered per slice, for a time that doubles with each repetition.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from loaders.backoff import pause
from loaders.clock import Clock
from loaders.errors import RakenError
from loaders.recent import Recent

PAUSE = {"first": 1.0, "longest": 30.0}
"Seconds for which a failure stands: the first, the longest."


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, until when it stands, and how often in a row it came."""

    error: RakenError
    until: float
    times: int


class Failures:
    """The failures that still stand, by key."""

    def __init__(self, clock: Clock, jitter: Callable[[], float]) -> None:
        self._clock = clock
        self._jitter = jitter
        self._failures: Recent[Hashable, Failure] = Recent(clock)

    def of(self, key: Hashable) -> RakenError | None:
        """The error of a key that is not to be tried yet."""
        failure = self._failures.get(key)
        return failure.error if failure is not None and failure.until > self._clock.monotonic() else None

    def remember(self, key: Hashable, error: RakenError) -> float:
        """Notes one more failure of a key, and answers for how many seconds it stands."""
        before = self._failures.get(key)
        times = before.times + 1 if before is not None else 1
        seconds = pause(times, self._jitter(), **PAUSE)
        # A traceback would hold the page that could not be read.
        self._failures.put(key, Failure(error.with_traceback(None), self._clock.monotonic() + seconds, times))
        return seconds

    def clear(self, key: Hashable) -> None:
        """Forgets a key's failures: it has just been read."""
        self._failures.drop(key)

"""The circuit breaker: a Raken that fails again and again is left alone for a while.

The rule it keeps: while it is open nothing goes out, but one probe after each pause. Pure: the time is told.
"""

from dataclasses import dataclass

from loaders.backoff import pause
from loaders.errors import RakenUnavailable
from loaders.raken import Circuit

FAILURES = 5
"In a row, until it opens."
FIRST, LONGEST = 2.0, 60.0
"Seconds of the first pause, and of the longest."


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to one attempt; what came of an attempt that began before the breaker last moved says nothing."""

    turn: int


class Breaker:
    """Counts network errors, timeouts and 5xx in a row."""

    def __init__(self) -> None:
        self.circuit = Circuit.CLOSED
        self._turn = 0
        self._failures = 0
        self._openings = 0
        self._until = 0.0

    def standing(self, now: float) -> RakenUnavailable | None:
        """Why an attempt would be refused now, if it would."""
        if self.circuit is Circuit.CLOSED or (self.circuit is Circuit.OPEN and now >= self._until):
            return None
        if self.circuit is Circuit.HALF_OPEN:
            return RakenUnavailable("Raken has failed repeatedly; one request is out to see whether it is back")
        left = self._until - now
        return RakenUnavailable(
            f"Raken has failed {FAILURES} times in a row or more; it is tried again in {left:.0f} s"
        )

    def admit(self, now: float) -> Permit:
        """Lets one attempt begin; every permit is given back by one of the three below.

        Raises:
            RakenUnavailable: none may begin.
        """
        refusal = self.standing(now)
        if refusal is not None:
            raise refusal
        if self.circuit is Circuit.OPEN:
            self._move(Circuit.HALF_OPEN)
        return Permit(self._turn)

    def succeed(self, permit: Permit) -> None:
        """Raken has answered."""
        if permit.turn == self._turn:
            self._failures = self._openings = 0
            if self.circuit is not Circuit.CLOSED:
                self._move(Circuit.CLOSED)

    def fail(self, permit: Permit, now: float, jitter: float) -> None:
        """Raken has not answered, or with a 5xx; `jitter`, 0 to 1, spreads the pause."""
        if permit.turn != self._turn:
            return
        self._failures += 1
        if self.circuit is Circuit.HALF_OPEN or self._failures >= FAILURES:
            self._openings += 1
            self._until = now + pause(self._openings, jitter, first=FIRST, longest=LONGEST)
            self._move(Circuit.OPEN)

    def abandon(self, permit: Permit) -> None:
        """The attempt was given up before anything was known; another may be the probe."""
        if permit.turn == self._turn and self.circuit is Circuit.HALF_OPEN:
            self._move(Circuit.OPEN)

    def _move(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self._turn += 1

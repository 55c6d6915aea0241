"""Whether what is cached may be served: RFC 9111's freshness and RFC 5861's two ways of serving stale.

Pure: no clock, no I/O. `judge` is the only place that decides; `loader.py` acts on what it says.
"""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """What a reader is told of an answer."""

    FRESH = "FRESH"
    REVALIDATING = "REVALIDATING"
    DEGRADED = "DEGRADED"


class Action(Enum):
    """What is done for a reader."""

    SERVE = "serve"
    "Serve what is cached, and ask nobody."
    REVALIDATE = "revalidate"
    "Serve what is cached at once; one flight refreshes it behind (RFC 5861, section 3)."
    WAIT_BRIEFLY = "wait briefly"
    "Wait for the flight a moment, then serve what is cached (RFC 5861, section 4)."
    WAIT = "wait"
    "Nothing may be served: wait for the flight to the query's deadline."
    FAIL = "fail"
    "Nothing may be served and Raken is failing: say so at once."


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a slice of one entity lives, in seconds."""

    ttl: float
    stale_while_revalidate: float
    max_stale: float
    "The oldest that an answer may get while Raken is away, since it was fetched."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do, and the state of what is cached if that is what is served."""

    action: Action
    state: State


def judge(age: float | None, lifetime: Lifetime, *, failing: bool) -> Verdict:
    """Decides for one slice of one age in seconds (None: nothing cached), by what is known of Raken.

    `failing` is that a back-off runs, the breaker is open, or the quota withholds this lane.
    """
    if age is not None and age < lifetime.ttl:
        return Verdict(Action.SERVE, State.FRESH)
    if age is None or age > lifetime.max_stale:
        return Verdict(Action.FAIL if failing else Action.WAIT, State.DEGRADED)
    if failing:
        return Verdict(Action.SERVE, State.DEGRADED)
    if age < lifetime.ttl + lifetime.stale_while_revalidate:
        return Verdict(Action.REVALIDATE, State.REVALIDATING)
    return Verdict(Action.WAIT_BRIEFLY, State.REVALIDATING)

"""What one GraphQL operation may spend, and which version of each slice it has seen.

One rule: a slice is pinned at first touch, so that one answer never mixes two versions of it.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from loaders.entity import SliceKey
from loaders.freshness import Lifetime, State
from loaders.raken import Lane
from loaders.slices import Slice


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """A slice as one operation serves it: judged once, with its age then."""

    slice: Slice[Any]
    state: State
    age: float
    "Seconds since the first request of its reading was sent."
    lifetime: Lifetime
    warning: str | None = None
    "What a person should be told, where the state is DEGRADED."

    @property
    def fetched_at(self) -> datetime:
        """When the first request of its reading was sent."""
        return self.slice.reading.fetched_at

    @property
    def expires_at(self) -> datetime:
        """When it ends being fresh."""
        return self.fetched_at + timedelta(seconds=self.lifetime.ttl)


@dataclass(slots=True)
class Ticket:
    """What one flight costs the operation that has started it."""

    operation: "Operation"
    sends: int = 0

    def sent(self) -> None:
        """Counts a request; the first was charged when the flight started."""
        self.operation.sent()
        self.operation.share -= 1 if self.sends else 0
        self.sends += 1

    def settle(self) -> None:
        """Gives the charge back at the flight's end, where another process's reading made requests needless."""
        self.operation.share += 0 if self.sends else 1


@dataclass(slots=True, eq=False)
class Operation:
    """One operation's deadline, its share of upstream requests, and its pins."""

    deadline: float
    "On the monotonic clock: when its waiting for Raken ends."
    share: int = 50
    "How many more upstream requests it may start."
    lane: Lane = Lane.PEOPLE
    pins: dict[SliceKey, asyncio.Future[Serving]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    "How its slices were served: hit, stale, degraded, miss, error."
    requests: int = 0
    "How many upstream requests its flights and refreshes have sent so far."
    joined: int = 0
    "How many flights it waited for that it had not started."
    expected: set[SliceKey] = field(default_factory=set)
    "What it had fetched before it touched it: that it has come by then makes it no hit."
    _counted: set[SliceKey] = field(default_factory=set)
    _past: list[Serving] = field(default_factory=list)

    def ticket(self) -> "Ticket":
        """Charges the first request of a flight that starts."""
        self.share -= 1
        return Ticket(self)

    def sent(self) -> None:
        """Counts a request, and charges nothing for it: a refresh that was asked for is as long as it is."""
        self.requests += 1

    def count(self, key: SliceKey, outcome: str) -> bool:
        """Counts how it was served a slice; False where that slice has been counted."""
        if key in self._counted:
            return False
        self._counted.add(key)
        self.outcomes[outcome] += 1
        return True

    def renew(self) -> None:
        """Lets the pins go, so that the next touch sees anew; what it has been served is remembered."""
        self._past = self.servings()
        self.pins.clear()

    def served(self, key: SliceKey) -> Serving | None:
        """How it has been served a slice, if it has been."""
        pin = self.pins.get(key)
        done = pin is not None and pin.done() and not pin.cancelled() and pin.exception() is None
        return pin.result() if pin is not None and done else None

    def servings(self) -> list[Serving]:
        """What it has been served since it began, without what failed."""
        return [*self._past, *(serving for key in self.pins if (serving := self.served(key)) is not None)]

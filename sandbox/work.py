"""Who worked where on a day, from when to when: what time cards, logs and reports are made from.

The rule: how many time cards a day has is known without making them.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import cycle, islice
from random import Random
from typing import NamedTuple

from sandbox.catalogue import Catalogue
from sandbox.chance import happens, stream
from sandbox.people import Person
from sandbox.projects import Site

FORTNIGHT = 14  # days for which a worker keeps to a site
SATURDAY = 5
PRESENT = (0.92,) * SATURDAY + (0.06, 0.01)  # share of the crew at work, Monday to Sunday
KINDS = ("plain", "long", "overnight", "split", "two sites", "short", "astray")
KIND_SHARES = (0.74, 0.85, 0.89, 0.93, 0.96, 0.99)  # cumulated


class Stint(NamedTuple):
    """One stay of a worker on a site: minutes of the day, without pay where there is a meal."""

    worker: str
    site: str
    start: int
    minutes: int
    meal: int = 0
    astray: float = 0.0  # hours by which the total is not what the times say

    @property
    def hours(self) -> float:
        """What is paid."""
        return (self.minutes - self.meal) / 60 + self.astray


class Hand(NamedTuple):
    """A worker of the day, the site they are sent to, and one they could also go to."""

    worker: str
    home: str
    other: str


@dataclass(frozen=True)
class Work:
    """Who there is, where there is something to do, and how much of it."""

    seed: int
    today: date
    staff: list[Person]
    sites: list[Site]
    catalogue: Catalogue
    exactly: int | None = None  # stints a day, where they are not to follow from who is there
    _running: dict[date, list[Site]] = field(default_factory=dict, repr=False)

    def running(self, day: date) -> list[Site]:
        """The projects that are worked on on a day."""
        if day not in self._running:
            self._running[day] = [site for site in self.sites if site.runs(day)]
        return self._running[day]

    def size(self, day: date) -> int:
        """How many stints a day has."""
        if self.exactly is None:
            return len(self.stints(day))
        return self.exactly if next(self._crew(day), None) else 0

    def stints(self, day: date) -> list[Stint]:
        """Who worked where on a day."""
        chance = stream(self.seed, "stints", day)
        if self.exactly is not None:
            return list(islice(_stints(chance, cycle(self._crew(day))), self.exactly))
        present = PRESENT[day.weekday()]
        return list(_stints(chance, (hand for hand in self._crew(day) if happens(chance, present))))

    def _crew(self, day: date) -> Iterator[Hand]:
        running = [site.uuid for site in self.running(day)]
        if not running:
            return
        homes = _homes(self.seed, day.toordinal() // FORTNIGHT, len(self.staff))
        for person, home in zip(self.staff, homes, strict=True):
            if person.works(day):
                yield Hand(person.uuid, running[int(home * len(running))], running[int(home * 7919) % len(running)])


@lru_cache(maxsize=64)
def _homes(seed: int, fortnight: int, count: int) -> list[float]:
    # Squared, so that some projects are large and many small.
    chance = stream(seed, "homes", str(fortnight))
    return [chance.random() ** 2 for _ in range(count)]


def _stints(chance: Random, crew: Iterator[Hand]) -> Iterator[Stint]:
    for hand in crew:
        yield from _day_of(chance, hand)


def _day_of(chance: Random, hand: Hand) -> list[Stint]:
    kind = KINDS[bisect(KIND_SHARES, chance.random())]
    start = 360 + 15 * int(chance.random() * 9)
    whole = Stint(hand.worker, hand.home, start, 510, meal=30)
    half = Stint(hand.worker, hand.home, start, 240)
    match kind:
        case "long":
            whole = whole._replace(minutes=600 + 30 * chance.randrange(8))
        case "overnight":
            whole = whole._replace(start=19 * 60, minutes=630)
        case "short":
            whole = whole._replace(minutes=15 * chance.randrange(8, 25), meal=0)
        case "astray":
            whole = whole._replace(astray=0.25)
        case "split":
            return [half, half._replace(start=start + 300)]
        case "two sites":
            return [half, half._replace(site=hand.other, start=start + 285)]
    return [whole]

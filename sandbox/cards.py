"""Time cards: who worked where on a day, from when to when, at what.

The rule: how many cards a day has is known without making them.
"""

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from itertools import cycle, islice
from random import Random
from typing import NamedTuple

from sandbox import words
from sandbox.catalogue import Catalogue, brief
from sandbox.chance import happens, midnight, pick, stream, uuid
from sandbox.clock import stamp
from sandbox.people import Person
from sandbox.projects import Site
from sandbox.rows import Value

FORTNIGHT = 14
SATURDAY = 5
KINDS = ("plain", "long", "overnight", "split", "two sites", "short", "astray")
KIND_SHARES = (0.74, 0.85, 0.89, 0.93, 0.96, 0.99)  # cumulated
PRESENT = (0.92,) * SATURDAY + (0.06, 0.01)  # share of the crew at work, Monday to Sunday
WORK_ENDS_UTC = 22 * 60  # minutes: the afternoon of the United States
FULL_DAY, OVERTIME, FIRST_TASK = 8.0, 4.0, 2.0  # hours
SIGNED_WITHIN = 8 * 1440  # minutes after it was made, which keeps every edit within ten days of the date


class Stint(NamedTuple):
    """One stay of a worker on a site: minutes of the day, without pay where there is a meal."""

    worker: str
    site: str
    start: int
    minutes: int
    meal: int = 0
    astray: float = 0.0  # hours by which the total is not what the times say


@dataclass(frozen=True)
class Work:
    """Everything that a day's cards are made from."""

    seed: int
    today: date
    staff: list[Person]
    sites: list[Site]
    catalogue: Catalogue
    exactly: int | None = None  # cards a day, where they are not to follow from who is there

    def running(self, day: date) -> list[Site]:
        """The projects that are worked on on a day."""
        return [site for site in self.sites if site.runs(day)]

    def size(self, day: date) -> int:
        """How many cards a day has."""
        if self.exactly is None:
            return len(self.stints(day))
        return self.exactly if self.running(day) and any(person.works(day) for person in self.staff) else 0

    def stints(self, day: date) -> list[Stint]:
        """Who worked where on a day."""
        chance = stream(self.seed, "stints", day)
        if self.exactly is None:
            return list(self._stints(chance, (each for each in self._crew(day) if self._present(chance, day))))
        return list(islice(self._stints(chance, cycle(self._crew(day))), self.exactly))

    def cards(self, day: date) -> list[Value]:
        """A day's time cards."""
        chance = stream(self.seed, "timeCards", day)
        approvers = [person.uuid for person in self.staff[:3]]
        return [self._card(chance, day, stint, approvers) for stint in self.stints(day)]

    def card(self, chance: Random, day: date, worker: str, site: str, now: str) -> Value:
        """One new card of today's making, not approved."""
        stint = Stint(worker, site, 7 * 60, 510, meal=30)
        return self._begun(chance, day, stint, worker) | _written(now, now) | self._told(chance, stint)

    def _present(self, chance: Random, day: date) -> bool:
        return happens(chance, PRESENT[day.weekday()])

    def _crew(self, day: date) -> list[tuple[str, list[str]]]:
        running = [site.uuid for site in self.running(day)]
        if not running:
            return []
        homes = _homes(self.seed, day.toordinal() // FORTNIGHT, len(self.staff))
        return [
            (person.uuid, [running[int(home * len(running))], running[int(home * 7919) % len(running)]])
            for person, home in zip(self.staff, homes, strict=True)
            if person.works(day)
        ]

    def _stints(self, chance: Random, crew: Iterator[tuple[str, list[str]]]) -> Iterator[Stint]:
        for worker, (home, other) in crew:
            yield from _day_of(chance, worker, home, other)

    def _card(self, chance: Random, day: date, stint: Stint, approvers: Sequence[str]) -> Value:
        author = stint.worker if happens(chance, 0.4) else pick(chance, approvers)
        value = self._begun(chance, day, stint, author)
        return value | self._history(chance, day, approvers) | self._told(chance, stint)

    def _begun(self, chance: Random, day: date, stint: Stint, author: str) -> Value:
        by = {"uuid": author}
        return {
            "uuid": uuid(chance),
            **_times(day, stint),
            "worker": {"uuid": stint.worker},
            "project": {"uuid": stint.site},
            "createdBy": by,
            "updatedBy": by,
        }

    def _history(self, chance: Random, day: date, approvers: Sequence[str]) -> Value:
        # Nothing is newer than today's first moment: an edit made while the sandbox runs always moves updatedAt on.
        latest = midnight(self.today)
        made = min(midnight(day) + timedelta(minutes=WORK_ENDS_UTC + int(chance.random() * 240)), latest)
        signed = made + timedelta(minutes=30 + int(chance.random() * SIGNED_WITHIN))
        approver = pick(chance, approvers)
        if signed >= latest or happens(chance, 0.05):
            return {"approved": False, **_written(stamp(made), stamp(made))}
        value: Value = {"approved": True, "signed": {"uuid": approver}, "updatedBy": {"uuid": approver}}
        return value | _written(stamp(made), stamp(signed))

    def _told(self, chance: Random, stint: Stint) -> Value:
        value: Value = {
            "attachments": [],
            "breaks": _breaks(chance, stint),
            "timeEntries": self._entries(chance, stint),
        }
        if happens(chance, 0.12):
            value["note"] = pick(chance, words.NOTES)
        return value

    def _entries(self, chance: Random, stint: Stint) -> list[Value]:
        regular, over = min(_hours(stint), FULL_DAY), max(_hours(stint) - FULL_DAY, 0.0)
        parts = [regular] if regular <= FIRST_TASK or happens(chance, 0.6) else [FIRST_TASK, regular - FIRST_TASK]
        entries = [self._entry(chance, hours, "RT") for hours in parts]
        double = max(over - OVERTIME, 0.0)
        entries += [self._entry(chance, over - double, "OT")] if over else []
        return entries + ([self._entry(chance, double, "DT")] if double else [])

    def _entry(self, chance: Random, hours: float, pay: str) -> Value:
        entry: Value = {"hours": hours, "payType": self._pay_types[pay]}
        if happens(chance, 0.95):
            entry["classification"] = pick(chance, self._classifications)
        if happens(chance, 0.9):
            entry["costCode"] = pick(chance, self._cost_codes)
        return entry

    @cached_property
    def _pay_types(self) -> dict[str, Value]:
        return {each["code"]: brief(each, "uuid", "name", "code") for each in self.catalogue.pay_types}

    @cached_property
    def _classifications(self) -> list[Value]:
        return [brief(each, "uuid", "name") for each in self.catalogue.classifications]

    @cached_property
    def _cost_codes(self) -> list[Value]:
        return [brief(each, "uuid", "code", "division") for each in self.catalogue.cost_codes]


@lru_cache(maxsize=64)
def _homes(seed: int, fortnight: int, count: int) -> list[float]:
    # Squared, so that some projects are large and many small.
    chance = stream(seed, "homes", str(fortnight))
    return [chance.random() ** 2 for _ in range(count)]


def _day_of(chance: Random, worker: str, home: str, other: str) -> list[Stint]:
    kind = KINDS[bisect(KIND_SHARES, chance.random())]
    start = 360 + 15 * int(chance.random() * 9)
    whole = Stint(worker, home, start, 510, meal=30)
    half = Stint(worker, home, start, 240)
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
            return [half, half._replace(site=other, start=start + 285)]
    return [whole]


def _hours(stint: Stint) -> float:
    return (stint.minutes - stint.meal) / 60 + stint.astray


def _times(day: date, stint: Stint) -> Value:
    end = (stint.start + stint.minutes) % 1440
    return {
        "date": day.isoformat(),
        "startTime": _clock(stint.start),
        "endTime": _clock(end),
        "totalHours": _hours(stint),
        "approved": False,
    }


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"


def _written(created: str, updated: str) -> Value:
    return {"createdAt": created, "updatedAt": updated}


def _breaks(chance: Random, stint: Stint) -> list[Value]:
    breaks: list[Value] = []
    if stint.meal:
        lunch: Value = {"name": "Lunch", "duration": float(stint.meal)}
        breaks.append(lunch | ({"startTime": "12:00:00"} if happens(chance, 0.5) else {}))
    if happens(chance, 0.2):
        breaks.append({"name": "Rest", "duration": 15.0})
    return breaks

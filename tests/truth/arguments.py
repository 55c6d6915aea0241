"""Argument values worth asking with: real ids, boundaries of windows and pages, words that are in names.

The rule it keeps: most values are ones a person would send; about one in ten is at or over an edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.truth.lists import Cursor

PAST_MEASURE = [-1, 1001]
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Known:
    """What the asking side knows: ids, words, the days there are rows of, and cursors from earlier answers."""

    projects: Sequence[str]
    members: Sequence[str]
    words: Sequence[str]
    roles: Sequence[str]
    first_day: date
    today: date
    cursors: dict[str, Cursor] = field(default_factory=dict)


class Arguments:
    """Draws the arguments of one field."""

    def __init__(self, random: Random, known: Known) -> None:
        self.random, self.known = random, known

    def draw(self, kind: str, name: str, names: Sequence[str], most: int, owner: str | None) -> dict[str, Any]:
        """Values by argument; one that is not there is left out. `most`: the most rows the question can afford."""
        drawn: dict[str, Any] = {}
        if "id" in names:
            drawn["id"] = self.one_id(name)
        if "from" in names:
            drawn |= self.window(whole=kind == "Query")
        if "filter" in names and self.random.random() < 0.8:
            drawn["filter"] = self.filter(name)
        if "first" in names:
            drawn |= self.first(most)
        if "after" in names:
            drawn |= self.after(f"{kind}.{name}", owner)
        for listed, ids in (("projectIds", self.known.projects), ("workerIds", self.known.members)):
            if listed in names and self.random.random() < 0.5:
                drawn[listed] = self.some_ids(ids)
        return drawn

    def one_id(self, name: str) -> str:
        """An id of a project or member; now and then of nothing."""
        ids = self.known.projects if name == "project" else self.known.members
        return self.random.choice(ids) if self.random.random() < 0.93 else self.random.choice([NOBODY, "nonsense", ""])

    def some_ids(self, ids: Sequence[str]) -> list[str] | None:
        """Some of them, none of them, one twice, one that is not, or null."""
        several = self.random.sample(ids, min(len(ids), self.random.randint(1, 6)))
        return self.random.choice([several, several, several[:1], several + several[:1], [*several, NOBODY], [], None])

    def window(self, *, whole: bool) -> dict[str, Any]:
        """`from` and `to`; either left out or null unless the `whole` window must be given."""
        one, other = sorted(self.random.choices(self.days(), k=2))
        whole_ones = [
            (one, min(other, one + timedelta(days=399))),
            (one, one),
            (self.known.first_day, self.known.today),
            (other - timedelta(days=30), other),
            (self.known.today - timedelta(days=399), self.known.today),
            (self.known.today + timedelta(days=3), self.known.today + timedelta(days=9)),
        ]
        edge = [(one, one + timedelta(days=400)), (one + timedelta(days=1), one)]
        start, end = self.random.choice(edge if self.random.random() < 0.04 else whole_ones)
        given: dict[str, Any] = {"from": start.isoformat(), "to": end.isoformat()}
        if not whole:
            for name in self.random.choice([[], [], ["from"], ["to"], ["from", "to"], ["from", "to"]]):
                given[name] = None
                if self.random.random() < 0.7:
                    del given[name]
        return given

    def days(self) -> list[date]:
        """Days about which something may go wrong: the first with rows, ends of months, today, and their neighbours."""
        first, today = self.known.first_day, self.known.today
        months = [day.replace(day=1) for day in (first, today, today - timedelta(days=31))]
        around = [first, today, today - timedelta(days=30), *months]
        inner = [first + timedelta(days=self.random.randrange((today - first).days + 1)) for _ in range(6)]
        return inner + [day + timedelta(days=step) for day in around for step in (-1, 0, 1)]

    def first(self, most: int) -> dict[str, Any]:
        """A page's size, as far as the question can afford; left out and null are 100."""
        if self.random.random() < 0.04:
            return {"first": self.random.choice(PAST_MEASURE)}
        sizes: list[dict[str, Any]] = [{"first": size} for size in (0, 1, 2, 3, 5, 7, 10, 50, 100, 999, 1000)]
        affordable = [size for size in sizes if size["first"] <= most] + ([{}, {}, {}, {"first": None}] * (most >= 100))
        return self.random.choice(affordable)

    def after(self, place: str, owner: str | None) -> dict[str, Any]:
        """A cursor that this very list has given before; now and then one of a list of other things, or of none."""
        chance = self.random.random()
        if chance < 0.5:
            return {}
        if chance < 0.54:
            return {"after": None}
        if chance < 0.57:
            return {"after": "nonsense"}
        own = placed(place, owner)
        foreign = chance < 0.6
        fitting = [
            text
            for text, cursor in self.known.cursors.items()
            if (field_of(cursor.place) != field_of(own) if foreign else cursor.place == own)
        ]
        return {"after": self.random.choice(fitting)} if fitting else {}

    def filter(self, name: str) -> dict[str, Any] | None:
        """A filter, each part of it given, empty, null or left out."""
        statuses = ["ACTIVE", "INACTIVE", "DELETED", "UNKNOWN"] + ["INVITED"] * (name == "teamMembers")
        parts: dict[str, list[Any]] = {
            "statuses": [self.random.sample(statuses, self.random.randint(1, 4)), statuses, [], None],
            "search": [*self.random.choices(self.known.words, k=6), "", None, "no such thing"],
        }
        if name == "teamMembers":
            parts["rakenRoles"] = [
                self.random.sample(self.known.roles, 1),
                list(self.known.roles),
                ["ROLE_X"],
                [],
                None,
            ]
        if self.random.random() < 0.1:
            return None
        return {part: self.random.choice(values) for part, values in parts.items() if self.random.random() < 0.6}


def placed(place: str, owner: str | None) -> str:
    """A list's name: its field, and whose it is."""
    return place if owner is None else f"{place} of {owner}"


def field_of(place: str) -> str:
    """The bare field of a list's name."""
    return place.split(" ", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1]

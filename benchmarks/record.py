"""The record of truth: every version of every row that there was, with the span of time in which it was so.

The rule: it is written from what was changed, never from what the gateway answers.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

Value = dict[str, Any]
Test = Callable[[Value], bool]
ALWAYS = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)


class Between(NamedTuple):
    """A moment that is known to lie between two others, both counted."""

    earliest: datetime
    latest: datetime


NOT_YET = Between(FOREVER, FOREVER)


@dataclass(slots=True)
class Version:
    """What a row was, from when to when."""

    value: Value
    since: Between
    until: Between = NOT_YET


class History:
    """All the rows of one kind that there ever were, by id."""

    def __init__(
        self, id_: Callable[[Value], str], day: str | None, keys: Mapping[str, Callable[[Value], str]]
    ) -> None:
        """`day` names the field that dates a row; `keys` are what rows are looked up by."""
        self.id = id_
        self._day = day
        self._keys = keys
        self.versions: dict[str, list[Version]] = {}
        self._under: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._sizes: Counter[tuple[str, str]] = Counter()

    def put(self, value: Value, when: Between) -> None:
        """A row is new, or has become otherwise."""
        id_ = self.id(value)
        self.end(id_, when)
        self.versions.setdefault(id_, []).append(Version(value, when))
        self._count(value, 1)
        for name, key in self._keys.items():
            self._under[name, key(value)].add(id_)

    def end(self, id_: str, when: Between) -> None:
        """A row is gone, or is about to be another."""
        live = self.live(id_)
        if live is not None:
            self.versions[id_][-1].until = when
            self._count(live, -1)

    def live(self, id_: str) -> Value | None:
        """What a row is now, if it is."""
        versions = self.versions.get(id_)
        return versions[-1].value if versions and versions[-1].until.latest == FOREVER else None

    def under(self, name: str, value: str) -> Iterable[str]:
        """The ids of the rows that ever had a value under a key; of all rows where the key is empty."""
        return self._under.get((name, value), ()) if name else self.versions

    def had(self, id_: str, since: datetime, now: datetime) -> list[Value]:
        """All that a row may have been at some moment of a span."""
        return [
            one.value for one in self.versions.get(id_, ()) if one.since.earliest <= now and one.until.latest >= since
        ]

    def throughout(self, id_: str, since: datetime, now: datetime, so: Test) -> bool:
        """Whether a row was there, and so, at every moment of a span for sure."""
        there = [one for one in self.versions.get(id_, ()) if one.since.earliest <= now and one.until.latest >= since]
        return (
            bool(there)
            and there[0].since.latest <= since
            and there[-1].until.earliest >= now
            and all(so(one.value) for one in there)
        )

    def size(self, project: str = "", days: tuple[date, date] | None = None) -> int:
        """How many rows there are now: of a project, where one is named; of a window, where there is one."""
        if days is None:
            return self._sizes[project, ""]
        span = (days[1] - days[0]).days + 1
        return sum(self._sizes[project, (days[0] + timedelta(days=day)).isoformat()] for day in range(span))

    def _count(self, value: Value, by: int) -> None:
        day = value[self._day] if self._day else ""
        projects = {"", self._keys["project"](value) if "project" in self._keys else ""}
        for project in projects:
            for each in {"", day}:
                self._sizes[project, each] += by

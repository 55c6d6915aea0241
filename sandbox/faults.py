"""What can go wrong on demand: which requests a fault meets, and how often.

The rule: a fault is spent only on a request that it spoils.
"""

import asyncio
import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, Literal

import msgspec

Kind = Literal[
    "latency",  # the answer comes `seconds` late
    "hang",  # no answer until the fault is taken away; then the connection is reset
    "reset",  # the connection is reset without an answer
    "status",  # an error with `status`
    "html",  # a page for people, with `status`, where JSON is due
    "rate",  # 429, too many requests
    "quota",  # 429, limit exceeded
    "unauthorized",  # 401
    "forbidden",  # 403; for every path, a company whose data access is not enabled
    "cut",  # the body ends halfway
    "insert",  # a row is new in front of the list after a page that has a next
    "delete",  # the list's first row is gone after a page that has a next
    "shuffle",  # the list comes in another order each time
    "missing",  # `rows` of the page lack `fields`
    "extra",  # `rows` of the page have `values` besides, or instead
]
INSTEAD: frozenset[Kind] = frozenset({"hang", "reset", "status", "html", "rate", "quota", "unauthorized", "forbidden"})
MOVING: frozenset[Kind] = frozenset({"insert", "delete"})
DAMAGING: frozenset[Kind] = frozenset({"missing", "extra"})


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, and where: `path` as in "/timeCards" or "/members/*", `query` as exact parameters."""

    kind: Kind
    path: str = "*"
    query: dict[str, str] = field(default_factory=dict)
    after: int = 0  # requests that are spared first
    times: int | None = None  # requests that are spoiled; None: all
    seconds: float = 1.0
    status: int | None = None  # None: 200 of html, 503 else
    retry_after: str = ""  # as sent, seconds or a date; empty: none
    rows: int | None = None  # rows of a page that are spoiled, from its first; None: all
    fields: tuple[str, ...] = ("uuid",)
    values: dict[str, Any] = field(default_factory=lambda: {"addedSince": "a field that nobody knows"})

    def meets(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether a request is one of the fault's. A fault for "*" spares OAuth, which is asked for by name."""
        there = not path.startswith("/oauth/") if self.path == "*" else fnmatchcase(path, self.path)
        return there and all(query.get(name) == each for name, each in self.query.items())


NAMES = tuple(each.name for each in dataclasses.fields(Fault))


def fault(values: Mapping[str, Any]) -> Fault:
    """The fault that some JSON or text describes; in text, `fields` are parted by "+".

    Raises:
        ValueError: a name or value that no fault has.
    """
    unknown = sorted(set(values) - set(NAMES))
    if unknown:
        raise ValueError(f"expected names among {', '.join(NAMES)}, but got {', '.join(unknown)}")
    fields = values.get("fields")
    split = {"fields": fields.split("+")} if isinstance(fields, str) else {}
    try:
        return msgspec.convert({**values, **split}, Fault, strict=False)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"expected a fault, but got: {wrong}") from wrong


@dataclass
class Standing:
    """A fault that stands: how many requests it has spared and spoiled so far."""

    fault: Fault
    number: int
    spared: int = 0
    spoiled: int = 0
    lifted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def spent(self) -> bool:
        """Whether it has spoiled all that it was to spoil."""
        return self.fault.times is not None and self.spoiled >= self.fault.times

    def told(self) -> dict[str, Any]:
        """The fault as JSON."""
        return {
            "number": self.number,
            "spared": self.spared,
            "spoiled": self.spoiled,
            **dataclasses.asdict(self.fault),
        }


class Faults:
    """The faults that stand, oldest first."""

    def __init__(self, faults: Collection[Fault] = ()) -> None:
        self._numbers = count(1)
        self.standing: list[Standing] = []
        for each in faults:
            self.add(each)

    def add(self, fault: Fault) -> Standing:
        """Lets a fault stand."""
        self.standing.append(Standing(fault, next(self._numbers)))
        return self.standing[-1]

    def lift(self, number: int | None = None) -> None:
        """Takes one fault away, or all; what hangs on it is let go."""
        for each in list(self.standing):
            if number in (None, each.number):
                self.standing.remove(each)
                each.lifted.set()

    def take(self, kinds: Collection[Kind], path: str, query: Mapping[str, str]) -> list[Standing]:
        """Every fault of some kinds that spoils this request: each is spent by one."""
        return [each for each in self.standing if each.fault.kind in kinds and _spoils(each, path, query)]

    def first(self, kinds: Collection[Kind], path: str, query: Mapping[str, str]) -> Standing | None:
        """The first fault of some kinds that spoils this request; the others are not spent."""
        spoiling = (each for each in self.standing if each.fault.kind in kinds and _spoils(each, path, query))
        return next(spoiling, None)


def _spoils(standing: Standing, path: str, query: Mapping[str, str]) -> bool:
    if standing.spent or not standing.fault.meets(path, query):
        return False
    if standing.spared < standing.fault.after:
        standing.spared += 1
        return False
    standing.spoiled += 1
    return True

"""What an entity is: one frozen declaration, from which the slices, loaders, settings and lists follow.

Imports no driver and no asyncio. An entity's file in `entities/` imports this module and other entities' rows,
nothing else of ours.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """A row as the graph reads it: the schema's names as attributes, Raken's as what they are decoded from."""


class Blankable(Row, frozen=True, kw_only=True, gc=False):
    """A row in which Raken's empty string means that there is none: `blank` names the nullable strings.

    Only rows that have such are of this kind: a page of time cards holds ten thousand that have none.
    """

    blank: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in self.blank:
            if getattr(self, name) == "":
                msgspec.structs.force_setattr(self, name, None)


class Named(Row, frozen=True, kw_only=True, gc=False):
    """A reference to something by its uuid alone."""

    id: str = msgspec.field(name="uuid")


class Located(Row, frozen=True, kw_only=True, gc=False):
    """A row that lies on a project, named by Raken in one of its two ways or stamped with the project asked for."""

    project_uuid: str | None = None
    project_ref: Named | None = msgspec.field(name="project", default=None)

    @property
    def project_id(self) -> str | None:
        """The project's uuid."""
        return self.project_uuid or (self.project_ref.id if self.project_ref else None)


class Scope(Enum):
    """How Raken is asked for an entity when one project's rows are wanted."""

    COMPANY = "company"
    "Once for the whole company: the rows name their project, or have none."
    PROJECT = "project"
    "Once a project: Raken insists, or its rows do not name theirs."
    EITHER = "either"
    "Unknown: company-wide until Raken answers 400, or with rows that do not name their project."


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month that a day lies in."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> "Month":
        """The month that prints so."""
        year, number = text.split("-")
        return cls(int(year), int(number))

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return date(self.year, self.number, monthrange(self.year, self.number)[1])

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True, slots=True)
class Window:
    """Dates from `first` to `last`, both ends counted."""

    first: date
    last: date

    def months(self) -> Iterator[Month]:
        """The calendar months it touches, in order."""
        month, end = Month.of(self.first), Month.of(self.last)
        while month <= end:
            yield month
            month = month.next


def by_name(name: str | None) -> tuple[bool, str, str]:
    """The sort key of a name: Unicode casefold, then code point; null last."""
    return (name is None, (name or "").casefold(), name or "")


def by_date(day: date | None) -> tuple[bool, str]:
    """The sort key of a date; null last."""
    return (day is None, day.isoformat() if day else "")


R = TypeVar("R", bound=Row)
Span = tuple[date | None, date | None]


@dataclass(frozen=True, eq=False)
class Entity(Generic[R]):
    """One kind of thing that is fetched from Raken."""

    name: str
    "Its `RakenEntity`; also the metric label and the tail of its `TTL_` variable."
    path: str
    "Raken's endpoint, below the base URL."
    row: type[R]
    "What a row is decoded to."
    lifetime: int
    "The default ttl, in seconds."
    order: Callable[[R], tuple[bool | str, ...]]
    "The sort key of its lists, of plain strings and booleans, without the id, which breaks ties."
    scope: Scope = Scope.COMPANY
    dated: bool = False
    "Whether Raken wants a window of dates, so that slices are calendar months."
    params: Mapping[str, str] = field(default_factory=dict)
    "Fixed query parameters."
    keys: Mapping[str, Callable[[R], str | None]] = field(default_factory=dict)
    "Indexes beside the id: a name, and what a row is found by under it."
    span: Callable[[R], Span] | None = None
    "The dates a row covers, where windows choose among rows; a start of None is in every window of its slice."
    whole: bool = False
    "Whether the graph shows Raken's whole row: then the row type has a field `data`."
    delta: bool = False
    "Whether Raken can say what changed since a time, and what was deleted; its rows then have `updated_at`."
    identity: Callable[[R], str] | None = None
    "What stands for the uuid where Raken's rows have none; equal rows are then all kept, and numbered."

    def __repr__(self) -> str:
        return f"<Entity {self.name}>"


@dataclass(frozen=True, slots=True)
class SliceKey:
    """What is fetched, cached, judged and refreshed as one: an entity's rows for a project or all, a month or all."""

    entity: Entity[Any]
    project: str | None = None
    month: Month | None = None

    def __str__(self) -> str:
        return f"{self.entity.name}/{self.project or '*'}/{self.month or '*'}"

    def params(self) -> dict[str, str]:
        """The query parameters with which Raken is asked for it, without paging."""
        params = dict(self.entity.params)
        if self.project is not None:
            params["projectUuid"] = self.project
        if self.month is not None:
            params |= {"fromDate": self.month.first.isoformat(), "toDate": self.month.last.isoformat()}
        return params

"""Rows as bytes on shelves: how every collection is kept, read and edited.

The rule: a shelf is a pure function of the seed and its day until it is edited; an edited one is never made anew.
"""

import bisect
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import msgspec

Value = dict[str, Any]
Maker = Callable[[date], Iterable[Value]]

ROWS_KEPT = 150_000  # of unedited shelves a collection; about 200 MB of time cards
UNDATED = ""  # the one shelf of a collection that has no days
FOREVER = "9999-12-31"


@dataclass(frozen=True)
class Form:
    """What is true of every row of a collection."""

    name: str
    day: str | None = None  # the field that names the row's day, and its shelf
    span: tuple[str, str] | None = None  # or the fields that name its first and last day
    project: Literal["none", "projectUuid", "project"] = "none"
    project_named: bool = True  # False: the project is known of the row, and not written in it
    statuses: tuple[str, ...] = ()  # that can be asked for

    @property
    def dated(self) -> bool:
        """Whether the collection is read by window."""
        return bool(self.day or self.span)


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row in Raken's words, encoded, and what it is found by."""

    body: bytes
    uuid: str
    project: str
    status: str
    updated: str
    first: str
    last: str


def row(form: Form, value: Value) -> Row:
    """The row of a value, which names its project whether or not the row will."""
    first, last = _days(form, value)
    project = _project(form, value)
    if not form.project_named:
        value = {name: each for name, each in value.items() if name != form.project}
    return Row(
        body=msgspec.json.encode(value),
        uuid=value.get("uuid", ""),
        project=project,
        status=value.get("status", ""),
        updated=value.get("updatedAt", ""),
        first=first,
        last=last,
    )


def value(form: Form, row: Row) -> Value:
    """The value of a row, its project named: the reverse of `row`."""
    decoded: Value = msgspec.json.decode(row.body)
    if not form.project_named:
        decoded["projectUuid"] = row.project
    return decoded


def _days(form: Form, value: Value) -> tuple[str, str]:
    if form.span:
        return value[form.span[0]], value.get(form.span[1], FOREVER)
    day = value[form.day] if form.day else UNDATED
    return day, day


def _project(form: Form, value: Value) -> str:
    if form.project == "project":
        return str(value["project"]["uuid"])
    return str(value.get("projectUuid", "")) if form.project == "projectUuid" else ""


class Collection:
    """All rows of one kind: made by day at first use, dropped when there are too many, kept once edited."""

    def __init__(
        self,
        form: Form,
        make: Maker,
        today: date,
        days: Sequence[date] = (),
        size: Callable[[date], int] | None = None,
    ) -> None:
        self.form = form
        self.deleted: list[tuple[str, Row]] = []  # when, what
        self.statuses = set(form.statuses)  # that a row has, or could have
        self._make = make
        self._today = today
        self._made_days = {day.isoformat() for day in days} if form.day else {UNDATED}
        self._days = sorted(self._made_days)
        self._size = size
        self._sizes: dict[str, int] = {}
        self._shelves: OrderedDict[str, list[Row]] = OrderedDict()
        self._edited: dict[str, list[Row]] = {}
        self._kept = 0

    def days(self, first: str = "", last: str = FOREVER) -> list[str]:
        """The shelves between two days, both counted, oldest first."""
        if not self.form.day:
            return [UNDATED]
        return self._days[bisect.bisect_left(self._days, first) : bisect.bisect_right(self._days, last)]

    def edited_days(self) -> list[str]:
        """The shelves that somebody has edited."""
        return list(self._edited)

    def size(self, day: str) -> int:
        """How many rows a shelf has, without making them where that can be told."""
        if day in self._edited:
            return len(self._edited[day])
        if day not in self._sizes:
            tell = self._size
            self._sizes[day] = (
                tell(date.fromisoformat(day)) if tell and day in self._made_days else len(self.shelf(day))
            )
        return self._sizes[day]

    def shelf(self, day: str) -> list[Row]:
        """The rows of one day, or of all of an undated collection."""
        if day in self._edited:
            return self._edited[day]
        if day not in self._shelves:
            self._keep(day, self._made(day))
        self._shelves.move_to_end(day)
        return self._shelves[day]

    def rows(self) -> Iterator[Row]:
        """Every row there is."""
        for day in self.days():
            yield from self.shelf(day)

    def add(self, value: Value, *, front: bool = False) -> Row:
        """Puts a new row at the end of its shelf, or at the front of it."""
        new = self._new(value)
        shelf = self._editable(self._day(new))
        shelf.insert(0 if front else len(shelf), new)
        return new

    def replace(self, old: Row, value: Value) -> Row:
        """Puts a changed row where it stood, or on the shelf that it has moved to."""
        new = self._new(value)
        shelf = self._editable(self._day(old))
        if self._day(new) == self._day(old):
            shelf[shelf.index(old)] = new
            return new
        shelf.remove(old)
        return self.add(value)

    def remove(self, row: Row, when: str | None) -> None:
        """Takes a row away; told of by deletedFrom where `when` is given."""
        self._editable(self._day(row)).remove(row)
        if when:
            self.deleted.append((when, row))

    def _new(self, value: Value) -> Row:
        new = row(self.form, value)
        self.statuses.add(new.status)
        return new

    def _day(self, new: Row) -> str:
        return new.first if self.form.day else UNDATED

    def _made(self, day: str) -> list[Row]:
        if day not in self._made_days:
            return []
        return [row(self.form, made) for made in self._make(date.fromisoformat(day) if day else self._today)]

    def _keep(self, day: str, rows: list[Row]) -> None:
        self._shelves[day] = rows
        self._kept += len(rows)
        while self._kept > ROWS_KEPT and len(self._shelves) > 1:
            self._kept -= len(self._shelves.popitem(last=False)[1])

    def _editable(self, day: str) -> list[Row]:
        if day not in self._edited:
            self._edited[day] = list(self.shelf(day))
            self._kept -= len(self._shelves.pop(day))
            if day not in self._days:
                bisect.insort(self._days, day)
        return self._edited[day]

"""Changes to the made-up data while people look: new, changed, approved, deleted rows.

The rule: an edit happens at the sandbox's now, so that updatedAt, changedSince and deletedFrom all tell of it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import count, islice
from typing import Any, Literal

import msgspec

from sandbox import people, projects
from sandbox.cards import Cards
from sandbox.chance import stream, uuid
from sandbox.company import Company
from sandbox.rows import Collection, Row, Value, value

Op = Literal[
    "add",  # `count` new rows, believable but for `fields`
    "change",  # sets `fields`; null takes a field away
    "approve",  # signs time cards
    "unapprove",  # takes the signature back
    "delete",  # status DELETED where there are statuses, else gone and told of by deletedFrom
    "purge",  # gone without a trace
]


@dataclass(frozen=True)
class Edit:
    """What to do to which rows: `uuid` or `where` finds them ("worker.uuid" looks inside), `count` at most."""

    op: Op
    collection: str
    uuid: str = ""
    where: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    count: int = 1
    front: bool = False  # a new row comes first of its day or list, not last
    at: str = ""  # when, if not now


NAMES = tuple(each.name for each in dataclasses.fields(Edit))


def edit(values: Mapping[str, Any]) -> Edit:
    """The edit that some JSON describes.

    Raises:
        ValueError: a name or value that no edit has.
    """
    unknown = sorted(set(values) - set(NAMES))
    if unknown:
        raise ValueError(f"expected names among {', '.join(NAMES)}, but got {', '.join(unknown)}")
    try:
        return msgspec.convert(values, Edit)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"expected an edit, but got: {wrong}") from wrong


class Editor:
    """Edits one company's rows."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._numbers = count(1)

    def apply(self, edit: Edit, now: str) -> list[Value]:
        """Does an edit; the rows that it made, left or took away.

        Raises:
            ValueError: there is no such collection or row, or what it asks for is no row.
        """
        collection = self._company.collection(edit.collection)
        when = edit.at or now
        if edit.op == "add":
            return [self.add(collection, edit.fields, when, front=edit.front) for _ in range(edit.count)]
        if edit.op in ("approve", "unapprove") and edit.collection != "timeCards":
            raise ValueError(f"expected timeCards to {edit.op}, but got {edit.collection}")
        fields = _fields(edit.op, self._company)
        return [_changed(collection, row, edit, when, fields) for row in _found(collection, edit)]

    def add(self, collection: Collection, fields: Value, when: str, *, front: bool = False) -> Value:
        """A new row, believable but for some fields."""
        number = next(self._numbers)
        made = self._template(collection, fields, number, when)
        stamps = {name: when for name in ("createdAt", "updatedAt") if name in made}
        new = {name: each for name, each in (made | stamps | fields).items() if each is not None}
        try:
            return value(collection.form, collection.add(new, front=front))
        except (KeyError, TypeError) as wrong:
            raise ValueError(f"expected a row of {collection.form.name}, but got {new}") from wrong

    def _template(self, collection: Collection, fields: Value, number: int, when: str) -> Value:
        company, name = self._company, collection.form.name
        chance = stream(company.work.seed, "edits", str(number))
        day = date.fromisoformat(when[:10])
        if name == "members":
            return people.member(chance, day, len(company.staff) + number, company.catalogue)
        if name == "projects":
            return projects.project(chance, day, len(company.sites) + number, company.staff)
        if name == "timeCards":
            return self._card(fields, number, when)
        made = self._copied(collection)
        made |= {"uuid": uuid(chance)} if "uuid" in made else {}
        return made | ({collection.form.day: when[:10]} if collection.form.day else {})

    def _card(self, fields: Value, number: int, when: str) -> Value:
        company = self._company
        day = date.fromisoformat(fields.get("date", when[:10]))
        crew = [each.uuid for each in company.staff if each.works(company.today)]
        running = [each.uuid for each in company.sites if each.runs(company.today)]
        if not crew or not running:
            raise ValueError("expected a crew and a running project to make a time card of, but the company has none")
        chance = stream(company.work.seed, "edits", str(number))
        return Cards(company.work).new(chance, day, crew[number % len(crew)], running[number % len(running)], when)

    def _copied(self, collection: Collection) -> Value:
        for row in collection.rows():
            return value(collection.form, row)
        raise ValueError(f"expected a row of {collection.form.name} to make another like it, but there is none")


def _found(collection: Collection, edit: Edit) -> list[Row]:
    if not edit.uuid and not edit.where:
        raise ValueError("expected a uuid or a where to find rows by, but got neither")
    day = edit.where.get(collection.form.day) if collection.form.day else None
    shelves = collection.days(day, day) if day else collection.days()
    meant = (row for shelf in shelves for row in collection.shelf(shelf) if _meant(collection, row, edit))
    found = list(islice(meant, edit.count))
    if not found:
        raise ValueError(f"expected a row of {edit.collection} with {edit.uuid or edit.where}, but there is none")
    return found


def _meant(collection: Collection, row: Row, edit: Edit) -> bool:
    if edit.uuid and row.uuid != edit.uuid:
        return False
    seen = value(collection.form, row) if edit.where else {}
    return all(_inside(seen, name) == each for name, each in edit.where.items())


def _inside(seen: Any, name: str) -> Any:
    for part in name.split("."):
        seen = seen.get(part) if isinstance(seen, dict) else None
    return seen


def _changed(collection: Collection, row: Row, edit: Edit, when: str, fields: Value) -> Value:
    seen = value(collection.form, row)
    if edit.op == "purge" or (edit.op == "delete" and not collection.form.statuses):
        collection.remove(row, None if edit.op == "purge" else when)
        return seen
    stamps = {"updatedAt": when} if "updatedAt" in seen else {}
    changed = {name: each for name, each in (seen | stamps | fields | edit.fields).items() if each is not None}
    collection.replace(row, changed)
    return changed


def _fields(op: Op, company: Company) -> Value:
    approver = {"uuid": company.staff[0].uuid} if company.staff else {}
    match op:
        case "approve":
            return {"approved": True, "signed": approver, "updatedBy": approver}
        case "unapprove":
            return {"approved": False, "signed": None, "updatedBy": approver}
        case "delete":
            return {"status": "DELETED"}
        case _:
            return {}

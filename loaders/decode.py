"""One page of Raken's JSON: its bytes become rows, and what could not become one is named.

The rule it keeps: one bad value costs as little as it can. An optional field becomes absent, an element of a list
is dropped, and only what the row cannot be without costs the row. Pure.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import msgspec

from loaders.entity import Entity, Located, Row, SliceKey
from loaders.errors import RakenGarbled
from loaders.prune import Loss, fill

R = TypeVar("R", bound=Row)
C = TypeVar("C")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"What msgspec raises of bytes that are not what they should be."
_ESCAPE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"An escaped backslash, a whole surrogate pair, or (the group) half of one."


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something of Raken's that could not be read; it holds no value of a row but its uuid."""

    entity: str
    id: str | None
    loss: Loss
    row: bool
    "Whether the whole row is left out, or this field alone."

    def __str__(self) -> str:
        what = "the row" if self.row else "it"
        return f"{self.entity} {self.id or '(no uuid)'}: {self.loss.field}: {self.loss.reason}; {what} is left out"


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was read."""

    rows: tuple[Any, ...]
    marks: tuple[str, ...]
    "What each row that was given is recognised by, the ones left out too."
    rejected: tuple[Rejected, ...]
    total: int
    "Raken's totalElements."
    more: bool
    "Whether Raken names a next page."
    size: int
    "Bytes of its JSON."


class _Head(msgspec.Struct, gc=False):
    total: Any = msgspec.field(name="totalElements")
    next: Any = None


class _Envelope(msgspec.Struct, Generic[C], gc=False):
    page: _Head
    collection: list[C]


_RAW = msgspec.json.Decoder(_Envelope[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class _Read:
    """What became of one row: itself, or None and what it is recognised by instead."""

    row: Any
    mark: str
    rejected: tuple[Rejected, ...] = ()


def page(body: bytes, key: SliceKey) -> Page:
    """Reads one page of a slice; rows that do not name their project are stamped with the slice's.

    Raises:
        RakenGarbled: the body is not a page.
    """
    try:
        head, rows = _at_once(body, key)
    except UNREADABLE:
        return _one_by_one(body, key)
    marks = tuple([mark(row, key.entity) for row in rows])
    return Page(tuple(rows), marks, (), _total(head, key), bool(head.next), len(body))


def whole(body: bytes) -> bytes:
    """A body in which half a character, as a text cut in the middle of one ends with, is U+FFFD: JSON may hold it."""
    return _ESCAPE.sub(lambda found: found[0] if found[1] is None else rb"\ufffd", body)


def mark(row: Any, entity: Entity[Any]) -> str:
    """What a row is recognised by, from one page or reading to the next."""
    return str(entity.identity(row) if entity.identity else row.id)


def identify(rows: Sequence[Any], entity: Entity[Any]) -> None:
    """Gives the rows without a uuid one that is the same in every reading; equal rows are numbered."""
    if entity.identity is None:
        return
    alike: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if not row.id:
            alike[entity.identity(row)].append(row)
    taken = {row.id for row in rows if row.id}
    for name, group in alike.items():
        _number(name, group, taken)


def _number(name: str, group: list[Any], taken: set[str]) -> None:
    """Names rows `name`, `name#2`, … leaving out what is taken; by content, for Raken's order may change."""
    n = 0
    for row in sorted(group, key=msgspec.json.encode) if len(group) > 1 else group:
        n += 1
        while (id_ := f"{name}#{n}" if n > 1 else name) in taken:
            n += 1
        msgspec.structs.force_setattr(row, "id", id_)


@cache
def _decoder(entity: Entity[Any]) -> msgspec.json.Decoder[_Envelope[Any]]:
    # Not strict: Raken's integers are floats, 3.0 for 3.
    return msgspec.json.Decoder(_Envelope[entity.row], strict=False)  # type: ignore[name-defined]


@cache
def _row_decoder(entity: Entity[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(entity.row, strict=False)


@cache
def _id_name(entity: Entity[Any]) -> str:
    """Raken's name for a row's id."""
    return next(field.encode_name for field in msgspec.structs.fields(entity.row) if field.name == "id")


def _at_once(body: bytes, key: SliceKey) -> tuple[_Head, list[Any]]:
    """The fast path: a page in which every row is as declared.

    Raises:
        msgspec.ValidationError: one is not.
    """
    entity = key.entity
    if entity.whole:
        raise msgspec.ValidationError("whole rows are read one by one")
    envelope = _decoder(entity).decode(body)
    if entity.identity is None and not all(row.id for row in envelope.collection):
        raise msgspec.ValidationError("a row has a blank uuid")
    _stamp(envelope.collection, key)
    return envelope.page, envelope.collection


def _one_by_one(body: bytes, key: SliceKey) -> Page:
    """The slow path: each row by itself, so that a bad one is found and named."""
    envelope = _envelope(body, key)
    read = [_read(bytes(raw), key) for raw in envelope.collection]
    rows = tuple([one.row for one in read if one.row is not None])
    rejected = tuple([rejected for one in read for rejected in one.rejected])
    marks = tuple([one.mark for one in read])
    return Page(rows, marks, rejected, _total(envelope.page, key), bool(envelope.page.next), len(body))


def _envelope(body: bytes, key: SliceKey) -> _Envelope[msgspec.Raw]:
    with suppress(*UNREADABLE):
        return _RAW.decode(body)
    try:
        return _RAW.decode(whole(body))
    except UNREADABLE as error:
        raise _garbled(body, key, error) from None


def _read(raw: bytes, key: SliceKey) -> _Read:
    try:
        row = _row_decoder(key.entity).decode(raw)
    except UNREADABLE:
        return _mend(raw, key)
    if key.entity.whole or not (row.id or key.entity.identity):
        return _mend(raw, key)
    _stamp([row], key)
    return _Read(row, mark(row, key.entity))


def _mend(raw: bytes, key: SliceKey) -> _Read:
    """A row out of plain values, cut to what fits."""
    raw, entity = whole(raw), key.entity
    try:
        plain = msgspec.json.decode(raw, type=dict[str, Any])
    except UNREADABLE:
        return _lost(raw, entity, None, (Loss("the row", "expected a JSON object, got something else"),))
    id_ = plain.get(_id_name(entity)) or None
    if id_ is None:
        plain.pop(_id_name(entity), None)
    if entity.whole:
        plain["data"] = msgspec.json.decode(raw)
    row, losses = fill(plain, entity.row)
    if row is None:
        return _lost(raw, entity, id_, losses)
    _stamp([row], key)
    return _Read(row, mark(row, entity), tuple([Rejected(entity.name, id_, loss, row=False) for loss in losses]))


def _lost(raw: bytes, entity: Entity[Any], id_: Any, losses: Sequence[Loss]) -> _Read:
    known = id_ if isinstance(id_, str) else None
    instead = known or blake2b(raw, digest_size=16).hexdigest()
    return _Read(None, instead, (Rejected(entity.name, known, losses[-1], row=True),))


def _stamp(rows: Sequence[Any], key: SliceKey) -> None:
    """Writes the project that was asked for on the rows that name none; nobody else holds them yet."""
    if key.project is None or not issubclass(key.entity.row, Located):
        return
    for row in rows:
        if row.project_id is None:
            msgspec.structs.force_setattr(row, "project_uuid", key.project)


def _total(head: _Head, key: SliceKey) -> int:
    total = head.total
    number = isinstance(total, (int, float)) and not isinstance(total, bool)
    if not number or total < 0 or total % 1:
        got = str(total) if number else type(total).__name__
        raise RakenGarbled(
            f"Raken's answer to {key.entity.path}: expected page.totalElements as a whole number, got {got}"
        )
    return int(total)


def _garbled(body: bytes, key: SliceKey, error: Exception) -> RakenGarbled:
    tag = re.match(rb"\s*(<[!/?]?[A-Za-z]{1,12})", body)
    if tag:
        got = f"HTML ({tag[1].decode()}…)"
    elif not body.strip():
        got = "an empty body"
    elif isinstance(error, msgspec.ValidationError):
        got = f"JSON of another shape: {error}"
    elif "truncated" in str(error):
        got = f"JSON that is cut short after {len(body)} bytes"
    else:
        got = f"{len(body)} bytes that are not JSON"
    return RakenGarbled(f"Raken's answer to {key.entity.path}: expected a JSON page, got {got}")

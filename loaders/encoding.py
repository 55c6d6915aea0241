"""The compact encoding of a slice's content, as the shared tier holds it.

The rule it keeps: what is decoded equals what was encoded, or it is Unreadable; and equal content gives equal bytes.
JSON and not MessagePack: that loses a time's offset and refuses long integers, which Raken's whole rows may hold.
"""

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import groupby
from typing import Any

import msgspec
from msgspec import inspect

from loaders.decode import UNREADABLE, Rejected
from loaders.entity import Entity
from loaders.pages import MOST, Part

FORMAT = 1
"Grows with each change of what is written below."
PIECE = 1000
"Rows that are encoded or decoded in one step; then others get their turn."
LARGEST = 256 * 2**20
"Bytes of JSON in one body: more than a process keeps of slices, and what a forged body can cost."
_LEVEL = 1
_PREFIX = 4  # bytes of a piece's length
_CHUNK = 65_536  # bytes that are given to zlib at once: it copies what it leaves over
_ENCODER = msgspec.json.Encoder(order="deterministic")

Runs = tuple[tuple[int, int], ...]
"Places in a row: where they begin, and how many they are."


class Unreadable(Exception):
    """A body is not what `encode` writes for this entity, or would be larger than `decode` takes."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a reading is, but for its times."""

    rows: tuple[Any, ...]
    pages: tuple[Part, ...]
    rejected: tuple[Rejected, ...]


class _Page(msgspec.Struct, array_like=True, gc=False):
    offset: int
    etag: bytes | None
    total: int
    size: int
    runs: Runs


class _Head(msgspec.Struct, array_like=True, gc=False):
    rows: int
    more: int
    "Rows that lie on a page, and are none of the slice's."
    pages: tuple[_Page, ...]
    rejected: tuple[Rejected, ...]


_HEAD = msgspec.json.Decoder(_Head)


@cache
def fingerprint(entity: Entity[Any]) -> str:
    """Eight hex digits of the format and of the row's shape: of another row type, this is another encoding."""
    shape = _shape(inspect.type_info(entity.row))
    return blake2b(repr((FORMAT, shape)).encode(), digest_size=4).hexdigest()


def _shape(kind: Any) -> Any:
    match kind:
        case inspect.StructType():
            return [(field.name, field.encode_name, _shape(field.type)) for field in kind.fields]
        case inspect.EnumType():
            return [member.value for member in kind.cls]
        case inspect.Type():
            return (type(kind).__name__, *(_shape(getattr(kind, name)) for name in kind.__struct_fields__))
        case tuple():
            return [_shape(each) for each in kind]
        case _:
            return kind


async def encode(entity: Entity[Any], content: Content) -> bytes:
    """The bytes of a slice's content.

    Raises:
        Unreadable: they would be more than `decode` takes.
    """
    places = _Places()
    for piece in _pieces(content.rows):
        places.add(piece)
        await asyncio.sleep(0)
    pages = [await _page(part, places) for part in content.pages]
    more = places.rows[len(content.rows) :]
    head = _Head(len(content.rows), len(more), tuple(pages), content.rejected)
    return await _deflated(fingerprint(entity), [head, *_pieces(content.rows), *_pieces(more)])


async def decode(entity: Entity[Any], body: bytes) -> Content:
    """The content that was encoded.

    Raises:
        Unreadable: the body is not what `encode` writes for this entity.
    """
    mark = fingerprint(entity).encode()
    if not body.startswith(mark):
        raise Unreadable(f"expected {mark.decode()} before the content of {entity.name}, got {body[: len(mark)]!r}")
    try:
        return await _read(entity, _Inflater(memoryview(body)[len(mark) :]))
    except (*UNREADABLE, zlib.error) as error:
        raise Unreadable(f"expected the content of {entity.name}, got something else: {error}") from error


def _pieces(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[at : at + PIECE] for at in range(0, len(rows), PIECE))


class _Places:
    """Where each row stands; found by what it says, so that equal content is written alike."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self._by_id: dict[str, list[int]] = {}

    def add(self, rows: Iterable[Any]) -> None:
        for row in rows:
            self._append(row)

    def find(self, row: Any) -> int:
        """The place of a row, which is given one if it has none."""
        for at in self._by_id.get(row.id, ()):
            if self.rows[at] is row or self.rows[at] == row:
                return at
        return self._append(row)

    def _append(self, row: Any) -> int:
        at = len(self.rows)
        self._by_id.setdefault(row.id, []).append(at)
        self.rows.append(row)
        return at


async def _page(part: Part, places: _Places) -> _Page:
    found: list[int] = []
    for piece in _pieces(part.rows):
        found += [places.find(row) for row in piece]
        await asyncio.sleep(0)
    # A header's bytes that are no text come as halves of characters, which JSON may not hold.
    etag = part.etag.encode(errors="surrogateescape") if part.etag is not None else None
    return _Page(part.offset, etag, part.total, part.size, _runs(found))


def _runs(places: Sequence[int]) -> Runs:
    runs = [list(run) for _, run in groupby(enumerate(places), key=lambda at: at[1] - at[0])]
    return tuple([(run[0][1], len(run)) for run in runs])


async def _deflated(mark: str, pieces: Iterable[Any]) -> bytes:
    deflater, written, size = zlib.compressobj(_LEVEL), [mark.encode()], 0
    for piece in pieces:
        try:
            raw = _ENCODER.encode(piece)
        except RecursionError as error:
            raise Unreadable("expected rows that can be read again, got one that is nested too deeply") from error
        framed = len(raw).to_bytes(_PREFIX, "big") + raw
        size += len(framed)
        if size > LARGEST:
            raise Unreadable(f"expected at most {LARGEST} bytes of JSON, got {size} or more")
        written.append(await asyncio.to_thread(deflater.compress, framed))
    return b"".join([*written, deflater.flush()])


async def _read(entity: Entity[Any], inflater: "_Inflater") -> Content:
    head = _HEAD.decode(await asyncio.to_thread(inflater.piece))
    paged = sum(count for page in head.pages for _, count in page.runs)
    if not (0 <= head.rows <= MOST and 0 <= head.more <= paged <= 2 * MOST):
        raise Unreadable(f"expected at most {MOST} rows, got {head.rows} and {paged} on pages")
    rows = await _rows(entity, inflater, head.rows)
    every = rows + await _rows(entity, inflater, head.more)
    await asyncio.to_thread(inflater.end)
    return Content(tuple(rows), tuple([_part(page, every) for page in head.pages]), head.rejected)


async def _rows(entity: Entity[Any], inflater: "_Inflater", count: int) -> list[Any]:
    rows: list[Any] = []
    for left in range(count, 0, -PIECE):
        piece = _decoder(entity).decode(await asyncio.to_thread(inflater.piece))
        if len(piece) != min(left, PIECE):
            raise Unreadable(f"expected {min(left, PIECE)} rows, got {len(piece)}")
        rows += piece
    return rows


@cache
def _decoder(entity: Entity[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(list[entity.row])  # type: ignore[name-defined]


def _part(page: _Page, rows: Sequence[Any]) -> Part:
    for first, count in page.runs:
        if not 0 <= first <= first + count <= len(rows):
            raise Unreadable(f"expected places below {len(rows)}, got {count} from {first}")
    own = tuple([row for first, count in page.runs for row in rows[first : first + count]])
    etag = page.etag.decode(errors="surrogateescape") if page.etag is not None else None
    return Part(page.offset, etag, own, page.total, page.size)


class _Inflater:
    """Takes a body apart, piece by piece, so that the whole JSON is never held."""

    def __init__(self, body: memoryview) -> None:
        self._chunks = iter([body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)])
        self._inflater = zlib.decompressobj()
        self._left = LARGEST

    def piece(self) -> bytes:
        """The next piece.

        Raises:
            Unreadable: there is none that is whole.
        """
        return self._take(int.from_bytes(self._take(_PREFIX), "big"))

    def end(self) -> None:
        """Ends where all pieces are taken.

        Raises:
            Unreadable: something follows, or the end is cut off.
        """
        more = self._some(1)
        whole = self._inflater.eof and not self._inflater.unused_data
        if more or not whole or next(self._chunks, None) is not None:
            raise Unreadable("expected the body's end, got more, or less")

    def _take(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise Unreadable(f"expected at most {LARGEST} bytes of JSON, got more")
        taken = bytearray()
        while len(taken) < size:
            some = self._some(size - len(taken))
            if not some:
                raise Unreadable(f"expected {size} bytes more, got {len(taken)}")
            taken += some
        return bytes(taken)

    def _some(self, most: int) -> bytes:
        """What comes next, of so many bytes at most; nothing at the end alone."""
        while not self._inflater.eof:
            fed = self._inflater.unconsumed_tail or next(self._chunks, b"")
            some = self._inflater.decompress(fed, most)
            if some or not fed:
                return some
        return b""

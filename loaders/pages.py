"""Reading all pages of a slice, while Raken's rows may move between them.

The rule it keeps: a reading is whole or it is none. Each page begins with the last row of the page before it, totals
hold on all of them; or, where Raken's order proves unstable, the distinct ids number the total.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Protocol

from loaders import decode
from loaders.decode import Page, Rejected, identify, mark
from loaders.entity import Entity, SliceKey
from loaders.errors import RakenGarbled, RakenUnsettled
from loaders.raken import Answer, Lane, OnSend, Raken, unheard

LIMIT = 1000
"Rows a request; Raken gives no more, and may give fewer."
MOST = 1_000_000
"More rows than a company has: a total beyond is a lie that would cost the day's requests."
TRIES = 3
"A reading, and two rereadings."


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a reading, as a later reading may have it confirmed by a 304."""

    offset: int
    etag: str | None
    "None too where something of the page was left out: then it is read, and named, again."
    rows: tuple[Any, ...]
    total: int
    size: int
    "Bytes of its JSON."

    def kept(self) -> "Part":
        """What of it a later reading needs: a page without an ETag is never confirmed, and its rows not asked for."""
        return self if self.etag is not None else replace(self, rows=())


class Known(Protocol):
    """What is known from before."""

    @property
    def rows(self) -> Sequence[Any]:
        """The rows of the slice."""
        ...

    @property
    def pages(self) -> Sequence[Part]:
        """Its pages."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A slice as Raken had it at `fetched_at` or later."""

    rows: tuple[Any, ...]
    pages: tuple[Part, ...]
    rejected: tuple[Rejected, ...]
    fetched_at: datetime
    "When its first request was sent, in UTC."
    sent_at: float
    "The same instant, monotonic."
    date: datetime | None
    "The same by Raken's clock, to the second."
    requests: int
    "How many were sent for it, retries and rereadings too."
    whole_for: float = 0.0
    "Seconds from the first request of the last whole reading to this one's; 0 where this one is whole."
    number: int = 0
    "The lease under which it was read; 0 where nobody coordinated."
    body: str | None = None
    "The name of its content in the shared tier, where it is known."

    def precedes(self, number: int, sent_at: float) -> bool:
        """Whether a reading of this lease is later; where nobody coordinated one of the two, one that began later."""
        return number > self.number if number and self.number else sent_at > self.sent_at

    @property
    def whole_at(self) -> float:
        """When the last whole reading began, monotonic."""
        return self.sent_at - self.whole_for

    @property
    def size(self) -> int:
        """Bytes of the JSON it was read from."""
        return sum(part.size for part in self.pages)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A page at its place, read or confirmed."""

    part: Part
    marks: tuple[str, ...]
    "What its rows are recognised by, the ones left out too."
    answer: Answer[Page]
    rejected: tuple[Rejected, ...] = ()
    more: bool = False


class _Moved(Exception):
    """Rows moved between two pages; the message says what was seen."""


async def read(
    raken: Raken,
    key: SliceKey,
    previous: Known | None = None,
    lane: Lane = Lane.PEOPLE,
    on_send: OnSend = unheard,
    parse: Callable[[bytes, SliceKey], Page] = decode.page,
) -> Reading:
    """Reads a slice whole; `on_send` is awaited right before each request goes out, `parse` reads a page's body.

    Raises:
        RakenUnsettled: no reading was whole.
        RakenError: a page could not be had.
    """
    reader = _Reader(raken, key, lane, on_send, parse)
    reading = await reader.settled(previous)
    if previous is not None and 2 * len(reading.rows) < len(previous.rows):
        # Half of a slice rarely vanishes; a Raken in trouble may say that it did.
        reading = await reader.settled(None)
    return reading


class _Reader:
    """The readings of one slice on one occasion."""

    def __init__(
        self,
        raken: Raken,
        key: SliceKey,
        lane: Lane,
        on_send: OnSend,
        parse: Callable[[bytes, SliceKey], Page],
    ) -> None:
        self._raken = raken
        self._key = key
        self._lane = lane
        self._on_send = on_send
        self._parse = parse
        self._requests = 0

    async def settled(self, previous: Known | None) -> Reading:
        """The first of a few readings that is whole."""
        seen = ""
        for _ in range(TRIES):
            try:
                return await self._once({part.offset: part for part in previous.pages} if previous else {})
            except _Moved as moved:
                seen = str(moved)
            # What is known from before may be what does not fit: it is not built on again.
            previous = None
        raise RakenUnsettled(f"{self._key}: rows kept moving between pages in {TRIES} readings, at last: {seen}")

    async def _once(self, known: Mapping[int, Part]) -> Reading:
        first = await self._leaf(0, known.get(0))
        given, total = len(first.marks), first.part.total
        if total > MOST:
            raise RakenGarbled(f"{self._key}: expected at most {MOST} rows, got totalElements {total}")
        _check(first, given, total)
        rest = await _together([self._next(offset, known, given, total) for offset in _offsets(given, total)])
        return await self._reading([first, *rest])

    async def _next(self, offset: int, known: Mapping[int, Part], given: int, total: int) -> _Leaf:
        leaf = await self._leaf(offset, known.get(offset))
        _check(leaf, given, total)
        return leaf

    async def _leaf(self, offset: int, part: Part | None) -> _Leaf:
        answer = await self._raken.page(
            self._key.entity.path,
            self._key.params() | {"limit": str(LIMIT), "offset": str(offset)},
            self._lane,
            lambda body: self._parse(body, self._key),
            etag=part.etag if part is not None else None,
            on_send=self._sent,
        )
        page = answer.content
        if page is not None:
            etag = answer.etag if not page.rejected else None
            part = Part(offset, etag, page.rows, page.total, page.size)
            return _Leaf(part, page.marks, answer, page.rejected, page.more)
        assert part is not None, "a 304 answers an etag"  # noqa: S101
        return _Leaf(part, tuple([mark(row, self._key.entity) for row in part.rows]), answer)

    async def _sent(self) -> None:
        self._requests += 1
        await self._on_send()

    async def _reading(self, leaves: Sequence[_Leaf]) -> Reading:
        rows = await _merged(leaves, self._key.entity)
        identify(rows, self._key.entity)
        first = leaves[0].answer
        return Reading(
            rows=tuple(rows),
            pages=tuple(leaf.part.kept() for leaf in leaves),
            rejected=tuple(dict.fromkeys(rejected for leaf in leaves for rejected in leaf.rejected)),
            fetched_at=first.fetched_at,
            sent_at=first.sent_at,
            date=first.date,
            requests=self._requests,
        )


def _offsets(given: int, total: int) -> range:
    """Where the pages after the first begin: each with the last row of the page before it."""
    return range(0) if given >= total else range(max(given - 1, 1), total - min(given, 2) + 1, max(given - 1, 1))


def _check(leaf: _Leaf, given: int, total: int) -> None:
    """Holds a page against the first one, which gave so many rows of so many."""
    at, got = f"at offset {leaf.part.offset}", len(leaf.marks)
    expected = min(given, total - leaf.part.offset)
    if leaf.part.total != total:
        raise _Moved(f"expected totalElements {total} {at} as on the first page, got {leaf.part.total}")
    if got != expected or (total and not given):
        raise _Moved(f"expected {expected or total} rows {at} of {total}, got {got}")
    if leaf.more and leaf.part.offset + got >= total:
        raise _Moved(f"expected no next page after row {total} of {total}, got one")


async def _together(leaves: Iterable[Coroutine[Any, Any, _Leaf]]) -> list[_Leaf]:
    """Fetches pages at once; the first that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(leaf) for leaf in leaves]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


async def _merged(leaves: Sequence[_Leaf], entity: Entity[Any]) -> list[Any]:
    """The rows of all pages, each once."""
    overlap = all(before.marks[-1] == after.marks[0] for before, after in pairwise(leaves))
    if not overlap:
        _count(leaves, entity)
    rows: list[Any] = []
    for leaf in leaves:
        again = rows and leaf.part.rows and mark(leaf.part.rows[0], entity) == leaf.marks[0]
        rows.extend(leaf.part.rows[1:] if overlap and again else leaf.part.rows)
        # Others get their turn between two pages.
        await asyncio.sleep(0)
    return rows if entity.identity else list({row.id: row for row in rows}.values())


def _count(leaves: Sequence[_Leaf], entity: Entity[Any]) -> None:
    """Where Raken's order is unstable, there must be as many distinct ids as it says there are rows."""
    total, distinct = leaves[0].part.total, len({mark for leaf in leaves for mark in leaf.marks})
    if entity.identity is not None or distinct != total:
        raise _Moved(
            f"expected each page to begin with the last row of the one before; {distinct} of {total} were seen"
        )

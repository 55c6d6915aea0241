"""Asking Raken what changed in a window of time, and what was deleted in it.

The rule it keeps: changes first, deletions after them. The other way round, a row that changed, and was deleted in
between, would be in neither.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http import HTTPStatus
from typing import Any

import msgspec

from loaders import decode
from loaders.decode import Page
from loaders.delta import SLACK, Changes
from loaders.entity import Entity, Row, SliceKey
from loaders.errors import DeltaUnsupported, RakenRefused
from loaders.pages import Reading, read
from loaders.raken import Lane, OnSend, Raken, unheard

CHANGED = ("changedSince", "changedUntil")
DELETED = ("deletedFrom", "deletedTo")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"Before there was a Raken to delete anything in."


@dataclass(frozen=True, kw_only=True)
class _Question(SliceKey):
    """What is asked in the place of a month: what has changed, or was deleted, between two times by Raken's clock."""

    since: datetime
    until: datetime
    names: tuple[str, str]
    "Raken's, of the two."

    def params(self) -> dict[str, str]:
        """The query parameters with which Raken is asked for it, without paging."""
        moments = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (self.since, self.until)]
        return dict(self.entity.params) | dict(zip(self.names, moments, strict=True))

    def __str__(self) -> str:
        return f"{self.entity.name}/{self.names[0]}"


class _Gone(Row, frozen=True, kw_only=True, gc=False):
    """A row that was deleted: what Raken says of it beside its uuid is unknown."""

    id: str = msgspec.field(name="uuid")


@cache
def _gone(entity: Entity[Any]) -> Entity[Any]:
    """The deleted rows of an entity as an entity: one for all time, for its decoders are kept by it."""
    return replace(entity, row=_Gone)


async def changes(
    raken: Raken,
    entity: Entity[Any],
    since: datetime,
    until: datetime,
    lane: Lane = Lane.PEOPLE,
    on_send: OnSend = unheard,
    *,
    heeds: bool = False,
) -> Changes:
    """What has changed and was deleted in a `window` of `delta.py`; `on_send` is awaited before each request.

    `heeds` is whether Raken was seen to heed a window of deletions already.

    Raises:
        DeltaUnsupported: Raken answers one of the questions with 400, or takes no notice of the window.
        RakenError: an answer could not be had.
    """
    changed = _Question(entity, since=since, until=until, names=CHANGED)
    deleted = _Question(_gone(entity), since=since, until=until, names=DELETED)
    try:
        rows = await read(raken, changed, None, lane, on_send, partial(_heeded, since, until))
        gone = await read(raken, deleted, None, lane, on_send)
    except RakenRefused as refused:
        if refused.status != HTTPStatus.BAD_REQUEST:
            raise
        raise DeltaUnsupported(str(refused)) from None
    probes = await _probe(raken, deleted, lane, on_send) if gone.rows and not heeds else 0
    return Changes(
        since=since,
        rows=rows.rows,
        deleted=frozenset(row.id for row in gone.rows),
        rejected=rows.rejected,
        whole=_whole(rows, until) and _whole(gone, until),
        fetched_at=rows.fetched_at,
        sent_at=rows.sent_at,
        date=rows.date,
        requests=rows.requests + gone.requests + probes,
    )


def _heeded(since: datetime, until: datetime, body: bytes, key: SliceKey) -> Page:
    """Reads a page of changes.

    Raises:
        DeltaUnsupported: a row did not change in the window: Raken takes no notice of it, and gives all that it has.
    """
    page = decode.page(body, key)
    if not all(since - SLACK <= _utc(row.updated_at) <= until + SLACK for row in page.rows):
        raise DeltaUnsupported(f"expected rows of {key.entity.path} that changed in the window, got others too")
    return page


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


async def _probe(raken: Raken, deleted: _Question, lane: Lane, on_send: OnSend) -> int:
    """Asks what was deleted long ago, and answers how many requests that took.

    Raises:
        DeltaUnsupported: something was: Raken takes no notice of the window, and the rows it gives may well be there.
    """
    sent = 0

    async def count() -> None:
        nonlocal sent
        sent += 1
        await on_send()

    question = replace(deleted, since=LONG_AGO, until=LONG_AGO + timedelta(days=1))
    params = question.params() | {"limit": "1", "offset": "0"}
    try:
        answer = await raken.page(
            question.entity.path, params, lane, lambda body: decode.page(body, question).total, on_send=count
        )
    except RakenRefused as refused:
        # Who refuses a window has taken notice of it.
        if refused.status != HTTPStatus.BAD_REQUEST:
            raise
        return sent
    if answer.content:
        raise DeltaUnsupported(f"expected no row of {question.entity.path} that was deleted in 2000, got some")
    return sent


def _whole(reading: Reading, until: datetime) -> bool:
    """Whether a reading left out no row, and Raken's clock has neither leapt nor passed the end of the window."""
    expected = reading.date is not None and until - 2 * SLACK <= reading.date < until
    return expected and not any(one.row for one in reading.rejected)

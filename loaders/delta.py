"""A month of rows after what changed in Raken: one question brings every month that is held up to date.

The rule it keeps: a month is merged only where nothing can have been missed, and else is to be read whole. Since when
and until when is told by Raken's own clock alone. Pure; `changes.py` does the asking.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from loaders.decode import Rejected
from loaders.entity import SliceKey
from loaders.pages import Reading
from loaders.slices import Slice

SLACK = timedelta(minutes=2)
"How far Raken's clocks may be apart, and its Date header from what it saw."
LONGEST = timedelta(days=31)
"Raken refuses longer windows."
DAY = 86_400.0
"Seconds after which a month is read whole, whatever changed."


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed and what was deleted since a time, as Raken had it at `fetched_at` or later."""

    since: datetime
    "By Raken's clock."
    rows: tuple[Any, ...]
    deleted: frozenset[str]
    rejected: tuple[Rejected, ...]
    "What of the rows could not be read."
    whole: bool
    "Whether each row and uuid could be read, and Raken's clock stood where it was expected to."
    fetched_at: datetime
    "When the first request was sent, in UTC."
    sent_at: float
    "The same instant, monotonic."
    date: datetime | None
    "The same by Raken's clock, to the second."
    requests: int
    "How many were sent for it."


def since(date: datetime) -> datetime:
    """Since when changes are asked for to build on a reading that began at this date, by Raken's clock."""
    return date - SLACK


def window(months: Iterable[Slice[Any]], now: float) -> tuple[datetime, datetime] | None:
    """Since when and until when to ask, by Raken's clock, to merge as many months as can be; None where none can.

    `now` is monotonic. The window ends `SLACK` after Raken's now, so that it holds what changes while it is read.
    """
    known = [(month.reading.sent_at, date) for month in months if (date := _date(month.reading, now))]
    if not known:
        return None
    sent_at, date = max(known)
    until = date + timedelta(seconds=int(now - sent_at)) + SLACK
    return min(since(date) for _, date in known if until - since(date) <= LONGEST), until


def merged(month: Slice[Any], changes: Changes) -> Reading | None:
    """A month after some changes, of the very same rows where they are equal; None where it is to be read whole.

    It counts no requests, for one reading of changes serves many months. A month that was read later stands.
    """
    base = month.reading
    if base.sent_at >= changes.sent_at:
        return base
    date = _date(base, changes.sent_at)
    if date is None or since(date) < changes.since or not changes.whole or _unclear(month, changes):
        return None
    rows = _rows(month, changes)
    # Half of a month rarely vanishes; a Raken in trouble may say that it did.
    if 2 * len(rows) < len(base.rows):
        return None
    return replace(
        base,
        rows=rows,
        rejected=_rejected(month, changes),
        fetched_at=changes.fetched_at,
        sent_at=changes.sent_at,
        date=changes.date,
        requests=0,
        whole_for=changes.sent_at - base.whole_at,
        number=0,
        body=None,
    )


def _date(reading: Reading, now: float) -> datetime | None:
    """When a reading began by Raken's clock; None where it cannot be built on."""
    return reading.date if now - reading.whole_at < DAY else None


def _unclear(month: Slice[Any], changes: Changes) -> bool:
    """Whether a row of the month was both changed and deleted: which came last, nobody says."""
    both = [row for row in changes.rows if row.id in changes.deleted]
    if not both:
        return False
    known = month.known
    return any(row.id in known or _lies(row, month.key) for row in both)


def _rows(month: Slice[Any], changes: Changes) -> tuple[Any, ...]:
    """The month's rows after the changes: the very same tuple where none of them concerns it."""
    here = {row.id: row for row in changes.rows if _lies(row, month.key)}
    news = {id_: row for id_, row in here.items() if month.by_id.get(id_) != row}
    gone = changes.deleted.union(row.id for row in changes.rows if row.id not in here)
    if not news and not any(id_ in month.by_id for id_ in gone):
        return month.reading.rows
    return tuple([row for id_, row in (month.by_id | news).items() if id_ not in gone])


def _rejected(month: Slice[Any], changes: Changes) -> tuple[Rejected, ...]:
    """What could not be read of the month: as before of rows that did not change, as now of those that did."""
    changed = changes.deleted.union(row.id for row in changes.rows)
    here = {row.id for row in changes.rows if _lies(row, month.key)}
    before = [one for one in month.reading.rejected if one.id not in changed]
    return (*before, *(one for one in changes.rejected if one.id in here))


def _lies(row: Any, key: SliceKey) -> bool:
    """Whether a row lies in the month of a slice."""
    if key.month is None or key.entity.span is None:
        return True
    first, last = key.entity.span(row)
    return (first is None or first <= key.month.last) and (last is None or last >= key.month.first)

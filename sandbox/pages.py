"""From query parameters to a page: what is asked for, which rows, in which envelope.

The rule: what Raken documents is code here; what it leaves open is read from a switch.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec

from sandbox.clock import moment, stamp
from sandbox.rows import FOREVER, Collection, Form, Row
from sandbox.switches import Switches

MOST_ROWS = 1000
LONGEST_WINDOW = 31  # days
WRITTEN_WITHIN = timedelta(days=11)  # of a row's day; the eleventh covers the hours of the tenth
PAIRS = (("fromDate", "toDate"), ("changedSince", "changedUntil"), ("deletedFrom", "deletedTo"))
PARAMETERS = frozenset({"limit", "offset", "projectUuid"} | {name for pair in PAIRS for name in pair})


class BadRequest(Exception):
    """A request that Raken answers with 400, and why."""


@dataclass(frozen=True)
class Question:
    """What a list is asked for; times and days as Raken writes them, both ends counted."""

    limit: int
    offset: int
    statuses: tuple[str, ...] | None = None
    classifications: tuple[str, ...] = ()
    project: str = ""
    window: tuple[str, str] | None = None
    changed: tuple[str, str] | None = None
    deleted: tuple[str, str] | None = None


@dataclass(frozen=True)
class Page:
    """Some rows in a row, out of how many."""

    rows: Sequence[bytes]
    total: int


def question(collection: Collection, query: Mapping[str, Sequence[str]], switches: Switches) -> Question:
    """What some query parameters ask of a collection.

    Raises:
        BadRequest: they ask for what Raken refuses.
    """
    form = collection.form
    _known(form, query, switches)
    given = {name: values[-1] for name, values in query.items()}
    asked = Question(
        limit=_limit(given, switches),
        offset=_number(given, "offset", 0, least=0),
        statuses=_statuses(collection, query, switches),
        classifications=_many(query, "classificationUuids"),
        project=given.get("projectUuid", "") if form.name in switches.project_heeded else "",
        window=_window(given, switches) if form.dated else None,
        changed=_moments(form, given, PAIRS[1], switches.changes),
        deleted=_moments(form, given, PAIRS[2], switches.deletions),
    )
    _complete(form, asked, switches)
    return asked


def page(collection: Collection, asked: Question, switches: Switches) -> Page:
    """The rows that answer a question."""
    if asked.deleted:
        return _gone(collection, asked, asked.deleted, switches)
    if _plain(collection.form, asked):
        rows, total = _straight(collection, asked, switches)
    else:
        rows, total = _searched(collection, asked, switches)
    return Page([told(collection.form, row, switches) for row in rows], total)


def shuffled(collection: Collection, asked: Question, switches: Switches, chance: Random) -> Page:
    """The same page of the same rows in another order."""
    whole = page(collection, replace(asked, offset=0, limit=sys.maxsize), switches)
    rows = chance.sample(whole.rows, whole.total)
    return Page(rows[asked.offset : asked.offset + asked.limit], whole.total)


def first(collection: Collection, asked: Question) -> Row:
    """The oldest row that answers a question to which there is one."""
    return next(
        row for day in _days(collection, asked) for row in collection.shelf(day) if _answers(collection, row, asked)
    )


def told(form: Form, row: Row, switches: Switches) -> bytes:
    """A row as it is sent; a work log and an observation name their project as the switch says."""
    naming = {"workLogs": switches.project_in_work_logs, "observations": switches.project_in_observations}
    match naming.get(form.name, "none"):
        case "projectUuid":
            return b'%b,"projectUuid":"%b"}' % (row.body[:-1], row.project.encode())
        case "project":
            return b'%b,"project":{"uuid":"%b"}}' % (row.body[:-1], row.project.encode())
        case _:
            return row.body


def envelope(path: str, query: Mapping[str, Sequence[str]], asked: Question, page: Page) -> bytes:
    """A page in Raken's envelope: `limit` is the number of rows given, `next` is there while more remain."""
    head: dict[str, Any] = {"offset": asked.offset, "limit": len(page.rows), "totalElements": page.total}
    following = asked.offset + len(page.rows)
    if page.rows and following < page.total:
        others = [(name, each) for name, values in query.items() for each in values if name not in ("offset", "limit")]
        parameters = urlencode([*others, ("offset", str(following)), ("limit", str(asked.limit))])
        head |= {"next": f"{path}?{parameters}", "nextOffset": str(following)}
    return b'{"page":%b,"collection":[%b]}' % (msgspec.json.encode(head), b",".join(page.rows))


def _known(form: Form, query: Mapping[str, Sequence[str]], switches: Switches) -> None:
    known = PARAMETERS | ({"statuses", "classificationUuids"} if form.statuses else set())
    unknown = sorted(set(query) - known)
    if unknown and switches.unknown_parameters == "refused":
        raise BadRequest(f"Unknown parameter: {', '.join(unknown)}")


def _limit(given: Mapping[str, str], switches: Switches) -> int:
    limit = _number(given, "limit", switches.default_limit, least=1)
    if limit > MOST_ROWS and switches.limit_over_maximum == "refused":
        raise BadRequest(f"limit must be {MOST_ROWS} at most")
    return min(limit, MOST_ROWS)


def _number(given: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or int(text) < least:
        raise BadRequest(f"{name} must be a number of {least} or more")
    return int(text)


def _many(query: Mapping[str, Sequence[str]], name: str) -> tuple[str, ...]:
    return tuple(each for values in query.get(name, ()) for each in values.split(",") if each)


def _statuses(collection: Collection, query: Mapping[str, Sequence[str]], switches: Switches) -> tuple[str, ...] | None:
    if not collection.form.statuses:
        return None
    asked = _many(query, "statuses")
    unknown = sorted(set(asked) - collection.statuses)
    if unknown and switches.unknown_status == "refused":
        raise BadRequest(f"Unknown status: {', '.join(unknown)}")
    statuses = asked or switches.default_statuses or tuple(collection.statuses)
    return tuple(each for each in statuses if switches.deleted_listed or each != "DELETED")


def _pair(given: Mapping[str, str], names: tuple[str, str]) -> tuple[str, str] | None:
    first, last = (given.get(name, "") for name in names)
    if not first and not last:
        return None
    if not first or not last:
        raise BadRequest(f"{names[0]} and {names[1]} come together")
    return first, last


def _window(given: Mapping[str, str], switches: Switches) -> tuple[str, str] | None:
    pair = _pair(given, PAIRS[0])
    if not pair:
        return None
    first, last = (_day(each) for each in pair)
    after = int(switches.window_inclusive)
    _not_too_long(first, last, timedelta(days=LONGEST_WINDOW - after))
    return first.isoformat(), (last - timedelta(days=1 - after)).isoformat()


def _not_too_long(first: date, last: date, longest: timedelta) -> None:
    if last < first:
        raise BadRequest("The window ends before it begins")
    if last - first > longest:
        raise BadRequest(f"The window must be {LONGEST_WINDOW} days at most")


def _day(text: str) -> date:
    try:
        return moment(f"{text}T00:00:00Z").date()
    except ValueError as wrong:
        raise BadRequest(f"Expected yyyy-MM-dd, but got {text}") from wrong


def _moments(
    form: Form, given: Mapping[str, str], names: tuple[str, str], known_by: Sequence[str]
) -> tuple[str, str] | None:
    pair = _pair(given, names)
    if not pair:
        return None
    if form.name not in known_by:
        raise BadRequest(f"{form.name} does not know {names[0]}")
    first, last = _moment(pair[0], "T00:00:00Z"), _moment(pair[1], "T23:59:59Z")
    _not_too_long(first, last, timedelta(days=LONGEST_WINDOW))
    return stamp(first), stamp(last)


def _moment(text: str, time: str) -> datetime:
    try:
        return moment(text if "T" in text else text + time)
    except ValueError as wrong:
        raise BadRequest(f"Expected yyyy-MM-ddThh:mm:ssZ, but got {text}") from wrong


def _complete(form: Form, asked: Question, switches: Switches) -> None:
    windows = (asked.window, asked.changed, asked.deleted)
    if form.name in switches.window_required and not any(windows):
        raise BadRequest("fromDate and toDate are required")
    if form.name in switches.project_required and not asked.project:
        raise BadRequest("projectUuid is required")


def _plain(form: Form, asked: Question) -> bool:
    return bool(form.day) and not asked.project and not asked.changed


def _straight(collection: Collection, asked: Question, switches: Switches) -> tuple[list[Row], int]:
    # Only the shelves that the page is on are made; of the others the size will do.
    rows: list[Row] = []
    total, last = 0, asked.offset + asked.limit
    days = _days(collection, asked)
    for day in reversed(days) if switches.newest_first else days:
        start, total = total, total + collection.size(day)
        if start < last and total > asked.offset:
            shelf = collection.shelf(day)[:: -1 if switches.newest_first else 1]
            rows += shelf[max(asked.offset - start, 0) : last - start]
    return rows, total


def _searched(collection: Collection, asked: Question, switches: Switches) -> tuple[list[Row], int]:
    days = _days(collection, asked)
    rows = [row for day in days for row in collection.shelf(day) if _answers(collection, row, asked)]
    if switches.newest_first:
        rows.reverse()
    return rows[asked.offset : asked.offset + asked.limit], len(rows)


def _days(collection: Collection, asked: Question) -> list[str]:
    if asked.changed:
        first, last = (date.fromisoformat(each[:10]) for each in asked.changed)
        near = collection.days((first - WRITTEN_WITHIN).isoformat(), (last + WRITTEN_WITHIN).isoformat())
        return sorted({*near, *collection.edited_days()})
    return collection.days(*(asked.window or ("", FOREVER)))


def _answers(collection: Collection, row: Row, asked: Question) -> bool:
    if asked.project and row.project != asked.project:
        return False
    if asked.statuses is not None and row.status not in asked.statuses:
        return False
    if asked.classifications and not _classified(row, asked.classifications):
        return False
    if asked.changed:
        return asked.changed[0] <= row.updated <= asked.changed[1]
    return not (collection.form.span and asked.window) or _touches(row, asked.window)


def _classified(row: Row, uuids: tuple[str, ...]) -> bool:
    return msgspec.json.decode(row.body).get("classificationUuid") in uuids


def _touches(row: Row, window: tuple[str, str] | None) -> bool:
    return not window or (row.first <= window[1] and row.last >= window[0])


def _gone(collection: Collection, asked: Question, window: tuple[str, str], switches: Switches) -> Page:
    rows = [row for when, row in collection.deleted if window[0] <= when <= window[1]]
    part = rows[asked.offset : asked.offset + asked.limit]
    if switches.deleted_shape == "uuid":
        return Page([msgspec.json.encode({"uuid": row.uuid}) for row in part], len(rows))
    return Page([told(collection.form, row, switches) for row in part], len(rows))

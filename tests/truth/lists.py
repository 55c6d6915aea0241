"""How lists are cut: windows of dates, orders, and pages of a connection.

The rule it keeps: the contract's section "Orders, defaults, empties", one function a sentence.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.truth.company import Log, Row

Key = tuple[Any, ...]
Args = dict[str, Any]


class RefusedError(Exception):
    """A field that is null with an error; the argument is its `extensions.code`."""


@dataclass(frozen=True)
class Cursor:
    """A place in a list: which list (its field, and whose) and the key of the row it stands behind."""

    place: str
    key: Key


def collate(text: str | None) -> Key:
    """Unicode casefold, then code point; a null last."""
    return text is None, (text or "").casefold(), text or ""


def by_name(row: Row) -> Key:
    """Projects, equipment, materials, pay types: by name, then id."""
    return *collate(row["name"]), row["uuid"]


def by_person(row: Row) -> Key:
    """Members: by last name, first name, id."""
    return *collate(row["lastName"]), *collate(row["firstName"]), row["uuid"]


def by_date(row: Row) -> Key:
    """Time cards: by date, then id."""
    return row["date"], row["uuid"]


def by_start(log: Log) -> Key:
    """Logs by date (equipment logs: startDate), then id; a null last."""
    return log.start is None, log.start or "", log.id or ""


def window(args: Args, today: date) -> tuple[str, str]:
    """The first and last date counted.

    Raises:
        RefusedError: More than 400 dates, or none.
    """
    end = date.fromisoformat(args["to"]) if args.get("to") else None
    start = date.fromisoformat(args["from"]) if args.get("from") else None
    if end is None:
        end = today if start is None else max(today, start)
    if start is None:
        start = end - timedelta(days=30)
    dates = (end - start).days + 1
    if not 1 <= dates <= 400:
        raise RefusedError("BAD_USER_INPUT")
    return start.isoformat(), end.isoformat()


def touches(log: Log, start: str, end: str) -> bool:
    """Whether a log's days and the window share one; an assignment without an end goes on."""
    return (log.start or start) <= end and (log.end or end) >= start


def chosen(value: str | None, wanted: Collection[str | None] | None) -> bool:
    """Null selects everything, an empty list nothing."""
    return wanted is None or value in wanted


def found(texts: Iterable[str | None], search: str | None) -> bool:
    """Whether any text contains the words, without regard to case."""
    return search is None or any(search.casefold() in text.casefold() for text in texts if text)


def page(rows: Iterable[Any], key: Callable[[Any], Key], args: Args, place: str, cursors: dict[str, Cursor]) -> Row:
    """A connection: the rows after the cursor, `first` of them. `cursors`: what the gateway's opaque ones mean.

    Raises:
        RefusedError: `first` under 0 or over 1,000, or a cursor that is not of this list.
    """
    first = 100 if args.get("first") is None else args["first"]
    after = None if args.get("after") is None else cursors.get(args["after"], NOWHERE)
    if not 0 <= first <= 1000 or (after and after.place != place):
        raise RefusedError("BAD_USER_INPUT")
    ordered = sorted(rows, key=key)
    passed = len([row for row in ordered if after and key(row) <= after.key])
    edges = [{"cursor": Cursor(place, key(row)), "node": row} for row in ordered[passed : passed + first]]
    around = {
        "hasPreviousPage": passed > 0,
        "hasNextPage": passed + first < len(ordered),
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
    }
    return {"nodes": [edge["node"] for edge in edges], "edges": edges, "pageInfo": around, "totalCount": len(ordered)}


NOWHERE = Cursor("", ())

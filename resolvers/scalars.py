"""The contract's scalars: how values go out, and what is taken in.

One rule: a value is taken exactly or refused with what was expected; nothing is rounded or guessed.
"""

import datetime as dt
import re
from decimal import Decimal
from typing import Any, NewType

import strawberry

JSON = NewType("JSON", object)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
TIME = re.compile(r"\d{2}:\d{2}:\d{2}", re.ASCII)
DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(s?nan|inf|infinity)", re.ASCII | re.IGNORECASE)
"What is not a number too: it is refused where it is used, as bad input at its field."


def parse_date(value: object) -> dt.date:
    """A date from `yyyy-MM-dd`."""
    if isinstance(value, str) and DATE.fullmatch(value):
        return dt.date.fromisoformat(value)
    raise ValueError(f"expected a date as yyyy-MM-dd, got {value!r}")


def parse_datetime(value: object) -> dt.datetime:
    """A moment from RFC 3339, with its zone, to the microsecond at most."""
    if isinstance(value, str) and DATETIME.fullmatch(value):
        return dt.datetime.fromisoformat(value.upper()).astimezone(dt.UTC)
    raise ValueError(f"expected RFC 3339 with a zone, like 2026-05-01T12:00:00Z, got {value!r}")


class Version(dt.datetime):
    """A moment that a writer names to say which version of a row was read: printed to the microsecond, zeros too."""


def version(moment: dt.datetime) -> Version:
    """The moment as a version."""
    return Version.combine(moment.date(), moment.timetz())


def print_datetime(value: dt.datetime) -> str:
    """RFC 3339 in UTC, ending in Z; a moment without a zone is UTC."""
    moment = value.astimezone(dt.UTC) if value.tzinfo is not None else value
    return (
        moment.replace(tzinfo=None).isoformat(timespec="microseconds" if isinstance(value, Version) else "auto") + "Z"
    )


def parse_time(value: object) -> dt.time:
    """A time of day from `HH:mm:ss`."""
    if isinstance(value, str) and TIME.fullmatch(value):
        return dt.time.fromisoformat(value)
    raise ValueError(f"expected a time as HH:mm:ss, got {value!r}")


def parse_decimal(value: object) -> Decimal:
    """A decimal from a string or a number, to the last digit."""
    if isinstance(value, str | int | float) and not isinstance(value, bool) and DECIMAL.fullmatch(str(value)):
        return Decimal(str(value))
    raise ValueError(f"expected a decimal as a string, got {value!r}")


SCALARS: dict[object, Any] = {
    dt.date: strawberry.scalar(
        name="Date",
        description="A date without a time: yyyy-MM-dd.",
        serialize=dt.date.isoformat,
        parse_value=parse_date,
    ),
    dt.datetime: strawberry.scalar(
        name="DateTime",
        description="A moment: RFC 3339 in UTC, ending in Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=print_datetime,
        parse_value=parse_datetime,
    ),
    dt.time: strawberry.scalar(
        name="Time",
        description="A time of day without a zone: HH:mm:ss.",
        serialize=lambda value: value.isoformat("seconds"),
        parse_value=parse_time,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="An exact decimal, sent as a string.",
        serialize=lambda value: format(value, "f"),
        parse_value=parse_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        parse_value=lambda value: value,
    ),
}

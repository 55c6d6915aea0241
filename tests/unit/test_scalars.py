"""The contract's scalars: taken exactly, or refused with what was expected."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from resolvers.scalars import parse_date, parse_datetime, parse_decimal, parse_time, print_datetime, version
from resolvers.types.equipment_logs import whole


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_date, "2024-02-29", date(2024, 2, 29)),
        (parse_time, "23:59:59", time(23, 59, 59)),
        (parse_datetime, "2026-05-01T12:00:00Z", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        (parse_datetime, "2026-05-01t12:00:00.5z", datetime(2026, 5, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        (parse_datetime, "2026-05-01T12:00:00.123456+02:00", datetime(2026, 5, 1, 10, 0, 0, 123_456, tzinfo=UTC)),
        (parse_decimal, "1.10", Decimal("1.10")),
        (parse_decimal, -3, Decimal(-3)),
        (parse_decimal, 0.1, Decimal("0.1")),
        (parse_decimal, "1e3", Decimal("1e3")),
    ],
)
def test_a_value_is_taken_to_the_letter(parse: Callable[[object], object], text: object, value: object) -> None:
    assert parse(text) == value
    assert str(parse(text)) == str(value)


@pytest.mark.parametrize(
    ("parse", "expected", "wrong"),
    [
        (parse_date, "yyyy-MM-dd", ["", "20260501", "2026-5-1", "2026-W01-1", "2026-05-01T00:00:00Z", 20260501, None]),
        (parse_time, "HH:mm:ss", ["7:00:00", "07:00", "070000", "07:00:00Z", 7]),
        (
            parse_datetime,
            "RFC 3339 with a zone",
            [
                "2026-05-01",
                "2026-05-01T12:00:00",
                "20260501T12+00",
                "2026-05-01T12:00Z",
                "2026-05-01 12:00:00Z",
                "2026-05-01T12:00:00.1234567Z",
                1_777_000_000,
            ],
        ),
        (parse_decimal, "a decimal as a string", ["", " 10 ", "1_0", "1,5", "0x10", "\u0661", True, None, [1]]),
    ],
)
def test_what_is_not_exactly_a_value_is_refused(
    parse: Callable[[object], object], expected: str, wrong: list[object]
) -> None:
    for value in wrong:
        with pytest.raises(ValueError, match=expected):
            parse(value)


@pytest.mark.parametrize("text", ["2026-02-30", "2026-13-01"])
def test_a_date_that_the_calendar_has_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"month|day"):
        parse_date(text)


def test_a_moment_is_printed_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert print_datetime(datetime(2026, 5, 1, 12, tzinfo=east)) == "2026-05-01T10:00:00Z"
    assert print_datetime(datetime(2026, 5, 1, 12, 0, 0, 5, tzinfo=UTC)) == "2026-05-01T12:00:00.000005Z"


def test_a_version_is_printed_to_the_microsecond() -> None:
    assert print_datetime(version(datetime(2026, 5, 1, 12, tzinfo=UTC))) == "2026-05-01T12:00:00.000000Z"


def test_a_fraction_of_a_day_is_no_number_of_days() -> None:
    assert [whole(number) for number in (None, -1.0, 3.0, 2.5)] == [None, -1, 3, None]

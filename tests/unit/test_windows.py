"""Windows: defaults, the longest, and the calendar's edges."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.entity import Month, Window
from loaders.errors import BadInput
from resolvers.windows import MOST, window

TODAY = date(2026, 5, 4)
LEAP = date(2024, 2, 29)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, (date(2026, 4, 4), TODAY)),
        (date(2026, 5, 1), None, (date(2026, 5, 1), TODAY)),
        (TODAY, None, (TODAY, TODAY)),
        (date(2027, 1, 9), None, (date(2027, 1, 9), date(2027, 1, 9))),
        (None, LEAP, (date(2024, 1, 30), LEAP)),
        (None, date.min, (date.min, date.min)),
        (date.max, None, (date.max, date.max)),
        (date.max, date.max, (date.max, date.max)),
    ],
)
def test_what_is_left_out_is_today_and_thirty_days(
    first: date | None, last: date | None, expected: tuple[date, date]
) -> None:
    assert window(first, last, TODAY) == Window(*expected)


def test_four_hundred_dates_are_taken_and_one_more_is_refused() -> None:
    last = TODAY + timedelta(days=MOST - 1)
    assert window(TODAY, last, TODAY) == Window(TODAY, last)
    with pytest.raises(BadInput, match="400 dates at most, got 401"):
        window(TODAY, last + timedelta(days=1), TODAY)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadInput, match="expected from on or before to, got from 2026-05-04 and to 2026-05-03"):
        window(TODAY, TODAY - timedelta(days=1), TODAY)


def test_the_months_of_a_window_are_those_it_touches() -> None:
    months = [str(month) for month in Window(date(2025, 11, 30), date(2026, 2, 1)).months()]
    assert months == ["2025-11", "2025-12", "2026-01", "2026-02"]


@pytest.mark.parametrize("day", [date.min, date.max, LEAP, date(2023, 2, 28), date(2026, 12, 31)])
def test_a_month_knows_its_days_also_at_the_calendars_edges(day: date) -> None:
    (month,) = Window(day, day).months()
    assert month.first <= day <= month.last
    assert (month.first.day, Month.of(month.last)) == (1, month)


@given(st.dates(), st.integers(0, MOST - 1))
def test_every_date_of_a_window_lies_in_one_of_its_months_and_no_month_is_over_31_days(first: date, days: int) -> None:
    last = date.fromordinal(min(date.max.toordinal(), first.toordinal() + days))
    months = list(Window(first, last).months())
    assert (Month.of(first), Month.of(last)) == (months[0], months[-1])
    for before, after in pairwise(months):
        assert before.last + timedelta(days=1) == after.first
    assert all((month.last - month.first).days < 31 for month in months)

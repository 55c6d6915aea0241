"""Windows of dates: what is meant where an end is left out, and which are refused."""

import datetime as dt

from loaders.entity import Window
from loaders.errors import BadInput

DAYS = 30
MOST = 400


def window(first: dt.date | None, last: dt.date | None, today: dt.date) -> Window:
    """The window of `from` and `to`: `to` defaults to today, or `from` if that is later; `from` to 30 days before.

    Raises: BadInput, for one that ends before it begins or counts over 400 dates.
    """
    end = last or max(today, first or today)
    begin = first or earlier(end, DAYS)
    if begin > end:
        raise BadInput(f"expected from on or before to, got from {begin} and to {end}")
    if (end - begin).days >= MOST:
        raise BadInput(f"expected a window of {MOST} dates at most, got {(end - begin).days + 1}: {begin} to {end}")
    return Window(begin, end)


def earlier(day: dt.date, days: int) -> dt.date:
    """A date some days before another, the calendar's first where that is as far as it goes."""
    return dt.date.fromordinal(max(1, day.toordinal() - days))

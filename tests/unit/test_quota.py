"""The day's quota: kept for people as it runs down, and of one day only."""

from datetime import date

import pytest

from loaders.quota import Allowance
from loaders.raken import Lane

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def allowance(limit: int, reserved: int = 0, left: int = 0) -> Allowance:
    return Allowance(limit, MONDAY, reserved, left)


@pytest.mark.parametrize(("lane", "last"), [(Lane.AHEAD, 75), (Lane.ASKED, 90), (Lane.PEOPLE, 100)])
def test_the_lanes_stop_one_after_the_other_as_the_day_runs_down(lane: Lane, last: int) -> None:
    assert allowance(100, last - 1).withheld(lane) is None
    assert allowance(100, last).withheld(lane) is not None


def test_what_is_reserved_here_is_not_spent_and_what_others_have_reserved_is() -> None:
    assert allowance(100, reserved=80, left=6).withheld(Lane.AHEAD) is None
    assert allowance(100, reserved=80, left=5).withheld(Lane.AHEAD) is not None


def test_a_spent_quota_says_so_to_everybody() -> None:
    for lane in Lane:
        words = str(allowance(3, 3).withheld(lane))
        assert words == "the day's 3 requests to Raken are spent; the next are at midnight UTC"


def test_what_is_withheld_from_a_lane_says_for_whom_it_is_kept() -> None:
    words = str(allowance(100, 75).withheld(Lane.AHEAD))
    assert words == "of the day's 100 requests to Raken the last 25 are kept for people who wait"


def test_what_was_reserved_yesterday_is_worth_nothing_today() -> None:
    mine = allowance(100, reserved=100, left=7)
    mine.told(TUESDAY, 2)
    assert (mine.left, mine.reserved, mine.withheld(Lane.AHEAD)) == (0, 2, None)


def test_what_is_told_late_of_the_day_before_is_not_taken_for_today() -> None:
    mine = allowance(100, reserved=40, left=7)
    mine.told(date(2026, 3, 1), 100)
    assert (mine.day, mine.reserved, mine.left) == (MONDAY, 40, 7)


@pytest.mark.parametrize(("limit", "block"), [(1, 1), (99, 1), (250, 2), (10_000, 100)])
def test_a_hundredth_of_the_day_is_reserved_at_once_and_one_request_at_least(limit: int, block: int) -> None:
    assert allowance(limit).block == block


def test_the_smallest_quota_still_serves_people() -> None:
    assert allowance(1).withheld(Lane.PEOPLE) is None
    assert allowance(0).withheld(Lane.PEOPLE) is not None

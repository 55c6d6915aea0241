"""The day's quota: counted by UTC day, and kept for people as it runs down."""

import pytest

from loaders.errors import QuotaExhausted
from loaders.quota import OwnQuota
from loaders.raken import Lane
from tests.hands import Hands


async def spend(quota: OwnQuota, lane: Lane) -> int:
    """Spends in a lane until it is refused: how many."""
    count = 0
    while quota.withheld(lane) is None and count < 1000:
        await quota.spend(lane)
        count += 1
    return count


async def test_the_lanes_stop_one_after_the_other_as_the_day_runs_down() -> None:
    quota = OwnQuota(100, Hands())
    assert await spend(quota, Lane.AHEAD) == 75
    assert await spend(quota, Lane.ASKED) == 15
    assert await spend(quota, Lane.PEOPLE) == 10
    assert quota.spent == 100


async def test_a_spent_quota_refuses_everybody_until_midnight_utc() -> None:
    hands = Hands()
    quota = OwnQuota(3, hands)
    await spend(quota, Lane.PEOPLE)
    with pytest.raises(QuotaExhausted, match="the day's 3 requests to Raken are spent; the next are at midnight UTC"):
        await quota.spend(Lane.PEOPLE)
    hands.move(12 * 3600 - 1)
    assert quota.withheld(Lane.PEOPLE) is not None
    hands.move(1)
    assert quota.withheld(Lane.AHEAD) is None
    assert quota.spent == 0


async def test_what_is_withheld_from_a_lane_says_for_whom_it_is_kept() -> None:
    quota = OwnQuota(100, Hands())
    await spend(quota, Lane.AHEAD)
    assert (
        str(quota.withheld(Lane.AHEAD)) == "of the day's 100 requests to Raken the last 25 are kept for people who wait"
    )


async def test_without_a_quota_requests_are_counted_and_never_refused() -> None:
    quota = OwnQuota(None, Hands())
    assert await spend(quota, Lane.AHEAD) == 1000
    assert quota.spent == 1000


async def test_the_smallest_quota_still_serves_people() -> None:
    quota = OwnQuota(1, Hands())
    assert await spend(quota, Lane.PEOPLE) == 1

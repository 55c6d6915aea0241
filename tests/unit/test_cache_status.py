"""`Cache-Status`: one member for many slices, in RFC 9211's words."""

from collections import Counter

import pytest

from app.cache_status import cache_status
from loaders.operation import Operation

ASKED, ONE = "requests=2", "requests=0"


def operation(requests: int = 0, **outcomes: int) -> Operation:
    return Operation(0.0, outcomes=Counter(outcomes), requests=requests)


@pytest.mark.parametrize(
    ("outcomes", "requests", "started", "left", "told"),
    [
        ({"hit": 3}, 0, 0, 240.9, "hit; ttl=240"),
        ({"hit": 1, "stale": 1}, 0, 0, -0.1, "hit; ttl=-1"),
        ({"degraded": 2}, 0, 0, -3600.0, "hit; ttl=-3600"),
        ({"hit": 1, "error": 1}, 0, 0, 7.0, "hit; ttl=7"),
        ({"miss": 2}, 3, 3, 300.0, 'fwd=miss; ttl=300; detail="requests=3"'),
        ({"hit": 1, "miss": 1}, 1, 1, 12.0, 'fwd=partial; ttl=12; detail="requests=1"'),
        ({"miss": 1}, 0, 0, 299.5, 'fwd=miss; ttl=299; collapsed; detail="requests=0"'),
        ({"error": 1}, 2, 1, None, 'fwd=miss; detail="requests=2"'),
        ({"error": 1}, 0, 0, None, 'detail="requests=0"'),
        ({"stale": 1}, 0, 1, -5.0, 'fwd=stale; ttl=-5; detail="requests=0"'),
        ({"hit": 2}, 0, 1, 5.0, 'fwd=partial; ttl=5; detail="requests=0"'),
        ({}, 2, 0, None, 'fwd=request; detail="requests=2"'),
        ({"hit": 1}, 1, 0, 300.0, 'fwd=request; ttl=300; detail="requests=1"'),
    ],
    ids=lambda value: str(value) if not isinstance(value, str) else "",
)
def test_what_the_cache_did_is_said_in_one_member(
    outcomes: dict[str, int], requests: int, started: int, left: float | None, told: str
) -> None:
    assert cache_status(operation(requests, **outcomes), started, left) == f"raken-gateway; {told}"


def test_an_operation_that_touched_no_slice_has_none() -> None:
    assert cache_status(operation(), 0, None) is None

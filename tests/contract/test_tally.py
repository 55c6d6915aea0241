"""Whatever keeps numbers: the same of a process that is alone, and of several that are one."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from app.tally import SharedTally
from loaders.tally import OwnTally, Tally

HIT, MISS, BYTES = ("reads", "PROJECTS", "hit"), ("reads", "PROJECTS", "miss"), ("bytes",)


@pytest.fixture(params=["own", "shared"])
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Yields each kind of tally, empty."""
    if request.param == "own":
        yield OwnTally()
        return
    with closing(SharedTally.of(2)) as shared:
        yield shared


def test_nothing_is_known_of_what_was_never_counted(tally: Tally) -> None:
    assert tally.read() == {}


def test_what_was_added_is_in_the_next_reading(tally: Tally) -> None:
    for number in range(1, 4):
        tally.add(HIT)
        assert tally.read() == {HIT: number}
    tally.add(MISS, 0.25)
    assert tally.read() == {HIT: 3, MISS: 0.25}


def test_what_is_held_takes_the_place_of_what_was(tally: Tally) -> None:
    tally.hold(BYTES, 7)
    tally.hold(BYTES, 5)
    assert tally.read() == {BYTES: 5}


def test_a_reading_stays_as_it_was(tally: Tally) -> None:
    tally.add(HIT)
    before = tally.read()
    tally.add(HIT)
    assert before == {HIT: 1}

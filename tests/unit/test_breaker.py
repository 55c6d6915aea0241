"""The breaker: counted failures open it, one probe at a time closes it."""

import pytest

from loaders.breaker import FAILURES, FIRST, LONGEST, Breaker
from loaders.errors import RakenUnavailable
from loaders.raken import Circuit


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.fail(breaker.admit(now), now, 1.0)
    return breaker


def test_it_stays_closed_below_so_many_failures_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.fail(breaker.admit(0.0), 0.0, 1.0)
    assert breaker.circuit is Circuit.CLOSED
    assert breaker.standing(0.0) is None


def test_an_answer_between_failures_starts_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(3 * FAILURES):
        breaker.fail(breaker.admit(0.0), 0.0, 1.0)
        breaker.succeed(breaker.admit(0.0))
    assert breaker.circuit is Circuit.CLOSED


def test_an_open_one_refuses_at_once_and_says_when_it_tries_again() -> None:
    breaker = opened()
    assert breaker.circuit is Circuit.OPEN
    with pytest.raises(RakenUnavailable, match=rf"failed {FAILURES} times in a row or more; it is tried again in 2 s"):
        breaker.admit(0.0)


def test_after_the_pause_one_probe_goes_through_and_no_other() -> None:
    breaker = opened()
    breaker.admit(FIRST)
    assert breaker.circuit is Circuit.HALF_OPEN
    with pytest.raises(RakenUnavailable, match="one request is out to see whether it is back"):
        breaker.admit(FIRST)


def test_a_probe_that_is_answered_closes_it() -> None:
    breaker = opened()
    breaker.succeed(breaker.admit(FIRST))
    assert breaker.circuit is Circuit.CLOSED
    breaker.admit(FIRST)


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_longest() -> None:
    breaker, now, pauses = opened(), 0.0, []
    for _ in range(8):
        pause = FIRST / 2
        while breaker.standing(now + pause) is not None:
            pause += 0.5
        pauses.append(pause)
        now += pause
        breaker.fail(breaker.admit(now), now, 1.0)
    assert pauses == [2, 4, 8, 16, 32, 60, 60, LONGEST]


def test_jitter_shortens_a_pause_by_half_at_most() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.fail(breaker.admit(0.0), 0.0, 0.0)
    assert breaker.standing(FIRST / 2 - 0.01) is not None
    assert breaker.standing(FIRST / 2) is None


def test_a_probe_that_is_given_up_makes_room_for_another() -> None:
    breaker = opened()
    breaker.abandon(breaker.admit(FIRST))
    assert breaker.standing(FIRST) is None
    breaker.succeed(breaker.admit(FIRST))
    assert breaker.circuit is Circuit.CLOSED


def test_what_comes_of_an_attempt_from_before_the_opening_says_nothing() -> None:
    breaker = Breaker()
    old = [breaker.admit(0.0) for _ in range(FAILURES + 2)]
    for permit in old[:FAILURES]:
        breaker.fail(permit, 0.0, 1.0)
    probe = breaker.admit(FIRST)
    breaker.fail(old[-1], FIRST, 1.0)
    breaker.succeed(old[-2])
    assert breaker.circuit is Circuit.HALF_OPEN
    breaker.succeed(probe)
    assert breaker.circuit is Circuit.CLOSED


def test_giving_up_an_attempt_whose_outcome_is_known_changes_nothing() -> None:
    breaker = opened()
    probe = breaker.admit(FIRST)
    breaker.fail(probe, FIRST, 1.0)
    breaker.abandon(probe)
    assert breaker.standing(FIRST) is not None


def test_giving_up_an_attempt_of_a_closed_one_opens_nothing() -> None:
    breaker = Breaker()
    breaker.abandon(breaker.admit(0.0))
    assert breaker.circuit is Circuit.CLOSED

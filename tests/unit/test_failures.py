"""Failures: remembered per slice, for a time that doubles and is spread."""

import pytest

from loaders.errors import RakenUnavailable
from loaders.failures import Failures
from tests.hands import Hands

ERROR = RakenUnavailable("Raken is away")


def standing(failures: Failures, clock: Hands, step: float = 0.25) -> float:
    """For how long a failure stands from now."""
    seconds = 0.0
    while failures.of("key") is not None:
        clock.move(step)
        seconds += step
    return seconds


def test_a_failure_stands_for_a_time_that_doubles_to_a_longest() -> None:
    clock = Hands()
    failures = Failures(clock, jitter=lambda: 1.0)
    stood = []
    for _ in range(8):
        failures.remember("key", ERROR)
        assert failures.of("key") is ERROR
        stood.append(standing(failures, clock))
    assert stood == [1, 2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_the_time_is_spread_over_its_upper_half(jitter: float, seconds: float) -> None:
    clock = Hands()
    failures = Failures(clock, jitter=lambda: jitter)
    failures.remember("key", ERROR)
    assert standing(failures, clock) == seconds


def test_a_failure_holds_on_to_no_frame_of_the_reading_that_failed() -> None:
    failures = Failures(Hands(), jitter=lambda: 1.0)
    with pytest.raises(RakenUnavailable) as caught:
        raise RakenUnavailable("Raken is away")
    failures.remember("key", caught.value)
    assert caught.value.__traceback__ is None


def test_a_failure_is_its_own_slices_alone() -> None:
    failures = Failures(Hands(), jitter=lambda: 1.0)
    failures.remember("key", ERROR)
    assert failures.of("other") is None


def test_a_success_clears_the_time_and_the_count() -> None:
    clock = Hands()
    failures = Failures(clock, jitter=lambda: 1.0)
    for _ in range(5):
        failures.remember("key", ERROR)
    failures.clear("key")
    failures.clear("never failed")
    assert failures.of("key") is None
    failures.remember("key", ERROR)
    assert standing(failures, clock) == 1

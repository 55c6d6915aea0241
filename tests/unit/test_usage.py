"""What is counted, and which errors still stand."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from loaders.decode import Rejected
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Month, SliceKey
from loaders.errors import RakenUnavailable
from loaders.pages import Reading
from loaders.prune import Loss
from loaders.usage import MOST, Usages
from tests.unit.world import COMPANY, reading, uuid

MARCH, APRIL = (SliceKey(TIME_CARDS, None, Month(2026, number)) for number in (3, 4))
WELL = reading([])
LOSS = Loss("totalHours", "expected a number, got none")


def lacking(count: int) -> Reading:
    return replace(WELL, rejected=tuple(Rejected("TIME_CARDS", uuid(n), LOSS, row=True) for n in range(count)))


@pytest.fixture
def usages() -> Usages:
    return Usages([PROJECTS, TIME_CARDS])


def test_what_did_not_wait_for_raken_is_a_hit_and_all_else_a_miss(usages: Usages) -> None:
    for outcome in ("hit", "hit", "stale", "degraded", "miss", "error"):
        usages.served(COMPANY, outcome)
    assert (usages.of("PROJECTS").hits, usages.of("PROJECTS").misses) == (4, 2)
    assert (usages.of("TIME_CARDS").hits, usages.of("TIME_CARDS").misses) == (0, 0)


def test_requests_are_counted_by_what_became_of_them(usages: Usages) -> None:
    for status in (200, 200, 503, None):
        usages.asked("/timeCards", status)
    assert usages.of("TIME_CARDS").requests == {"200": 2, "503": 1, "none": 1}


def test_an_error_stands_until_its_own_slice_has_been_read_well(usages: Usages) -> None:
    usages.landed(MARCH, None, RakenUnavailable("Raken is away"))
    assert usages.of("TIME_CARDS").last_error == "TIME_CARDS/*/2026-03: Raken is away"
    usages.landed(APRIL, WELL, None)
    assert usages.of("TIME_CARDS").last_error == "TIME_CARDS/*/2026-03: Raken is away"
    usages.landed(MARCH, WELL, None)
    assert usages.of("TIME_CARDS").last_error is None


def test_rows_that_were_left_out_are_counted_and_named(usages: Usages) -> None:
    usages.landed(MARCH, lacking(3), None)
    usages.landed(APRIL, WELL, None)
    words = str(usages.of("TIME_CARDS").last_error)
    assert "left out 3" in words
    assert uuid(0) in words
    assert "totalHours: expected a number, got none" in words


def test_of_too_many_errors_the_oldest_is_forgotten(usages: Usages) -> None:
    for number in range(MOST + 5):
        usages.landed(SliceKey(TIME_CARDS, uuid(number)), None, RakenUnavailable("Raken is away"))
    errors = usages._errors["TIME_CARDS"]
    assert len(errors) == MOST
    assert next(iter(errors)) == SliceKey(TIME_CARDS, uuid(5))


def test_of_several_errors_the_newest_is_told(usages: Usages) -> None:
    usages.landed(MARCH, lacking(1), None)
    usages.landed(APRIL, None, RakenUnavailable("Raken is away"))
    assert "Raken is away" in str(usages.of("TIME_CARDS").last_error)
    usages.landed(MARCH, lacking(1), None)
    assert "left out 1" in str(usages.of("TIME_CARDS").last_error)


def test_that_a_slice_fails_is_logged_when_it_begins_whatever_was_left_out_before(usages: Usages) -> None:
    with capture_logs() as lines:
        usages.landed(MARCH, lacking(1), None)
        for _ in range(3):
            usages.landed(MARCH, None, RakenUnavailable("Raken is away"))
        usages.landed(MARCH, WELL, None)
        usages.landed(MARCH, None, RakenUnavailable("Raken is away"))
    assert [line["event"] for line in lines] == [
        "raken_rows_left_out",
        "raken_read",
        "raken_reading_failed",
        "raken_read",
        "raken_reading_failed",
    ]

"""429 of both kinds, and Retry-After."""

from datetime import UTC, datetime

import pytest

from loaders.errors import QuotaExhausted, RakenThrottled, RakenUnavailable
from loaders.throttle import DAY, Throttle, retry_after, speaks_of_quota

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TILL_MIDNIGHT = 12 * 3600.0


def throttle() -> Throttle:
    return Throttle(lambda: 1.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("1.5", None),
        ("-3", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("99999999", DAY),
        ("Mon, 02 Mar 2026 12:00:09 GMT", 9.0),
        ("Mon, 02 Mar 2026 12:00:09 -0000", 9.0),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0.0),
        ("Mon, 99 Mar 2026 12:00:09 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOON) == seconds


@pytest.mark.parametrize(
    ("body", "quota"),
    [
        (b'{"message": "Too many requests"}', False),
        (b'{"message": "Limit exceeded"}', True),
        (b'{"error": "DAILY_QUOTA"}', True),
        (b"", False),
        (b"Rate limit reached", False),
    ],
)
def test_a_429_that_speaks_of_a_quota_is_told_from_the_other(body: bytes, quota: bool) -> None:  # noqa: FBT001
    assert speaks_of_quota(body) is quota


def test_nobody_asks_before_the_time_that_raken_named() -> None:
    patient = throttle()
    error = patient.refused(0.0, 0.0, 7.0, quota=False, midnight=TILL_MIDNIGHT)
    assert isinstance(error, RakenThrottled)
    assert error.retry_after == 7.0
    assert str(error) == "Raken says 429, too many requests: it is left alone for 7 s"
    assert isinstance(patient.standing(6.9), RakenThrottled)
    assert patient.standing(7.0) is None


def test_without_a_time_the_pause_is_a_second_at_first() -> None:
    patient = throttle()
    patient.refused(0.0, 0.0, None, quota=False, midnight=TILL_MIDNIGHT)
    assert patient.standing(0.9) is not None
    assert patient.standing(1.0) is None


def test_a_429_that_repeats_after_the_back_off_is_taken_for_the_quota_and_tried_ever_more_rarely() -> None:
    patient, now, pauses = throttle(), 0.0, []
    patient.refused(now, now, None, quota=False, midnight=TILL_MIDNIGHT)
    now = 1.0
    for _ in range(12):
        error = patient.refused(now, now, None, quota=False, midnight=TILL_MIDNIGHT)
        assert isinstance(error, QuotaExhausted)
        pause = 1.0
        while patient.standing(now + pause) is not None:
            pause += 1.0
        pauses.append(pause)
        now += pause
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_a_429_with_a_time_may_repeat_and_is_still_no_quota() -> None:
    patient = throttle()
    patient.refused(0.0, 0.0, 2.0, quota=False, midnight=TILL_MIDNIGHT)
    assert isinstance(patient.refused(2.0, 2.0, 2.0, quota=False, midnight=TILL_MIDNIGHT), RakenThrottled)


def test_an_answer_in_between_makes_the_next_429_the_first_again() -> None:
    patient = throttle()
    patient.refused(0.0, 0.0, None, quota=False, midnight=TILL_MIDNIGHT)
    patient.answered(1.0)
    assert isinstance(patient.refused(1.5, 1.6, None, quota=False, midnight=TILL_MIDNIGHT), RakenThrottled)


def test_an_answer_to_a_request_from_before_the_429_ends_no_pause() -> None:
    patient = throttle()
    patient.refused(0.0, 0.1, None, quota=False, midnight=TILL_MIDNIGHT)
    patient.answered(0.0)
    assert patient.standing(0.2) is not None
    assert isinstance(patient.refused(1.1, 1.2, None, quota=False, midnight=TILL_MIDNIGHT), QuotaExhausted)


def test_a_429_to_a_request_from_before_the_first_429_is_no_repetition() -> None:
    patient = throttle()
    patient.refused(0.0, 0.1, None, quota=False, midnight=TILL_MIDNIGHT)
    late = patient.refused(0.0, 0.2, None, quota=False, midnight=TILL_MIDNIGHT)
    assert isinstance(late, RakenThrottled)
    assert patient.standing(1.1) is None


def test_of_two_429s_the_longer_wish_holds() -> None:
    patient = throttle()
    patient.refused(0.0, 0.1, 2.0, quota=False, midnight=TILL_MIDNIGHT)
    patient.refused(0.0, 0.2, 9.0, quota=False, midnight=TILL_MIDNIGHT)
    assert patient.standing(9.1) is not None
    assert patient.standing(9.2) is None


def test_a_told_quota_is_left_alone_for_a_minute_then_longer() -> None:
    patient = throttle()
    error = patient.refused(0.0, 0.0, None, quota=True, midnight=TILL_MIDNIGHT)
    assert str(error) == "Raken says 429: the day's quota of requests is spent"
    assert isinstance(patient.standing(59.0), QuotaExhausted)
    assert patient.standing(60.0) is None
    patient.refused(60.0, 60.0, None, quota=True, midnight=TILL_MIDNIGHT)
    assert patient.standing(60.0 + 119.0) is not None
    assert patient.standing(60.0 + 120.0) is None


def test_a_quota_is_tried_again_when_a_utc_day_begins() -> None:
    patient = throttle()
    patient.refused(0.0, 0.0, None, quota=True, midnight=20.0)
    assert patient.standing(19.0) is not None
    assert patient.standing(20.0) is None


def test_a_quota_s_own_time_holds_beyond_midnight() -> None:
    patient = throttle()
    patient.refused(0.0, 0.0, 600.0, quota=True, midnight=20.0)
    assert isinstance(patient.standing(599.0), QuotaExhausted)


def test_a_quota_stays_one_until_an_answer_comes() -> None:
    patient = throttle()
    patient.refused(0.0, 0.0, 5.0, quota=True, midnight=TILL_MIDNIGHT)
    assert isinstance(patient.refused(5.0, 5.0, 5.0, quota=False, midnight=TILL_MIDNIGHT), QuotaExhausted)
    patient.answered(10.0)
    assert isinstance(patient.refused(11.0, 11.0, 5.0, quota=False, midnight=TILL_MIDNIGHT), RakenThrottled)


def test_a_503_that_names_a_time_is_obeyed_too() -> None:
    patient = throttle()
    patient.unavailable(0.0, 3.0)
    error = patient.standing(2.9)
    assert isinstance(error, RakenUnavailable)
    assert str(error) == "Raken says 503: it is left alone for 3 s, as it wishes"
    patient.unavailable(1.0, 1.0)
    assert patient.standing(2.9) is not None
    assert patient.standing(3.0) is None

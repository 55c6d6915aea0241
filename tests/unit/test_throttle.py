"""429 of both kinds, and Retry-After."""

from datetime import UTC, datetime

import pytest

from loaders.errors import QuotaExhausted, RakenError, RakenThrottled, RakenUnavailable
from loaders.throttle import DAY, Pause, Refusal, retry_after, speaks_of_quota

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Patience:
    """The last pause, as one who asks alone comes to know it; time is seconds after noon."""

    def __init__(self) -> None:
        self.pause = Pause()

    def refused(
        self, now: float, wish: float | None = None, *, quota: bool = False, status: int = 429, since: int | None = None
    ) -> RakenError:
        since = self.pause.number if since is None else since
        self.pause = self.pause.refused(Refusal(status, wish, quota), since, NOON.timestamp() + now, 1.0)
        return self.pause.error()

    def answered(self, since: int | None = None) -> None:
        self.pause = self.pause.answered(self.pause.number if since is None else since)

    def standing(self, now: float) -> RakenError | None:
        return self.pause.standing(NOON.timestamp() + now)


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
    patience = Patience()
    error = patience.refused(0.0, 7.0)
    assert isinstance(error, RakenThrottled)
    assert error.retry_after == 7.0
    assert str(error) == "Raken says 429, too many requests: it is left alone for 7 s"
    assert isinstance(patience.standing(6.9), RakenThrottled)
    assert patience.standing(7.0) is None


def test_without_a_time_the_pause_is_a_second_at_first() -> None:
    patience = Patience()
    patience.refused(0.0)
    assert patience.standing(0.9) is not None
    assert patience.standing(1.0) is None


def test_a_429_that_repeats_after_the_back_off_is_taken_for_the_quota_and_tried_ever_more_rarely() -> None:
    patience, now, pauses = Patience(), 1.0, []
    patience.refused(0.0)
    for _ in range(12):
        assert isinstance(patience.refused(now), QuotaExhausted)
        pause = 1.0
        while patience.standing(now + pause) is not None:
            pause += 1.0
        pauses.append(pause)
        now += pause
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_a_429_with_a_time_may_repeat_and_is_still_no_quota() -> None:
    patience = Patience()
    patience.refused(0.0, 2.0)
    assert isinstance(patience.refused(2.0, 2.0), RakenThrottled)


def test_an_answer_in_between_makes_the_next_429_the_first_again() -> None:
    patience = Patience()
    patience.refused(0.0)
    patience.answered()
    assert isinstance(patience.refused(1.6), RakenThrottled)


def test_an_answer_to_a_request_from_before_the_429_ends_no_pause() -> None:
    patience = Patience()
    patience.refused(0.1)
    patience.answered(since=0)
    assert patience.standing(0.2) is not None
    assert isinstance(patience.refused(1.2), QuotaExhausted)


def test_a_429_to_a_request_from_before_the_first_429_is_no_repetition() -> None:
    patience = Patience()
    patience.refused(0.1)
    assert isinstance(patience.refused(0.2, since=0), RakenThrottled)
    assert patience.standing(1.1) is None


def test_of_two_429s_the_longer_wish_holds() -> None:
    patience = Patience()
    patience.refused(0.1, 2.0)
    patience.refused(0.2, 9.0, since=0)
    patience.refused(0.3, 1.0, since=0)
    assert patience.standing(9.1) is not None
    assert patience.standing(9.3) is None


def test_a_told_quota_is_left_alone_for_a_minute_then_longer() -> None:
    patience = Patience()
    error = patience.refused(0.0, quota=True)
    assert str(error) == "Raken says 429: the day's quota of requests is spent"
    assert isinstance(patience.standing(59.0), QuotaExhausted)
    assert patience.standing(60.0) is None
    patience.refused(60.0, quota=True)
    assert patience.standing(60.0 + 119.0) is not None
    assert patience.standing(60.0 + 120.0) is None


def test_a_quota_is_tried_again_when_a_utc_day_begins() -> None:
    patience, night = Patience(), 12 * 3600.0
    patience.refused(night - 20.0, quota=True)
    assert patience.standing(night - 1.0) is not None
    assert patience.standing(night) is None


def test_a_quota_s_own_time_holds_beyond_midnight() -> None:
    patience, night = Patience(), 12 * 3600.0
    patience.refused(night - 20.0, 600.0, quota=True)
    assert isinstance(patience.standing(night + 579.0), QuotaExhausted)


def test_a_quota_stays_one_until_an_answer_comes() -> None:
    patience = Patience()
    patience.refused(0.0, 5.0, quota=True)
    assert isinstance(patience.refused(5.0, 5.0), QuotaExhausted)
    patience.answered()
    assert isinstance(patience.refused(11.0, 5.0), RakenThrottled)


def test_a_503_that_names_a_time_is_obeyed_too() -> None:
    patience = Patience()
    patience.refused(0.0, 3.0, status=503)
    error = patience.standing(2.9)
    assert isinstance(error, RakenUnavailable)
    assert str(error) == "Raken says 503: it is left alone for 3 s, as it wishes"
    patience.refused(1.0, 1.0, status=503, since=0)
    assert patience.standing(2.9) is not None
    assert patience.standing(3.0) is None


def test_a_503_makes_no_429_the_quota() -> None:
    patience = Patience()
    patience.refused(0.0, 3.0, status=503)
    assert isinstance(patience.refused(3.0), RakenThrottled)

"""Raken's own wish to be left alone: 429 of both kinds, and Retry-After.

The rule it keeps: until the time that Raken named, or else a back-off, has passed, nobody asks. Pure: times are told.

Raken's two kinds of 429 are told apart by the body's words, or by this: one that comes again after a back-off is
taken for the day's quota. That may be a wrong guess, and when a quota's day begins is not known either; so a quota
is not waited out blindly, but tried again, ever more rarely, and at the latest when a UTC day begins.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from loaders.backoff import pause
from loaders.errors import QuotaExhausted, RakenError, RakenThrottled, RakenUnavailable

DAY = 86400.0
RATE = {"first": 1.0, "longest": 900.0}
"Seconds of back-off after a 429 that says nothing: the first, the longest."
QUOTA = {"first": 60.0, "longest": 3600.0}
"The same, after one that speaks of a quota."


def retry_after(header: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, in either of its forms (RFC 9110, section 10.2.3); a day at most."""
    if header is None:
        return None
    try:
        seconds = float(header) if header.strip().isdigit() else (http_date(header) - now).total_seconds()
    except ValueError:
        return None
    return min(max(seconds, 0.0), DAY)


def http_date(header: str) -> datetime:
    """An HTTP date, which is in UTC whether it says so or not.

    Raises:
        ValueError: it is none.
    """
    moment = parsedate_to_datetime(header)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def speaks_of_quota(body: bytes) -> bool:
    """Whether a 429's body means the day's quota: "limit exceeded", not "too many requests"."""
    words = body[:2000].lower()
    return b"quota" in words or b"limit exceeded" in words or b"daily" in words


class Throttle:
    """What Raken last said about being asked too much."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        """`jitter` gives 0 to 1."""
        self._jitter = jitter
        self._until = float("-inf")
        self._times = 0
        self._quota = False
        self._reason: Callable[[], RakenError] = RakenUnavailable

    def standing(self, now: float) -> RakenError | None:
        """Why nobody may ask now, if so."""
        return self._reason() if now < self._until else None

    def answered(self, sent_at: float) -> None:
        """Raken has let a request through; if it was sent after the last pause, all is well again."""
        if sent_at >= self._until:
            self._times = 0
            self._quota = False

    def refused(self, sent_at: float, now: float, wish: float | None, *, quota: bool, midnight: float) -> RakenError:
        """A 429 has come: `wish` is its Retry-After, `midnight` in how many seconds a UTC day begins."""
        if sent_at < self._until:
            # It was on its way when the first one came: no news, but for a longer wish.
            self._until = max(self._until, now + (wish or 0.0))
            return self._reason()
        self._times += 1
        self._quota = self._quota or quota or (self._times > 1 and not wish)
        seconds = wish or pause(self._times, self._jitter(), **(QUOTA if quota else RATE))
        if self._quota:
            seconds = wish or min(seconds, midnight)
            self._reason = lambda: QuotaExhausted("Raken says 429: the day's quota of requests is spent")
        else:
            message = f"Raken says 429, too many requests: it is left alone for {seconds:.0f} s"
            self._reason = lambda: RakenThrottled(message, wish)
        self._until = now + seconds
        return self._reason()

    def unavailable(self, now: float, wish: float) -> None:
        """A 503 has come that names a time."""
        if now + wish > self._until:
            self._until = now + wish
            message = f"Raken says 503: it is left alone for {wish:.0f} s, as it wishes"
            self._reason = lambda: RakenUnavailable(message)

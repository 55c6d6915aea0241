"""Raken's own wish to be left alone: 429 of both kinds, and Retry-After.

The rule it keeps: until the time that Raken named, or else a back-off, has passed, nobody asks. Pure: times are told.

Raken's two kinds of 429 are told apart by the body's words, or by this: one that comes again after a back-off is
taken for the day's quota. That may be a wrong guess, and when a quota's day begins is not known either; so a quota
is not waited out blindly, but tried again, ever more rarely, and at the latest when a UTC day begins.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

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


@dataclass(frozen=True, slots=True)
class Refusal:
    """A 429, or a 503 that names a time."""

    status: int
    wish: float | None = None
    "Seconds, by its Retry-After."
    quota: bool = False
    "Its words are of a quota."


@dataclass(frozen=True, slots=True)
class Pause:
    """What Raken last said about being asked too much; times are in seconds of the epoch."""

    number: int = 0
    "Grows with each pause: an answer to what was asked before one says nothing new."
    until: float = float("-inf")
    times: int = 0
    "429s since an answer was let through."
    quota: bool = False
    status: int = HTTPStatus.TOO_MANY_REQUESTS
    seconds: float = 0.0
    wish: float | None = None

    def standing(self, now: float) -> RakenError | None:
        """Why nobody may ask now, if so."""
        # What ends later than it can was told when the clock was wrong.
        return self.error() if now < self.until <= now + self.seconds + 1 else None

    def error(self) -> RakenError:
        """What who asks meanwhile is told."""
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return RakenUnavailable(f"Raken says 503: it is left alone for {self.seconds:.0f} s, as it wishes")
        if self.quota:
            return QuotaExhausted("Raken says 429: the day's quota of requests is spent")
        return RakenThrottled(
            f"Raken says 429, too many requests: it is left alone for {self.seconds:.0f} s", self.wish
        )

    def answered(self, since: int) -> "Pause":
        """Raken has let a request through that was sent after so many pauses: if this was the last, all is well."""
        return replace(self, times=0, quota=False) if since >= self.number and self.times else self

    def refused(self, refusal: Refusal, since: int, now: float, jitter: float) -> "Pause":
        """Raken has refused a request that was sent after so many pauses; `jitter`, 0 to 1, spreads a back-off."""
        named = now + (refusal.wish or 0.0)
        if since < self.number:
            # It was on its way when the last one came: no news, but for a longer wish.
            if not refusal.wish or named <= self.until:
                return self
            return replace(self, until=named, seconds=refusal.wish)
        if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
            seconds = refusal.wish or 0.0
            return replace(self, number=self.number + 1, until=named, status=refusal.status, seconds=seconds)
        return self._again(refusal, now, jitter)

    def _again(self, refusal: Refusal, now: float, jitter: float) -> "Pause":
        times = self.times + 1
        quota = self.quota or refusal.quota or (times > 1 and not refusal.wish)
        seconds = refusal.wish or pause(times, jitter, **(QUOTA if refusal.quota else RATE))
        if quota and not refusal.wish:
            seconds = min(seconds, DAY - now % DAY)
        return Pause(self.number + 1, now + seconds, times, quota, refusal.status, seconds, refusal.wish)

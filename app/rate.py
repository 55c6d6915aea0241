"""The rate limit: how many operations somebody has asked for within the last minute, and what more of them are told.

One rule: never more than the limit within any 60 seconds, whoever asks for however many, in memory that is bounded.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from math import ceil, floor

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.accounts import Doorkeeper
from app.caller import CALLER
from app.errors import failure, plain
from app.metrics import Metrics
from app.requests import JSON, WrongRequest, media_type, wants_page
from loaders.clock import Clock
from loaders.errors import RateLimited, Unauthenticated

MINUTE = 60
SUBJECTS = 10_000
"Subjects that are counted; the least recent go."
TOO_MANY = 429
HOME = "/graphql"
"Where a browser gets a page."
_log = structlog.get_logger("rate")


@dataclass(slots=True)
class _Second:
    number: int
    operations: int
    last: float


@dataclass(slots=True)
class _Counts:
    seconds: deque[_Second] = field(default_factory=deque)
    "Of each second the operations within it, and when the last of them was, the oldest first."
    over: bool = False
    "Whether the last one was refused."


class Minute:
    """Operations of the last minute by subject: 61 seconds each at most, whatever the limit."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._subjects: OrderedDict[str, _Counts] = OrderedDict()

    def take(self, subject: str) -> int:
        """Counts an operation of a subject: 0 where it may go on, else the seconds after which one may."""
        now = self._clock.monotonic()
        counts = self._subjects.setdefault(subject, _Counts())
        self._subjects.move_to_end(subject)
        if len(self._subjects) > SUBJECTS:
            self._subjects.popitem(last=False)
        # What is counted by the second is forgotten when the last of that second is a minute ago.
        while counts.seconds and counts.seconds[0].last + MINUTE <= now:
            counts.seconds.popleft()
        if sum(second.operations for second in counts.seconds) >= self._limit:
            return self._refused(counts, now)
        counts.over = False
        if not counts.seconds or counts.seconds[-1].number != floor(now):
            counts.seconds.append(_Second(floor(now), 0, now))
        counts.seconds[-1].operations += 1
        counts.seconds[-1].last = now
        return 0

    def _refused(self, counts: _Counts, now: float) -> int:
        # Once when it begins: whoever floods the gateway is not to flood the log as well.
        if not counts.over:
            _log.warning("rate_limited", address=CALLER.get())
        counts.over = True
        return ceil(counts.seconds[0].last + MINUTE - now)


class RateLimit:
    """Lets pass what is within the limit, before anything of it is parsed."""

    def __init__(self, app: ASGIApp, minute: Minute, doorkeeper: Doorkeeper, metrics: Metrics) -> None:
        self._app = app
        self._minute = minute
        self._doorkeeper = doorkeeper
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it with 429 (RFC 6585, section 4); a page is no operation."""
        request = Request(scope)
        page = request.url.path == HOME and wants_page(request)
        wait = 0 if page else self._minute.take(await self._subject(request))
        if wait:
            self._metrics.answered(TOO_MANY, 0)
            await _refusal(request, wait)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _subject(self, request: Request) -> str:
        """Who is counted: whom the token names, else the address."""
        try:
            subject = (await self._doorkeeper.claims(request)).subject
        except Unauthenticated:
            return f"address {CALLER.get()}"
        return f"subject {subject.strip().casefold()}"


def _refusal(request: Request, wait: int) -> JSONResponse:
    error = RateLimited(f"expected fewer operations a minute; the next may be in {wait} s", wait)
    headers = {"retry-after": str(wait), "cache-control": "no-store"}
    if request.url.path.startswith("/api/"):
        return JSONResponse(failure(str(error), error.code), TOO_MANY, headers)
    told = plain(str(error), error.code)
    told["extensions"]["retryable"] = error.retryable
    try:
        type_ = media_type(request)
    except WrongRequest:
        type_ = JSON
    return JSONResponse({"errors": [told]}, TOO_MANY, headers, f"{type_}; charset=utf-8")

"""Raken as the loaders ask it: one page at a time, in a lane. `http_raken.py` is the adapter.

The rule it keeps: whatever goes wrong in asking is a RakenError.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum
from typing import Generic, Protocol, TypeVar

from loaders.errors import RakenError

T = TypeVar("T")
OnSend = Callable[[], Awaitable[None]]
"Awaited right before a request is sent: who raises keeps it from being sent."


async def unheard() -> None:
    """Where nobody need hear of a request."""


class Lane(IntEnum):
    """On whose behalf Raken is asked: who goes first, and who stops last as the day's quota runs down."""

    PEOPLE = 0
    "Somebody waits for the answer."
    ASKED = 1
    "A refresh that somebody asked for."
    AHEAD = 2
    "A refresh ahead of need: warming, reconciliation."


class Circuit(Enum):
    """Where the breaker stands."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What Raken answered to one question; `content` is None exactly where it said 304, not modified."""

    content: T | None
    etag: str | None
    date: datetime | None
    "Raken's own clock (its Date header), in UTC."
    fetched_at: datetime
    "When the request that was answered was sent, in UTC."
    sent_at: float
    "The same instant, monotonic."


@dataclass(frozen=True, slots=True)
class Standing:
    """How Raken stands, as this process knows it; the counts are of all processes."""

    reachable: bool
    "Whether the last attempt got an answer that was not a 5xx."
    connected: bool
    token_expires_at: datetime | None
    circuit: Circuit
    requests_today: int
    daily_quota: int | None
    throttled_today: int
    last_error: str | None


class Raken(Protocol):
    """Where rows come from."""

    async def page(
        self,
        path: str,
        params: Mapping[str, str],
        lane: Lane,
        parse: Callable[[bytes], T],
        *,
        etag: str | None = None,
        on_send: OnSend = unheard,
    ) -> Answer[T]:
        """Asks one question, and has the body parsed; `on_send` is awaited right before each request goes out.

        A body that `parse` cannot read (RakenGarbled) is a failure like others, and asked for once more.

        Raises:
            RakenError: there is no answer.
        """
        ...

    def failing(self, lane: Lane) -> RakenError | None:
        """Why a question in this lane would fail at once, as far as is known without asking."""
        ...

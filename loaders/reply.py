"""What one HTTP answer of Raken's means.

The rule it keeps: the status decides, and an error says what was expected and what came, without a value of a row,
a query or a token. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

import msgspec

from loaders.errors import RakenGarbled, RakenRefused
from loaders.raken import Answer
from loaders.throttle import http_date

T = TypeVar("T")
LONGEST = 160
"Characters of Raken's own words that are passed on."


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, headers and a body; and when their request was sent, by both clocks."""

    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    fetched_at: datetime
    sent_at: float

    @property
    def date(self) -> datetime | None:
        """Raken's clock."""
        try:
            return http_date(self.headers.get("Date", ""))
        except ValueError:
            return None

    def answer(self, parse: Callable[[bytes], T], etag: str | None) -> Answer[T]:
        """The answer to a question that was asked with this ETag.

        Raises:
            RakenGarbled: it is none.
            RakenRefused: Raken says that the question is wrong.
        """
        if self.status == HTTPStatus.OK:
            return self._answer(parse(self.body))
        if self.status == HTTPStatus.NOT_MODIFIED and etag is not None:
            return self._answer(None)
        if self.status < HTTPStatus.MULTIPLE_CHOICES or self.status == HTTPStatus.NOT_MODIFIED:
            raise RakenGarbled(f"Raken's answer to {self.path}: expected 200 with a page, got {self.status}")
        if self.status < HTTPStatus.BAD_REQUEST:
            got = f"got a redirect ({self.status}); none is followed"
            raise RakenRefused(f"Raken's answer to {self.path}: expected 200 with a page, {got}", self.status)
        raise RakenRefused(f"Raken answered {self.path} with {self.status}{_words(self.body)}", self.status)

    def _answer(self, content: T | None) -> Answer[T]:
        return Answer(content, self.headers.get("ETag"), self.date, self.fetched_at, self.sent_at)


class _Said(msgspec.Struct):
    message: str | None = None
    error_description: str | None = None
    error: str | None = None


def _words(body: bytes) -> str:
    """What Raken says of an error, if it says it in JSON."""
    try:
        said = msgspec.json.decode(body, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    words = said.message or said.error_description or said.error or ""
    return f": {''.join(filter(str.isprintable, words))[:LONGEST]}" if words else ""

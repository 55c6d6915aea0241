"""What a status means, and what an error may say."""

from datetime import UTC, datetime
from typing import Any

import pytest

from loaders.errors import RakenGarbled, RakenRefused
from loaders.reply import Reply

THEN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply("/projects", status, headers, body, THEN, 7.0)


def test_200_is_parsed() -> None:
    answer = reply(200, b"abc", ETag='"e"', Date="Mon, 02 Mar 2026 12:00:01 GMT").answer(len, None)
    assert (answer.content, answer.etag, answer.fetched_at, answer.sent_at) == (3, '"e"', THEN, 7.0)
    assert answer.date == datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("headers", [{}, {"Date": ""}, {"Date": "yesterday"}])
def test_a_date_that_is_none_is_none(headers: dict[str, str]) -> None:
    assert reply(200, **headers).answer(len, None).date is None


def test_304_has_no_content() -> None:
    assert reply(304).answer(len, '"e"').content is None


@pytest.mark.parametrize("status", [304, 204, 206])
def test_success_without_a_page_is_garbled(status: int) -> None:
    with pytest.raises(RakenGarbled, match=f"/projects: expected 200 with a page, got {status}"):
        reply(status).answer(len, None)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_not_followed(status: int) -> None:
    message = rf"/projects: expected 200 with a page, got a redirect \({status}\); none is followed"
    with pytest.raises(RakenRefused, match=message) as refused:
        reply(status, Location="https://elsewhere.example/login").answer(len, None)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "projectUuid is required"}', ": projectUuid is required"),
        (b'{"error": "bad_request", "error_description": "no\\u0000pe\\n"}', ": nope"),
        (b'{"error": {"code": 5}}', ""),
        (b"<html>", ""),
        (b"", ""),
        (b'{"message": "' + b"x" * 500 + b'"}', ": " + "x" * 160),
    ],
)
@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_refusal_passes_on_raken_s_words_and_its_status(status: int, body: bytes, words: str) -> None:
    with pytest.raises(RakenRefused) as refused:
        reply(status, body).answer(_never, None)
    assert (str(refused.value), refused.value.status) == (f"Raken answered /projects with {status}{words}", status)


def _never(body: bytes) -> Any:
    raise AssertionError(body)

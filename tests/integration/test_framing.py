"""Requests that two readers may take for two things: refused or read as one, on a real socket."""

from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.framing import HEAD
from tests.integration.wire import called, rest, serving

HOST = b"host: a\r\n"
LAST = b"GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
"A request after which the connection ends."
UPGRADE = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked, once that is whole."""
    request = Request(scope, receive)
    body = (await request.body()).decode()
    names = ",".join(sorted(request.headers))
    await PlainTextResponse(f"[{request.method} {request.url.path} {body} {names}]")(scope, receive, send)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(told) as port:
        yield port


def answer(port: int, *sent: bytes) -> bytes:
    """What comes back for some pieces, each sent when the one before has arrived."""
    with called(port, b"") as client:
        client.setsockopt(6, 1, 1)
        for piece in sent:
            client.sendall(piece)
        return rest(client)


def status(answered: bytes) -> int:
    """The status of the one answer there is."""
    assert answered.count(b"HTTP/1.1 ") == 1, answered
    return int(answered.split()[1])


REFUSED = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
    "two tokens": (b"GET / HTTP/1.1\r\nhost: a\r\nauthorization: a\r\nAuthorization: b\r\n\r\n", 400),
    "two origins": (b"GET / HTTP/1.1\r\nhost: a\r\norigin: a\r\norigin: b\r\n\r\n", 400),
    "two content types": (b"GET / HTTP/1.1\r\nhost: a\r\ncontent-type: a\r\ncontent-type: b\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
    "a length and chunks": (
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        400,
    ),
    "a coding that is not known": (b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
    "a tunnel": (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 501),
    "an address that is too long": (b"GET /" + b"x" * HEAD + b" HTTP/1.1\r\nhost: a\r\n\r\n", 414),
    "an address without an end": (b"GET /" + b"x" * 2_000_000, 414),
    "a head that is too large": (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * HEAD + b"\r\n\r\n", 431),
    "headers that are too many": (b"GET / HTTP/1.1\r\nhost: a\r\n" + b"name: value\r\n" * HEAD + b"\r\n", 431),
    "a header without an end": (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 2_000_000, 431),
    "a chunk's extension without an end": (
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;" + b"x" * 2_000_000,
        431,
    ),
    "a trailer without an end": (
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: " + b"x" * 2_000_000,
        431,
    ),
}


@pytest.mark.parametrize(("sent", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_two_readers_may_take_for_two_things_is_refused(port: int, sent: bytes, expected: int) -> None:
    assert status(answer(port, sent)) == expected


def test_a_head_within_the_limit_is_read(port: int) -> None:
    large = b"x: " + b"x" * (HEAD - 1_000) + b"\r\n"
    assert b"[GET /last  connection,host,x]" in answer(port, LAST.replace(HOST, HOST + large))


def test_http_1_0_needs_no_host(port: int) -> None:
    assert b"[GET /  ]" in answer(port, b"GET / HTTP/1.0\r\n\r\n")


def test_a_trailer_is_no_header(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    got = answer(port, head + b"2\r\nhi\r\n0\r\nauthorization: a\r\nx-forwarded-for: b\r\n\r\n" + LAST)
    assert b"[POST / hi host,transfer-encoding]" in got
    assert b"[GET /last  connection,host]" in got


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_body_behind_an_upgrade_is_a_body(port: int, pieces: int) -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\n" + UPGRADE + b"content-length: %d\r\n\r\n" % len(LAST)
    sent = (head, LAST) if pieces == 2 else (head + LAST,)
    got = answer(port, *sent, LAST)
    assert got.count(b"HTTP/1.1 200 ") == 2
    assert b"[POST / " + LAST + b" connection,content-length,host,upgrade]" in got


def test_upgrades_in_a_row_are_requests_in_a_row(port: int) -> None:
    got = answer(port, (b"GET / HTTP/1.1\r\nhost: a\r\n" + UPGRADE + b"\r\n") * 3_000 + LAST)
    assert got.count(b"HTTP/1.1 200 ") == 3_001

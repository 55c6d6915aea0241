"""Clients that take their time: each is cut off, on a real socket, and nobody waits for it."""

import asyncio
import threading
from collections.abc import Iterator
from socket import AF_INET, SO_RCVBUF, SOCK_STREAM, SOL_SOCKET, socket

import pytest
from starlette.types import Receive, Scope, Send

from app import line
from tests.integration.wire import PATIENT, called, rest, serving

SHORT = 0.3
"Seconds, in place of the real ones."
LARGE = 8 * 1024 * 1024


class App:
    """Reads what comes; answers little, or on `/large` more than any buffer holds, or on `/late` when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.gone = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while (message := await receive())["type"] == "http.request" and message.get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            self.gone.set()
            return
        if scope["path"] == "/late":
            await asyncio.to_thread(self.let.wait, PATIENT)
        body = b"x" * (LARGE if scope["path"] == "/large" else 2)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def port(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Yields the port of a server as `serve` starts it, whose patience is short."""
    monkeypatch.setattr(line, "SENDING", SHORT)
    monkeypatch.setattr(line, "TAKING", SHORT)
    with serving(app) as port:
        yield port
        app.let.set()


SLOW = {
    "nothing at all": b"",
    "half a line": b"GET /gra",
    "headers without an end": b"GET / HTTP/1.1\r\nhost: a\r\nx-a: b\r\n",
    "a body that never comes": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n",
    "half a body": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345",
    "a chunk that stays open": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12",
    "half of another request": b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_who_sends_nothing_whole_is_cut_off(port: int, sent: bytes) -> None:
    with called(port, sent) as client:
        got = rest(client)
    assert got.count(b"HTTP/1.1 408 ") == 1
    assert got.count(b"HTTP/1.1 200 ") == sent.count(b"\r\n\r\n") - sent.count(b"POST")


def test_a_byte_now_and_then_buys_no_time(port: int) -> None:
    with called(port, b"GET / HTTP/1.1\r\n") as client:
        client.settimeout(SHORT / 10)
        for _ in range(1000):
            try:
                client.sendall(b"x")
                if b"408" in client.recv(100):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("expected an end, got none")


def test_the_application_hears_that_a_slow_body_ended(port: int, app: App) -> None:
    with called(port, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345") as client:
        rest(client)
    assert app.gone.wait(PATIENT)


def test_who_takes_nothing_is_cut_off(port: int) -> None:
    with socket(AF_INET, SOCK_STREAM) as client:
        client.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
        client.settimeout(PATIENT)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
        threading.Event().wait(SHORT * 4)
        assert len(rest(client)) < LARGE


def test_a_line_end_behind_an_answer_buys_no_time(port: int) -> None:
    with called(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n") as client:
        assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        client.sendall(b"\r\n")
        assert b" 408 " in rest(client)


def test_an_answer_that_takes_its_time_is_waited_for(port: int, app: App) -> None:
    with called(port, b"GET /late HTTP/1.1\r\nhost: a\r\n\r\n") as client:
        client.sendall(b"GET / HT")
        threading.Timer(SHORT * 3, app.let.set).start()
        got = rest(client)
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.count(b" 408 ") == 1


def test_slow_ones_hold_up_nobody_else(port: int) -> None:
    with called(port, b"GET / HT"), called(port, b""), called(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n") as quick:
        assert quick.recv(100).startswith(b"HTTP/1.1 200 ")

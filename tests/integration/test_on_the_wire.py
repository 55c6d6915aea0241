"""What the server adds on a real socket, and what it believes: no name of its own, and of proxies those it trusts."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse

import pytest
from starlette.types import Receive, Scope, Send

from app.caller import address
from tests.integration.wire import PATIENT, serving

Ask = Callable[..., tuple[HTTPResponse, dict[str, str]]]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers whom a request is from, and by what it came."""
    body = json.dumps({"from": address(scope), "by": scope["scheme"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def listening() -> Iterator[Ask]:
    """Serves as `serve` does, as the environment has it now."""
    with serving(app) as port:
        yield lambda **headers: asked(port, headers)


def asked(port: int, headers: dict[str, str]) -> tuple[HTTPResponse, dict[str, str]]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENT)) as connection:
        connection.request("GET", "/", headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, json.loads(response.read())


def test_no_answer_names_what_serves_it() -> None:
    with listening() as ask:
        response, _ = ask()
        assert {name.lower() for name, _ in response.getheaders()} == {"content-length", "date"}
        assert not {"uvicorn", "python", "starlette"} & set(str(response.getheaders()).lower().split("'"))


def test_a_trusted_proxy_says_whom_a_request_is_from_and_that_it_came_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    with listening() as ask:
        told = ask(x_forwarded_for="192.0.2.7", x_forwarded_proto="https")[1]
        assert told == {"from": "192.0.2.7", "by": "https"}
        # What stands before the proxy's own word is the client's: it may say anything.
        told = ask(x_forwarded_for="203.0.113.1, 192.0.2.7")[1]
        assert told == {"from": "192.0.2.7", "by": "http"}


def test_whoever_is_no_trusted_proxy_cannot_say_whom_a_request_is_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    with listening() as ask:
        told = ask(x_forwarded_for="192.0.2.7", x_forwarded_proto="https", x_real_ip="192.0.2.8")[1]
        assert told == {"from": "127.0.0.1", "by": "http"}

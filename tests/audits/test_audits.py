"""The gateway on the wire: all of graphql-http's audits, signed in; and what a server between adds or leaves out."""

import json
import os
import socket
import subprocess
from http.client import HTTPConnection
from pathlib import Path

from tests.integration.door import token
from tests.waiting import GUARD

AUDITS = 61
MIB = 1024 * 1024


def test_every_audit_of_graphql_over_http_passes(audits: Path, address: tuple[str, int]) -> None:
    url = "http://{}:{}/graphql".format(*address)
    environment = {**os.environ, "TOKEN": token()}
    ran = subprocess.run(
        ["node", audits, url], env=environment, cwd=audits.parent, capture_output=True, text=True, check=True
    )
    results = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(address: tuple[str, int]) -> None:
    head = (
        "POST /graphql HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token()}\r\nContent-Length: {10 * MIB}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(address, timeout=GUARD) as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_a_client_that_sends_all_of_a_body_that_is_too_large_hears_why(address: tuple[str, int]) -> None:
    connection = HTTPConnection(*address, timeout=GUARD)
    headers = {"content-type": "application/json", "authorization": f"Bearer {token()}"}
    for encoded in (False, True):
        # Once with its length, and once in chunks without an end that would be known.
        body = iter([b" " * MIB] * 10) if encoded else b" " * 10 * MIB
        connection.request("POST", "/graphql", body, headers, encode_chunked=encoded)
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["errors"][0]["extensions"]["code"]) == (413, "BAD_USER_INPUT")
    connection.close()


def test_no_response_says_what_it_is_made_with(address: tuple[str, int]) -> None:
    connection = HTTPConnection(*address, timeout=GUARD)
    for path in ("/graphql", "/", "/nothing", "/login", "/healthz", "/readyz", "/metrics", "/graphql?query={"):
        connection.request("GET", path)
        answer = connection.getresponse()
        said = f"{answer.headers}{answer.read().decode()}".lower()
        assert {"server", "x-powered-by", "via"}.isdisjoint(name.lower() for name in answer.headers)
        assert [
            name for name in ("uvicorn", "starlette", "strawberry", "python", "graphql-core/") if name in said
        ] == []
    connection.close()

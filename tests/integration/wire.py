"""A server as `serve` starts it, and the bytes that go to it and come from it."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from socket import AF_INET, SOCK_STREAM, create_connection, socket

import uvicorn
from starlette.types import ASGIApp

from app.serving import _config

PATIENT = 15
"Seconds that a test gives the gateway."


@contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """Yields the port of a server of an application."""
    config = _config(app)
    config.lifespan = "off"
    server = uvicorn.Server(config)
    with closing(socket(AF_INET, SOCK_STREAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(PATIENT)


@contextmanager
def called(port: int, sent: bytes) -> Iterator[socket]:
    """Yields a connection over which something was sent."""
    with create_connection(("127.0.0.1", port), PATIENT) as client:
        client.sendall(sent)
        yield client


def rest(client: socket) -> bytes:
    """All that comes until the other side ends; a time-out is a failure."""
    got = bytearray()
    try:
        while data := client.recv(65_536):
            got += data
    except ConnectionError:
        pass
    return bytes(got)

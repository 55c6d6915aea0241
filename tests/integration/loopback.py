"""A Raken on the loopback that answers as a test scripts it, and counts what came."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OVER = web.AppKey("over", asyncio.Event)
EMPTY = '{"page": {"offset": 0, "limit": 0, "totalElements": 0}, "collection": []}'


def answer(status: int = 200, text: str = EMPTY, **headers: str) -> Handler:
    """Answers so."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(
            status=status, text=text, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    return handler


async def reset(request: web.Request) -> web.StreamResponse:
    """Resets the connection without an answer."""
    _reset(request)
    return web.Response()


async def reset_halfway(request: web.Request) -> web.StreamResponse:
    """Resets the connection in the middle of the body."""
    response = web.StreamResponse(headers={"Content-Length": str(len(EMPTY))})
    await response.prepare(request)
    await response.write(EMPTY[:20].encode())
    _reset(request)
    return response


def _reset(request: web.Request) -> None:
    assert request.transport is not None
    connection: socket.socket = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


async def hang(request: web.Request) -> web.StreamResponse:
    """Gives no answer while the server lasts."""
    await request.app[OVER].wait()
    return web.Response()


class Loopback:
    """What the server answers: the handlers of `script` in turn, then `always`."""

    def __init__(self) -> None:
        self.script: list[Handler] = []
        self.always: Handler = answer()
        self.requests: list[web.Request] = []
        self.forms: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.at.append(asyncio.get_running_loop().time())
        if request.method == "POST":
            self.forms.append(dict(await request.post()))
        handler = self.script.pop(0) if self.script else self.always
        return await handler(request)

    @property
    def bearers(self) -> list[str]:
        """The tokens that came, in order."""
        return [request.headers["Authorization"].removeprefix("Bearer ") for request in self.requests]


@asynccontextmanager
async def loopback() -> AsyncIterator[Loopback]:
    """Runs a server while the context lasts."""
    script = Loopback()
    app = web.Application()
    app[OVER] = asyncio.Event()
    server = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    server.app.router.add_route("*", "/{path:.*}", script.handle)
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    script.url = f"http://127.0.0.1:{server.addresses[0][1]}"
    try:
        yield script
    finally:
        app[OVER].set()
        await server.cleanup()

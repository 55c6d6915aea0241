"""The server: the data API, OAuth and the control API on one port.

The rule: it can be stopped at any moment, however many requests hang.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import Any

from aiohttp import web

from sandbox import control, counts, data, oauth
from sandbox.options import Options, add_arguments, options
from sandbox.state import SANDBOX, Sandbox
from sandbox.trouble import ABORTED, plain_path, spoil

__all__ = ["add_arguments", "create_app", "listening", "options", "serve", "variables"]

FAREWELL_SECONDS = 0.2  # for what is still being answered; what hangs is then cut off
AHEAD = 20_000  # time cards; a second or two of one core after the start


def create_app(options: Options) -> web.Application:
    """The sandbox as an application."""
    app = web.Application(middlewares=[_count, _spoil])
    app[SANDBOX] = Sandbox(options)
    app.router.add_get("/oauth/authorize", oauth.consent_page)
    app.router.add_post("/oauth/authorize", oauth.consented)
    app.router.add_post("/oauth/token", oauth.token)
    app.router.add_routes(control.routes())
    app.router.add_route("*", "/api/{path:.*}", data.read)
    app.on_response_prepare.append(_date)
    return app


@asynccontextmanager
async def listening(options: Options, ahead: int = 0) -> AsyncIterator[str]:
    """A sandbox that listens while the context lasts; gives its address, as in http://127.0.0.1:8001.

    It makes about `ahead` time cards before anybody asks for them.
    """
    app = create_app(options)
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=FAREWELL_SECONDS,
        handler_cancellation=True,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.port).start()
        host, port = runner.addresses[0][:2]
        making = asyncio.create_task(_make(app[SANDBOX], ahead))
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
        making.cancel()
    finally:
        await runner.cleanup()


async def _make(sandbox: Sandbox, ahead: int) -> None:
    """Makes the newest days' cards, one day at a time: whoever reads first need not wait for that."""
    cards = sandbox.company.collection("timeCards")
    for day in reversed(cards.days()):
        if ahead <= 0:
            return
        ahead -= len(cards.shelf(day))
        await asyncio.sleep(0)


def variables(address: str, options: Options) -> dict[str, str]:
    """The environment with which a gateway uses the sandbox."""
    return {
        "RAKEN_BASE_URL": f"{address}/api",
        "RAKEN_TOKEN_URL": f"{address}/oauth/token",
        "RAKEN_AUTHORIZE_URL": f"{address}/oauth/authorize",
        "RAKEN_CLIENT_ID": options.client_id or "sandbox",
        "RAKEN_CLIENT_SECRET": options.client_secret or "sandbox",
        "RAKEN_REFRESH_TOKEN": options.refresh_token or "sandbox",
    }


def serve(options: Options) -> None:
    """Runs the sandbox until SIGINT or SIGTERM; ends the process with status 1 where it cannot listen."""
    try:
        asyncio.run(_serve(options))
    except OSError as wrong:
        sys.exit(f"the sandbox cannot listen on {options.host}:{options.port}: {wrong.strerror}")


async def _serve(options: Options) -> None:
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with listening(options, AHEAD) as address:
        told = " ".join(f"{name}={value}" for name, value in variables(address, options).items())
        sys.stdout.write(f"Sandbox Raken on {address} {told}\n")
        sys.stdout.flush()
        await stop.wait()


@web.middleware
async def _count(request: web.Request, handler: Any) -> web.StreamResponse:
    if _is_control(request):
        response: web.StreamResponse = await handler(request)
        return response
    tally, path, status = request.app[SANDBOX].counts, _counted_as(plain_path(request)), counts.ABORTED
    tally.begin(path, request.query_string)
    try:
        response = await handler(request)
        status = counts.ABORTED if request.get(ABORTED) else str(response.status)
        return response
    finally:
        tally.end(path, status)


@web.middleware
async def _spoil(request: web.Request, handler: Any) -> web.StreamResponse:
    response: web.StreamResponse = await (handler(request) if _is_control(request) else spoil(request, handler))
    return response


def _is_control(request: web.Request) -> bool:
    return request.path.startswith("/_sandbox")


def _counted_as(path: str) -> str:
    name, _, uuid = path[1:].partition("/")
    return f"/{name}/{{uuid}}" if uuid and name in data.FOUND_SINGLY else path


async def _date(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Date"] = format_datetime(request.app[SANDBOX].clock.now(), usegmt=True)

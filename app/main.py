"""The HTTP application: its routes, and what every response passes."""

import asyncio
import gc
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.caller import CALLER, address
from app.config import Settings, settings
from app.connect import BACK, START, Connecting
from app.errors import failure, plain
from app.headers import Protections
from app.logs import configure, forgotten
from app.rate import Minute, RateLimit
from app.requests import wants_page
from app.rest import RETIRED
from app.site import PAGES, Files, Site
from app.stopping import heed
from app.wiring import Gateway, ended, open_gateway
from loaders.errors import GatewayError
from loaders.tally import Tally
from resolvers.schema import ENTITIES

UPGRADE = {"upgrade": "graphql-transport-ws", "connection": "upgrade"}
"What a client of WebSockets may try again with, once subscriptions are served (RFC 9110, section 15.5.22)."


def from_environment(tally: Tally) -> Starlette:
    """The application of a worker process, configured by the environment; it counts with the others of its instance."""
    configure()
    return served(settings(os.environ, ENTITIES.values()), tally)


def served(chosen: Settings, tally: Tally | None = None) -> Starlette:
    """An application that opens its gateway when it starts, and closes it when it stops."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(forgotten)
        async with open_gateway(chosen) as gateway:
            if tally is not None:
                gateway.metrics.share(tally)
            app.router.routes.extend(routes(gateway))
            spare_garbage()
            heed(gateway.health)
            async with ended(gateway.ahead.run()):
                yield

    return Starlette(middleware=middleware(chosen), lifespan=lifespan)


def spare_garbage() -> None:
    """Lets the collector pass over what lives as long as the process, and come by less often.

    An answer of 180 KB makes some 30,000 objects, none of which is in a circle: collecting at every 700th took a
    quarter of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def create_app(gateway: Gateway) -> Starlette:
    """The application of a gateway that is open."""
    return Starlette(routes=routes(gateway), middleware=middleware(gateway.settings))


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Every path there is."""
    site = Site(gateway.doorkeeper, secure=gateway.settings.https)
    connecting = Connecting(gateway.settings, gateway.doorkeeper, gateway.keeper)
    limited = limits(gateway)

    async def graphql(request: Request) -> Response:
        if request.headers.get("upgrade", "").lower() == "websocket":
            return PlainTextResponse("expected HTTP; subscriptions are not served", 426, UPGRADE)
        if wants_page(request):
            return await site.graphiql(request)
        return await gateway.endpoint.respond(request)

    async def root(_: Request) -> Response:
        return Response(status_code=303, headers={"location": "/graphql"})

    return [
        Route("/", root),
        Route("/graphql", graphql, methods=["GET", "POST"], middleware=limited),
        *(counted(route, limited) for route in gateway.rest.routes),
        Route("/login", site.login, methods=["GET"]),
        Route("/login", site.sign_in, methods=["POST"]),
        Route("/logout", site.sign_out, methods=["POST"]),
        Route(START, connecting.start, methods=["GET"]),
        Route(BACK, connecting.back, methods=["GET"]),
        Route(f"{BACK}/{{state}}", connecting.back, methods=["GET"]),
        Route("/healthz", gateway.health.alive),
        Route("/readyz", gateway.health.ready),
        Route("/metrics", gateway.metrics.page),
        Mount("/pages", Files(directory=PAGES)),
    ]


def limits(gateway: Gateway) -> list[Middleware]:
    """What operations of all kinds pass, and are counted by together: the rate limit, where there is one."""
    limit = gateway.settings.rate_limit_per_minute
    minute = Minute(limit, gateway.clock)
    return [Middleware(RateLimit, minute, gateway.doorkeeper, gateway.metrics)] if limit else []


def counted(route: BaseRoute, limited: Sequence[Middleware]) -> BaseRoute:
    """A route that passes the limits too; where it only leads on, what it leads to is counted."""
    if isinstance(route, Route) and route.path.removeprefix("/api/") not in RETIRED:
        for one in limited:
            route.app = one.cls(route.app, *one.args, **one.kwargs)
    return route


def middleware(chosen: Settings) -> list[Middleware]:
    """What every request and response passes, the outermost first."""
    named = bool(chosen.cors_origins) and "*" not in chosen.cors_origins
    cors = Middleware(
        CORSMiddleware,
        allow_origins=chosen.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "graphql-cost", "if-none-match"],
        expose_headers=["age", "cache-status", "etag", "retry-after", "x-request-id"],
        # A cookie signs in for the origins that are named, and for nobody where all may ask.
        allow_credentials=named,
    )
    protections = Protections(https=chosen.https)
    common = [Middleware(Stamps, protections), Middleware(GZipMiddleware, minimum_size=2048, compresslevel=4)]
    return [*common, *([cors] if chosen.cors_origins else []), Middleware(Masks)]


class Stamps:
    """Gives each request an id, which its lines in the log and its response carry, and that its protections."""

    def __init__(self, app: ASGIApp, protections: Protections) -> None:
        self._app = app
        self._protections = protections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on under its id, and the address that it comes from."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["id"] = request_id

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._protections.add(message)
                message["headers"].append((b"x-request-id", request_id.encode()))
                _name_once(MutableHeaders(raw=message["headers"]), "vary")
            await send(message)

        caller = CALLER.set(address(scope))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, stamped)
            finally:
                CALLER.reset(caller)


class Masks:
    """Has the log told of an error that nobody foresaw, and the client its request's id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on; what has begun to be answered is broken off."""
        started = False

        async def seen(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, seen)
        except Exception:
            if scope["type"] != "http":
                raise
            structlog.get_logger("request").exception("unforeseen_error", path=_template(scope))
            if started:
                raise
            await _masked(scope["path"], scope["state"]["id"])(scope, receive, send)


def _template(scope: Scope) -> str:
    """The path of a request without what it names, which may be a secret."""
    path: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        path = path.replace(f"/{value}", f"/{{{name}}}")
    return path


def _name_once(headers: MutableHeaders, name: str) -> None:
    """Drops what a header of names has twice: what answers and what compresses both add to it."""
    given = ",".join(headers.getlist(name)).split(",")
    if len(given) > 1:
        headers[name] = ", ".join({part.strip().lower(): part.strip() for part in given}.values())


def _masked(path: str, request_id: str) -> JSONResponse:
    """What a client is told of an error that nobody foresaw, in the form that the path has for errors."""
    message = f"something went wrong that was not foreseen; the log has it as request {request_id}"
    code = GatewayError.code
    content = failure(message, code) if path.startswith("/api/") else {"errors": [plain(message, code)]}
    return JSONResponse(content, 500)

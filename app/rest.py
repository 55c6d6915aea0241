"""REST beside GraphQL: each entity of the catalogue as a collection, read by stored documents on the same executor.

One rule: whatever is answered under `/api/` has a form that `/api/openapi.json` declares.
"""

import hashlib
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from inspect import isawaitable
from typing import Any

import structlog
from graphql import DocumentNode, ExecutionResult, GraphQLList, GraphQLSchema, execute, parse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from app.accounts import Doorkeeper
from app.cache_status import cache_status
from app.errors import BAD_USER_INPUT, failure, told
from app.graphql import PRIVATE, challenge, encoded, has
from app.metrics import Metrics
from app.openapi import openapi
from app.requests import WrongRequest
from loaders.clock import Clock
from loaders.errors import (
    BadInput,
    ExtensionsUnavailable,
    Forbidden,
    GatewayError,
    NotFound,
    QuotaExhausted,
    RakenError,
    RakenForbidden,
    RateLimited,
    TooComplex,
    Unauthenticated,
)
from resolvers.access import Viewer
from resolvers.collections import COLLECTED, COLLECTIONS, REFRESHED, Collection, list_document, one_document
from resolvers.context import Context
from resolvers.graph import GRAPH

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
WHOLE = re.compile(r"-?[0-9]{1,9}")
RETIRED = {
    "raken/projects": "projects",
    "raken/members": "team-members",
    "workers": "team-members",
    "raken/live/materials": "materials",
    "raken/live/observations": "observations",
}
"Paths below `/api/` that clients used before, and the collections that took their place."
RETIREMENT = {"deprecation": "@1795305600", "sunset": "Mon, 22 Nov 2027 00:00:00 GMT"}
"Deprecated since 22 November 2026 (RFC 9745); they may be gone a year later (RFC 8594)."
STATUSES: dict[str, int] = {
    BadInput.code: 400,
    TooComplex.code: 400,
    Unauthenticated.code: 401,
    Forbidden.code: 403,
    NotFound.code: 404,
    RateLimited.code: 429,
    RakenError.code: 503,
    RakenForbidden.code: 503,
    QuotaExhausted.code: 503,
    ExtensionsUnavailable.code: 503,
}
"HTTP's word for the contract's codes; for what nobody foresaw it is 500."
REFRESH = parse(f"mutation refresh($entities: [RakenEntity!]) {{ refresh(entities: $entities) {REFRESHED} }}")
_log = structlog.get_logger("request")


class Failed(Exception):
    """A request that has an error for its answer; `status` is HTTP's word for it."""

    def __init__(
        self, code: str, message: str, status: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status or STATUSES.get(code, 500)
        self.headers = headers or {}


@dataclass(slots=True)
class Call:
    """A request on its way to an answer, and what its line in the log will say."""

    request: Request
    path: str
    "The path as it is declared."
    began: float
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    viewer: Viewer | None = None
    context: Context | None = None
    share: int = 0
    "How many upstream requests it might start when it began."


Answering = Callable[[Call, Viewer], Awaitable[dict[str, Any]]]


class Rest:
    """Everything under `/api/`."""

    def __init__(
        self, doorkeeper: Doorkeeper, contexts: Callable[[Viewer | None], Context], metrics: Metrics, clock: Clock
    ) -> None:
        """`contexts` makes the context of a request."""
        self._doorkeeper = doorkeeper
        self._contexts = contexts
        self._metrics = metrics
        self._clock = clock

    @property
    def routes(self) -> list[BaseRoute]:
        """Every path there is under `/api/`; what is none is told so in the same form."""
        return [
            *(_retired(old, new) for old, new in RETIRED.items()),
            self._route("/api/openapi.json", self._described),
            *(route for one in COLLECTIONS.values() for route in self._collection(one)),
            self._route("/api/{rest:path}", _nothing, *METHODS),
        ]

    def _collection(self, one: Collection) -> list[Route]:
        async def page(call: Call, viewer: Viewer) -> dict[str, Any]:
            given = arguments(call.request, one.arguments)
            return await self._asked(call, viewer, COLLECTED, list_document(one, viewer.role), given)

        async def row(call: Call, viewer: Viewer) -> dict[str, Any]:
            given = arguments(call.request, one.window) | {"id": call.request.path_params["id"]}
            return await self._asked(call, viewer, COLLECTED, one_document(one, viewer.role), given)

        async def refreshed(call: Call, viewer: Viewer) -> dict[str, Any]:
            arguments(call.request, {})
            result: Any = await self._asked(call, viewer, GRAPH, REFRESH, {"entities": [one.entity.name]})
            return dict(result[0])

        return [
            self._route(f"/api/{one.path}", page),
            self._route(f"/api/{one.path}/", page),
            self._route(f"/api/{one.path}/refresh", refreshed, "POST"),
            self._route(f"/api/{one.path}/{{id}}", row),
        ]

    def _route(self, path: str, answering: Answering, *methods: str) -> Route:
        allowed = methods or ("GET", "HEAD")

        async def answer(request: Request) -> Response:
            call = Call(request, path, self._clock.monotonic())
            try:
                if request.method not in allowed:
                    raise _not_allowed(allowed)
                content = await self._admitted(call, answering)
            except Failed as failed:
                call.status, call.headers, call.codes = failed.status, failed.headers, (failed.code,)
                content = failure(str(failed), failed.code)
            return self._response(call, content)

        return Route(path, answer, methods=METHODS)

    async def _admitted(self, call: Call, answering: Answering) -> dict[str, Any]:
        """The answer to who may ask.

        Raises:
            Failed: there is none.
        """
        try:
            call.viewer = await self._doorkeeper.viewer(call.request)
            return await answering(call, call.viewer)
        except WrongRequest as wrong:
            raise Failed(BAD_USER_INPUT, str(wrong), wrong.status, wrong.headers) from None
        except Unauthenticated as error:
            raise Failed(error.code, str(error), headers=challenge(call.request)) from None
        except GatewayError as error:
            raise Failed(error.code, str(error)) from None

    async def _asked(
        self, call: Call, viewer: Viewer, schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]
    ) -> dict[str, Any]:
        """What the one field of a document is answered with."""
        context = call.context = self._contexts(viewer)
        call.share = context.operation.share
        result = execute(schema, document, context_value=context, variable_values=variables)
        self._metrics.executed()
        return _value(call, await result if isawaitable(result) else result)

    async def _described(self, call: Call, _viewer: Viewer) -> dict[str, Any]:
        arguments(call.request, {})
        return openapi()

    def _response(self, call: Call, content: dict[str, Any]) -> Response:
        body = encoded(content)
        headers = PRIVATE | call.headers | self._cache(call)
        if call.status == HTTPStatus.OK and call.request.method != "POST":
            tag = hashlib.blake2b(body, digest_size=16).hexdigest()
            # Weak: compressed and plain, the answer is the same and the bytes are not (RFC 9110, section 8.8.1).
            headers["etag"] = f'W/"{tag}"'
            if has(call.request, tag):
                call.status = HTTPStatus.NOT_MODIFIED
        self._note(call)
        if call.status == HTTPStatus.NOT_MODIFIED:
            return Response(status_code=call.status, headers=headers)
        return Response(body, call.status, headers, media_type="application/json")

    def _cache(self, call: Call) -> dict[str, str]:
        """What the cache did, and how old the oldest slice is that it gave (RFC 9111, section 5.1)."""
        if call.context is None:
            return {}
        operation, age = call.context.operation, call.context.loader.age
        ages = [(one.lifetime.ttl, age(one.slice) or 0.0) for one in operation.servings()]
        left = min((ttl - old for ttl, old in ages), default=None)
        told = cache_status(operation, call.share - operation.share, left)
        oldest = {"age": str(math.floor(max(old for _, old in ages)))} if ages else {}
        return oldest | ({"cache-status": told} if told else {})

    def _note(self, call: Call) -> None:
        """One line a request: never an argument or a field's value."""
        seconds = self._clock.monotonic() - call.began
        self._metrics.answered(call.status, seconds)
        operation = call.context.operation if call.context else None
        _log.info(
            "rest",
            method=call.request.method,
            path=call.path,
            account=call.viewer.account_id if call.viewer else None,
            role=call.viewer.role.value if call.viewer else None,
            status=call.status,
            ms=round(seconds * 1000, 1),
            upstream_requests=operation.requests if operation else 0,
            cache=dict(operation.outcomes) if operation else {},
            errors=list(call.codes),
        )


def arguments(request: Request, offered: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a request, by the names that are offered.

    Raises:
        WrongRequest: 400, for a name that is not offered, a number that is none, and one value that is many.
    """
    given = request.query_params
    if strange := [name for name in given if name not in offered]:
        raise WrongRequest(400, f"expected of parameters {', '.join(offered) or 'none'}, got {strange[0][:40]!r}")
    found: dict[str, Any] = {}
    for name in given:
        values = given.getlist(name)
        if isinstance(offered[name].type, GraphQLList):
            found[name] = values
        elif len(values) > 1:
            raise WrongRequest(400, f"expected {name} once, got it {len(values)} times")
        else:
            found[name] = _whole(values[0]) if name == "first" else values[0]
    return found


def _whole(text: str) -> int:
    if not WHOLE.fullmatch(text):
        raise WrongRequest(400, f"expected first to be a whole number, got {text[:40]!r}")
    return int(text)


def _value(call: Call, executed: ExecutionResult) -> dict[str, Any]:
    """The answer of the document's one field, beside what parts of it failed of.

    Raises:
        Failed: all of it failed, or there is no such row.
    """
    errors = [told(error, call.request.state.id) for error in executed.errors or ()]
    value: Any = next(iter(executed.data.values())) if executed.data else None
    if value is None and errors:
        raise Failed(errors[0]["extensions"]["code"], errors[0]["message"])
    if value is None:
        raise Failed(
            NotFound.code, "expected an id that this collection has, in the window if it is dated; got another"
        )
    partly = {(error["extensions"]["code"], error["message"]) for error in errors}
    told_of = [{"code": code, "message": message} for code, message in sorted(partly)]
    return {**value, "errors": told_of} if told_of else value


def _not_allowed(allowed: tuple[str, ...]) -> Failed:
    return Failed(BAD_USER_INPUT, f"expected {' or '.join(allowed)}", 405, {"allow": ", ".join(allowed)})


async def _nothing(_call: Call, _viewer: Viewer) -> dict[str, Any]:
    raise NotFound(f"expected a path of a collection ({', '.join(COLLECTIONS)}), got another")


def _retired(old: str, new: str) -> Route:
    async def moved(request: Request) -> Response:
        target = f"/api/{new}/" + (f"?{request.url.query}" if request.url.query else "")
        headers = {"location": target, "link": f'</api/{new}/>; rel="successor-version"', **RETIREMENT}
        return Response(status_code=308, headers=headers)

    return Route(f"/api/{old}", moved, methods=METHODS)

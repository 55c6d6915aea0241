"""GraphQL over HTTP: from a request to an answer's bytes, one stage after the other.

One rule: who asks is settled before what is asked is looked at.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from inspect import isawaitable
from typing import Any

import msgspec
import structlog
from graphql import ExecutionResult, GraphQLSchema, execute
from starlette.requests import Request
from starlette.responses import Response

from app.accounts import Doorkeeper
from app.cache_status import cache_status
from app.documents import Document, Documents, Refused, changes
from app.errors import BAD_USER_INPUT, plain, told
from app.limits import Limits
from app.metrics import Metrics
from app.persisted import Texts, Unknown
from app.requests import JSON, RESPONSE, Asked, WrongRequest, asked, media_type
from loaders.clock import Clock
from loaders.errors import TooComplex, Unauthenticated
from resolvers.access import Viewer
from resolvers.context import Context
from resolvers.extensions import freshness

PRIVATE = {"cache-control": "private, no-cache", "vary": "Authorization, Cookie, Accept, Accept-Encoding"}
COST = "graphql-cost"
"The header by which a client asks what its operation costs, with the value `report`: as Hot Chocolate's do."
NAME = 100
"Characters of an operation's name that the log has."
TAG = re.compile(r'(?:W/)?"([^"]*)"')
"An entity tag, whose weakness does not matter where If-None-Match is compared (RFC 9110, section 13.1.2)."
_log = structlog.get_logger("request")


@dataclass(slots=True)
class Exchange:
    """A request on its way to an answer, and what its line in the log will say."""

    request: Request
    id: str
    began: float
    type: str = JSON
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    name: str | None = None
    cost: int | None = None
    viewer: Viewer | None = None
    context: Context | None = None
    share: int = 0
    "How many upstream requests the operation might start when it began."


class GraphQLEndpoint:
    """`POST /graphql` and `GET /graphql?query=`."""

    def __init__(
        self,
        schema: GraphQLSchema,
        texts: Texts,
        doorkeeper: Doorkeeper,
        contexts: Callable[[Viewer | None], Context],
        metrics: Metrics,
        clock: Clock,
        limits: Limits,
    ) -> None:
        """`contexts` makes the context of a request."""
        self._texts = texts
        self._schema = schema
        self._documents = Documents(schema, limits)
        self._doorkeeper = doorkeeper
        self._contexts = contexts
        self._metrics = metrics
        self._clock = clock
        self._limits = limits

    async def respond(self, request: Request) -> Response:
        """The response to a request."""
        exchange = Exchange(request, request.state.id, self._clock.monotonic())
        try:
            content = await self._answer(exchange)
        except WrongRequest as wrong:
            exchange.status, exchange.headers = wrong.status, wrong.headers
            content = {"errors": [plain(str(wrong), BAD_USER_INPUT)]}
        except Unauthenticated as error:
            exchange.status, exchange.headers = 401, challenge(request)
            content = {"errors": [plain(str(error), error.code)]}
        self._note(exchange, content)
        return _response(exchange, content)

    async def _answer(self, exchange: Exchange) -> dict[str, Any]:
        exchange.type = media_type(exchange.request)
        question = await asked(exchange.request, self._limits.body_bytes)
        try:
            document = await self._admitted(exchange, question)
        except Refused as refused:
            return _request_error(exchange, [told(error, exchange.id, refused.code) for error in refused.errors])
        operation = document.operation(question.operation_name)
        if exchange.request.method != "POST" and changes(operation):
            raise WrongRequest(405, "expected a query; a mutation goes by POST", {"allow": "POST"})
        exchange.name = operation.name.value[:NAME] if operation and operation.name else None
        exchange.cost = document.costs.of(operation, question.variables) if operation else 0
        if exchange.cost > self._limits.cost:
            words = f"expected a cost of {self._limits.cost} at most, got {exchange.cost}"
            return _request_error(exchange, [plain(words, TooComplex.code)])
        context = exchange.context = self._contexts(exchange.viewer)
        exchange.share = context.operation.share
        result = execute(
            self._schema,
            document.node,
            context_value=context,
            variable_values=question.variables,
            operation_name=question.operation_name,
        )
        self._metrics.executed()
        executed = await result if isawaitable(result) else result
        # What a mutation has done is told of; of a query that asks for too much, nobody reads a part.
        if context.excess is not None and not changes(operation):
            return _request_error(exchange, [plain(context.excess, TooComplex.code)])
        return self._priced(exchange, _content(exchange, context, executed))

    def _priced(self, exchange: Exchange, content: dict[str, Any]) -> dict[str, Any]:
        """An answer, with its operation's cost where the client asks for that."""
        if exchange.request.headers.get(COST, "").lower() != "report":
            return content
        cost = {"value": exchange.cost, "limit": self._limits.cost}
        return {**content, "extensions": content.get("extensions", {}) | {"cost": cost}}

    async def _admitted(self, exchange: Exchange, question: Asked) -> Document:
        """The document, once it is known who asks; a stranger gets one that anyone may run.

        Raises:
            Unauthenticated: the credentials are wrong, or missing where they are needed.
            Refused: the document is not to be run.
        """
        try:
            exchange.viewer = await self._doorkeeper.viewer(exchange.request)
        except Unauthenticated:
            free = self._free(question)
            if free is None:
                raise
            return free
        document = self._documents.read(self._texts.text(question))
        self._texts.keep(question)
        return document

    def _free(self, question: Asked) -> Document | None:
        """The document that a stranger may run; None where there is none."""
        try:
            text = self._texts.text(question)
        except Unknown:
            # It may be a login: who comes with a hash alone is asked for the text, like everybody.
            raise
        except Refused:
            return None
        return self._documents.free(text, question.operation_name)

    def _note(self, exchange: Exchange, content: dict[str, Any]) -> None:
        """One line a request: never a token, a variable or a field's value."""
        seconds = self._clock.monotonic() - exchange.began
        self._metrics.answered(exchange.status, seconds)
        operation = exchange.context.operation if exchange.context else None
        _log.info(
            "graphql",
            operation=exchange.name,
            account=exchange.viewer.account_id if exchange.viewer else None,
            role=exchange.viewer.role.value if exchange.viewer else None,
            status=exchange.status,
            ms=round(seconds * 1000, 1),
            cost=exchange.cost,
            upstream_requests=operation.requests if operation else 0,
            cache=dict(operation.outcomes) if operation else {},
            errors=sorted({error["extensions"]["code"] for error in content.get("errors", ())}),
        )


def _content(exchange: Exchange, context: Context, result: ExecutionResult) -> dict[str, Any]:
    errors = [told(error, exchange.id) for error in result.errors or ()]
    if result.data is None and all("path" not in error for error in errors):
        return _request_error(exchange, errors)
    content: dict[str, Any] = {"errors": errors} if errors else {}
    content["data"] = result.data
    not_fresh = freshness(context.operation.servings())
    return {**content, "extensions": {"freshness": not_fresh}} if not_fresh else content


def _request_error(exchange: Exchange, errors: list[dict[str, Any]]) -> dict[str, Any]:
    """An answer to a request that was not executed (GraphQL over HTTP, sections 6.4.1 and 6.4.2)."""
    exchange.status = 400 if exchange.type == RESPONSE else 200
    return {"errors": errors}


def _response(exchange: Exchange, content: dict[str, Any]) -> Response:
    body = encoded(content)
    headers = PRIVATE | exchange.headers | _cache(exchange)
    if exchange.request.method != "POST" and exchange.status == HTTPStatus.OK:
        tag = hashlib.blake2b(body, digest_size=16).hexdigest()
        # Weak: compressed and plain, the answer is the same and the bytes are not (RFC 9110, section 8.8.1).
        headers["etag"] = f'W/"{tag}"'
        if has(exchange.request, tag):
            return Response(status_code=304, headers=headers)
    return Response(body, exchange.status, headers, media_type=f"{exchange.type}; charset=utf-8")


def challenge(request: Request) -> dict[str, str]:
    """What somebody without good credentials is asked for: a token, or another one (RFC 6750, section 3)."""
    another = ', error="invalid_token"' if "authorization" in request.headers else ""
    return {"www-authenticate": f'Bearer realm="raken-gateway"{another}'}


def has(request: Request, tag: str) -> bool:
    """Whether a client has the answer of a tag already, or any, of which it wants no other."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return given.strip() == "*" or tag in TAG.findall(given)


def _cache(exchange: Exchange) -> dict[str, str]:
    """The header that says what the cache did, for an operation that touched it."""
    if exchange.context is None:
        return {}
    operation, age = exchange.context.operation, exchange.context.loader.age
    left = min((one.lifetime.ttl - (age(one.slice) or 0) for one in operation.servings()), default=None)
    told = cache_status(operation, exchange.share - operation.share, left)
    return {"cache-status": told} if told else {}


def encoded(content: dict[str, Any]) -> bytes:
    """The bytes of an answer; whole numbers of any size, as ASR's own fields may have them."""
    try:
        return msgspec.json.encode(content)
    except (OverflowError, UnicodeEncodeError):
        return json.dumps(content, separators=(",", ":")).encode()

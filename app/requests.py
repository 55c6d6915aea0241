"""A GraphQL request over HTTP: what it asks, and which media type it takes (GraphQL over HTTP, sections 5 and 6).

One rule: what is wrong with a request is said with the status that HTTP has for it, before anything is parsed.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request

BODY = 1024 * 1024
JSON = "application/json"
RESPONSE = "application/graphql-response+json"


class WrongRequest(Exception):
    """A request that cannot be read; `status` is HTTP's word for it."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def media_type(request: Request) -> str:
    """The media type that the answer has.

    Raises:
        WrongRequest: 406, where the client takes neither.
    """
    accepted = request.headers.get("accept", "*/*")
    ranges = [part.split(";")[0].strip().lower() for part in accepted.split(",")]
    for offered in ranges:
        if offered in (RESPONSE, JSON):
            return offered
        if offered in ("*/*", "application/*"):
            return JSON
    raise WrongRequest(406, f"expected Accept with {RESPONSE} or {JSON}, got {accepted[:100]!r}")


async def asked(request: Request) -> Asked:
    """What a GET or POST asks.

    Raises:
        WrongRequest: 400, 413 or 415.
    """
    return _from_query(request) if request.method == "GET" else _from_body(await _body(request))


async def _body(request: Request) -> bytes:
    type_ = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if type_ != JSON:
        raise WrongRequest(415, f"expected Content-Type: {JSON}, got {type_[:100]!r}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY:
            raise WrongRequest(413, f"expected a body of {BODY} bytes at most")
    return bytes(body)


def _from_body(body: bytes) -> Asked:
    return _checked(_decoded(body, "the body"))


def _from_query(request: Request) -> Asked:
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _decoded(given[name].encode(), name)
    return _checked(given)


def _decoded(text: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WrongRequest(400, f"expected JSON in {where}, got something else") from None


def _checked(given: Any) -> Asked:
    if not isinstance(given, dict):
        raise WrongRequest(400, f"expected one JSON object, got {type(given).__name__}; operations are not batched")
    _take(given, "extensions", dict, "an object")
    query = _take(given, "query", str, "a text")
    if query is None:
        raise WrongRequest(400, "expected the parameter query, a text; it is not there")
    return Asked(
        query, _take(given, "variables", dict, "an object"), _take(given, "operationName", str, "a text") or None
    )


def _take(given: dict[str, Any], name: str, type_: type, words: str) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, type_):
        raise WrongRequest(400, f"expected {name} to be {words}, got {type(value).__name__}")
    return value

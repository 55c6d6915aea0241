"""A GraphQL request over HTTP: what it asks, and which media type it takes (GraphQL over HTTP, sections 5 and 6).

One rule: what is wrong with a request is said with the status that HTTP has for it, before anything is parsed.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

BODY = 1024 * 1024
ACCEPT = 2_000
"Characters of an Accept header that are read."
HTML = "text/html"
JSON = "application/json"
RESPONSE = "application/graphql-response+json"
WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


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
    for wanted in accepted(request):
        if wanted in (RESPONSE, JSON):
            return wanted
        if wanted in ("*/*", "application/*"):
            return JSON
    header = request.headers.get("accept", "")
    raise WrongRequest(406, f"expected Accept with {RESPONSE} or {JSON}, got {header[:100]!r}")


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page: it names HTML before GraphQL's types."""
    named = (one for one in accepted(request) if one in (HTML, RESPONSE, JSON))
    return request.method != "POST" and next(named, None) == HTML


def accepted(request: Request) -> list[str]:
    """The media ranges that a client takes, the dearest first (RFC 9110, section 12.5.1)."""
    header = ",".join(request.headers.getlist("accept"))[:ACCEPT].lower()
    ranges = []
    for part in (header.strip() or "*/*").split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        ranges.append((_quality(parameters), name))
    # Sorting keeps the client's order among equals.
    return [name for quality, name in sorted(ranges, key=lambda one: -one[0]) if quality > 0]


def _quality(parameters: list[str]) -> float:
    weight = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
    return float(weight) if WEIGHT.fullmatch(weight) else 0.0


async def asked(request: Request) -> Asked:
    """What a GET or POST asks.

    Raises:
        WrongRequest: 400, 413 or 415.
    """
    return _from_body(await body(request, JSON, BODY)) if request.method == "POST" else _from_query(request)


async def body(request: Request, type_: str, most: int) -> bytes:
    """The body of a request, which has to be of a media type and of so many bytes at most.

    Raises:
        WrongRequest: 400, 413 or 415.
    """
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if given != type_:
        raise WrongRequest(415, f"expected Content-Type: {type_}, got {given[:100]!r}")
    read = bytearray()
    try:
        async for chunk in request.stream():
            read += chunk
            if len(read) > most:
                raise WrongRequest(413, f"expected a body of {most} bytes at most, got more")
    except ClientDisconnect:
        raise WrongRequest(400, "expected a whole body, but it broke off") from None
    return bytes(read)


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

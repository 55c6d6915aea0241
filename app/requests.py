"""A GraphQL request over HTTP: what it asks, and which media type it takes (GraphQL over HTTP, sections 5 and 6).

One rule: what is wrong with a request is said with the status that HTTP has for it, before anything is parsed.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

ACCEPT = 2_000
"Characters of an Accept header that are read."
LENGTH = 18
"Digits of a Content-Length that are read as a number."
NO_QUERY = "expected the parameter query, a text; it is not there"
HTML = "text/html"
JSON = "application/json"
RESPONSE = "application/graphql-response+json"
WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]*)', re.IGNORECASE)
PARAMETERS = ("query", "operationName", "variables", "extensions", "documentId", "id")
"The parameters of a request that are looked at."


class WrongRequest(Exception):
    """A request that cannot be read; `status` is HTTP's word for it."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks: a document by its text, by a name for it, or by both."""

    query: str | None
    variables: dict[str, Any] | None
    operation_name: str | None
    hash: str | None = None
    "What Apollo's clients name a document by (`extensions.persistedQuery`)."
    document_id: str | None = None
    "What other clients name one by."


def media_type(request: Request) -> str:
    """The media type that the answer has.

    Raises:
        WrongRequest: 406, where the client takes neither.
    """
    ranges = accepted(request)
    offers = [(*_wanted(type_, ranges), type_) for type_ in (JSON, RESPONSE)]
    # Among equals the client's order decides, then ours.
    quality, _, dearest = min(offers, key=lambda offer: (-offer[0], offer[1]))
    if quality > 0:
        return dearest
    header = request.headers.get("accept", "")
    raise WrongRequest(406, f"expected Accept with {RESPONSE} or {JSON}, got {header[:100]!r}")


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page: it names HTML before GraphQL's types."""
    named = (name for name, quality in accepted(request) if quality > 0 and name in (HTML, RESPONSE, JSON))
    return request.method != "POST" and next(named, None) == HTML


def accepted(request: Request) -> list[tuple[str, float]]:
    """The media ranges that a client names, and how dear each is to it, the dearest first."""
    header = ",".join(request.headers.getlist("accept"))[:ACCEPT].lower()
    ranges = []
    for part in (header.strip() or "*/*").split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        ranges.append((name, _quality(parameters)))
    # Sorting keeps the client's order among equals.
    return sorted(ranges, key=lambda one: -one[1])


def _wanted(type_: str, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """How dear a media type is, by the range that names it most precisely (RFC 9110, section 12.5.1), and its place."""
    for name in (type_, "application/*", "*/*"):
        for place, (range_, quality) in enumerate(ranges):
            if range_ == name:
                return quality, place
    return 0, len(ranges)


def _quality(parameters: list[str]) -> float:
    weight = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
    return float(weight) if WEIGHT.fullmatch(weight) else 0.0


async def asked(request: Request, most: int) -> Asked:
    """What a GET or POST asks, in a body of so many bytes at most.

    Raises:
        WrongRequest: 400, 413 or 415.
    """
    return _from_body(await body(request, JSON, most)) if request.method == "POST" else _from_query(request)


async def body(request: Request, type_: str, most: int) -> bytes:
    """The body of a request, which has to be of a media type and of so many bytes at most.

    Raises:
        WrongRequest: 400, 413 or 415.
    """
    _check_content(request, type_)
    length = request.headers.get("content-length", "")
    # One that is announced as too large is not read at all.
    if length.isascii() and length.isdigit() and (len(length) > LENGTH or int(length) > most):
        raise WrongRequest(413, f"expected a body of {most} bytes at most, got more")
    read = bytearray()
    try:
        async for chunk in request.stream():
            read += chunk
            if len(read) > most:
                raise WrongRequest(413, f"expected a body of {most} bytes at most, got more")
    except ClientDisconnect:
        raise WrongRequest(400, "expected a whole body, but it broke off") from None
    return bytes(read)


def _check_content(request: Request, type_: str) -> None:
    """Lets pass what is of a media type, in UTF-8, and not encoded.

    Raises:
        WrongRequest: 415.
    """
    header = request.headers.get("content-type", "")
    given = header.split(";")[0].strip().lower()
    if given != type_:
        raise WrongRequest(415, f"expected Content-Type: {type_}, got {given[:100]!r}")
    charset = CHARSET.search(header)
    if charset is not None and charset[1].lower() not in ("utf-8", "utf8"):
        raise WrongRequest(415, f"expected a body in UTF-8, got one in {charset[1][:100]!r}")
    coding = request.headers.get("content-encoding", "identity")
    if coding.strip().lower() not in ("identity", ""):
        # The header says what would have been taken (RFC 9110, section 12.5.3).
        words = f"expected a body without Content-Encoding, got {coding[:100]!r}"
        raise WrongRequest(415, words, {"accept-encoding": "identity"})


def _from_body(body: bytes) -> Asked:
    return _checked(_decoded(body, "the body"))


def _from_query(request: Request) -> Asked:
    times = Counter(name for name, _ in request.query_params.multi_items())
    if twice := [name for name in PARAMETERS if times[name] > 1]:
        raise WrongRequest(400, f"expected each parameter once, got {twice[0]} {times[twice[0]]} times")
    given: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _decoded(given[name].encode(), name)
    return _checked(given)


def decoded(text: bytes) -> Any:
    """The value of a text of JSON, of which two readers cannot make two things.

    Raises:
        ValueError: it is not JSON in UTF-8, or an object has a name twice: one reader takes the first and another the
            last, so what a proxy has let pass would not be what is run (RFC 8259, section 4).
    """
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("JSON") from None
    # It is JSON: but for those escaped, each second quote ends a string, and a colon outside of strings is a member's.
    outside = text.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
    if b"".join(outside).count(b":") != _members(value):
        raise ValueError("JSON whose objects have each name once")
    return value


def _members(value: Any) -> int:
    """How many members the objects in a value have, together."""
    count = 0
    left: list[Any] = [[value]]
    while left:
        found = left.pop()
        if isinstance(found, dict):
            count += len(found)
            found = list(found.values())
        left += [one for one in found if type(one) is dict or type(one) is list]
    return count


def _decoded(text: bytes, where: str) -> Any:
    try:
        return decoded(text)
    except ValueError as wrong:
        raise WrongRequest(400, f"expected {wrong} in {where}, got something else") from None


def _checked(given: Any) -> Asked:
    if not isinstance(given, dict):
        raise WrongRequest(400, f"expected one JSON object, got {type(given).__name__}; operations are not batched")
    extensions = _take(given, "extensions", dict, "an object")
    query = _take(given, "query", str, "a text")
    hash_ = _hash(extensions or {})
    names = (given.get("documentId"), given.get("id"))
    document_id = next((name for name in names if isinstance(name, str) and name), None)
    if query is None and hash_ is None and document_id is None:
        raise WrongRequest(400, NO_QUERY)
    variables = _take(given, "variables", dict, "an object")
    return Asked(query, variables, _take(given, "operationName", str, "a text") or None, hash_, document_id)


def _hash(extensions: dict[str, Any]) -> str | None:
    """The hash by which a document is named, as Apollo's clients do."""
    named = _take(extensions, "persistedQuery", dict, "an object")
    if named is None:
        return None
    if named.get("version") != 1 or named["version"] is True or not isinstance(named.get("sha256Hash"), str):
        raise WrongRequest(400, "expected persistedQuery to have version 1 and sha256Hash, a text; got another")
    return str(named["sha256Hash"])


def _take(given: dict[str, Any], name: str, type_: type, words: str) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, type_):
        raise WrongRequest(400, f"expected {name} to be {words}, got {type(value).__name__}")
    return value

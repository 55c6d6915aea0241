"""The data API under /api: who may read, which collection, which page.

The rule: the order of refusals is limits, token, path, parameters; only then is anything read.
"""

import hashlib
from collections.abc import Mapping, Sequence
from random import Random

from aiohttp import web

from sandbox.errors import limited, refusal
from sandbox.pages import BadRequest, Page, Question, envelope, page, question, shuffled, told
from sandbox.rows import Collection
from sandbox.state import SANDBOX, Sandbox
from sandbox.trouble import damaged, move, plain_path

FOUND_SINGLY = ("projects", "members")

Query = Mapping[str, Sequence[str]]


async def read(request: web.Request) -> web.StreamResponse:
    """Answers a request for data."""
    sandbox = request.app[SANDBOX]
    refused = _refused(request, sandbox)
    if refused:
        return refused
    try:
        body = _body(request, sandbox)
    except BadRequest as wrong:
        return refusal(sandbox, 400, str(wrong))
    return refusal(sandbox, 404) if body is None else _sent(request, sandbox, body)


def _refused(request: web.Request, sandbox: Sandbox) -> web.Response | None:
    limit = sandbox.limits.passed(sandbox.switches)
    if limit:
        return limited(sandbox, limit)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and sandbox.tokens.good(token):
        return None if request.method == "GET" else refusal(sandbox, 405)
    status = sandbox.switches.expired_token_status if sandbox.tokens.expired(token) else 401
    return refusal(sandbox, status, "The access token is expired or unknown")


def _body(request: web.Request, sandbox: Sandbox) -> bytes | None:
    path = plain_path(request)
    if path == "/userInfo":
        return sandbox.company.user_info
    collection = sandbox.company.collections.get(path[1:])
    if collection:
        return _listed(request, sandbox, collection)
    name, _, uuid = path[1:].partition("/")
    return _single(sandbox, sandbox.company.collections[name], uuid) if name in FOUND_SINGLY else None


def _listed(request: web.Request, sandbox: Sandbox, collection: Collection) -> bytes:
    path, flat = plain_path(request), dict(request.query)
    query = {name: request.query.getall(name) for name in request.query}
    asked = question(collection, query, sandbox.switches)
    part = damaged(sandbox, path, flat, _page(sandbox, path, flat, collection, asked))
    body = envelope(path, query, asked, part)
    if asked.offset + len(part.rows) < part.total and not asked.deleted:
        move(sandbox, path, flat, collection, asked)
    return body


def _page(sandbox: Sandbox, path: str, query: Mapping[str, str], collection: Collection, asked: Question) -> Page:
    shuffling = sandbox.faults.first({"shuffle"}, path, query)
    if shuffling:
        return shuffled(collection, asked, sandbox.switches, Random(shuffling.spoiled))  # noqa: S311 -- an order
    return page(collection, asked, sandbox.switches)


def _single(sandbox: Sandbox, collection: Collection, uuid: str) -> bytes | None:
    found = next((row for row in collection.rows() if row.uuid == uuid), None)
    if not found or (found.status == "DELETED" and not sandbox.switches.deleted_listed):
        return None
    return told(collection.form, found, sandbox.switches)


def _sent(request: web.Request, sandbox: Sandbox, body: bytes) -> web.Response:
    if sandbox.switches.etags == "none":
        return web.Response(body=body, content_type="application/json")
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    known = [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]
    if sandbox.switches.etags == "honoured" and etag in known:
        return web.Response(status=304, headers={"ETag": etag})
    return web.Response(body=body, content_type="application/json", headers={"ETag": etag})

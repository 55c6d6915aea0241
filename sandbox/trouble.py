"""Faults at work on requests and answers.

The rule: nothing here knows what a row means; a moved row is a real edit, and shows in everything read later.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from sandbox.errors import limit_words, refusal
from sandbox.faults import DAMAGING, INSTEAD, MOVING, Fault, Standing
from sandbox.pages import Page, Question, first
from sandbox.rows import Collection, Form, Value
from sandbox.state import SANDBOX, Sandbox

ABORTED = web.RequestKey("aborted", bool)
RESET = struct.pack("ii", 1, 0)  # SO_LINGER on with no time: close sends a reset instead of an end
HTML = "<!doctype html><title>Sorry</title><h1>Something went wrong</h1>"


async def spoil(request: web.Request, handler: Any) -> web.StreamResponse:
    """Lets the faults that stand for a request come down on it."""
    faults, path, query = request.app[SANDBOX].faults, plain_path(request), dict(request.query)
    await asyncio.sleep(sum(each.fault.seconds for each in faults.take({"latency"}, path, query)))
    standing = faults.first(INSTEAD, path, query)
    if standing:
        return await _instead(request, standing)
    response: web.StreamResponse = await handler(request)
    if isinstance(response, web.Response) and faults.first({"cut"}, path, query):
        return await _cut(request, response)
    return response


def plain_path(request: web.Request) -> str:
    """A request's path as Raken's documentation has it: without /api."""
    return request.path.removeprefix("/api")


def damaged(sandbox: Sandbox, path: str, query: Mapping[str, str], page: Page) -> Page:
    """A page some rows of which lack fields, or have others."""
    rows = list(page.rows)
    for standing in sandbox.faults.take(DAMAGING, path, query):
        count = len(rows) if standing.fault.rows is None else standing.fault.rows
        rows[:count] = [_damaged(row, standing.fault) for row in rows[:count]]
    return Page(rows, page.total)


def move(sandbox: Sandbox, path: str, query: Mapping[str, str], collection: Collection, asked: Question) -> None:
    """Moves the rows of a list by one, between two of its pages."""
    for standing in sandbox.faults.take(MOVING, path, query):
        if standing.fault.kind == "insert":
            sandbox.editor.add(collection, _place(collection.form, asked), sandbox.now(), front=True)
        else:
            collection.remove(first(collection, asked), sandbox.now())


def _place(form: Form, asked: Question) -> Value:
    fields: Value = {}
    if asked.project:
        fields |= {"project": {"uuid": asked.project}} if form.project == "project" else {"projectUuid": asked.project}
    if asked.window:
        fields |= dict(zip(form.span or (form.day or "",), asked.window, strict=False))
    return fields


async def _instead(request: web.Request, standing: Standing) -> web.StreamResponse:
    sandbox, fault = request.app[SANDBOX], standing.fault
    match fault.kind:
        case "hang":
            await standing.lifted.wait()
            return _reset(request)
        case "reset":
            return _reset(request)
        case "html":
            return web.Response(text=HTML, content_type="text/html", status=fault.status or 200)
        case _:
            return _refused(sandbox, fault)


def _refused(sandbox: Sandbox, fault: Fault) -> web.Response:
    match fault.kind:
        case "rate" | "quota":
            return refusal(sandbox, 429, limit_words(sandbox, fault.kind), fault.retry_after)
        case "unauthorized":
            return refusal(sandbox, 401)
        case "forbidden":
            return refusal(sandbox, 403)
        case _:
            return refusal(sandbox, fault.status or 503, retry_after=fault.retry_after)


def _reset(request: web.Request) -> web.Response:
    request[ABORTED] = True
    if request.transport:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, whole: web.Response) -> web.StreamResponse:
    request[ABORTED] = True
    body = whole.body if isinstance(whole.body, bytes) else b""
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    response.content_length = len(body)
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response


def _damaged(row: bytes, fault: Fault) -> bytes:
    value = msgspec.json.decode(row)
    if fault.kind == "extra":
        return msgspec.json.encode(value | fault.values)
    return msgspec.json.encode({name: each for name, each in value.items() if name not in fault.fields})

"""The control API under /_sandbox: for tests, demos and outside checks; no token, this machine only.

The rule: it is never counted and never spoiled by a fault.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import msgspec
from aiohttp import web

from sandbox.clock import moment, stamp
from sandbox.edits import edit
from sandbox.faults import fault
from sandbox.pages import told
from sandbox.state import SANDBOX, Sandbox
from sandbox.switches import DOCS, flipped

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes() -> list[web.RouteDef]:
    """The control API's routes."""
    at = "/_sandbox"
    return [
        web.get(at, _guarded(_about)),
        web.post(f"{at}/reset", _guarded(_reset)),
        web.get(f"{at}/counts", _guarded(_counts)),
        web.delete(f"{at}/counts", _guarded(_forget_counts)),
        web.get(f"{at}/faults", _guarded(_faults)),
        web.post(f"{at}/faults", _guarded(_add_fault)),
        web.delete(f"{at}/faults", _guarded(_lift_faults)),
        web.delete(f"{at}/faults/{{number:\\d+}}", _guarded(_lift_faults)),
        web.get(f"{at}/switches", _guarded(_switches)),
        web.patch(f"{at}/switches", _guarded(_flip)),
        web.get(f"{at}/rows/{{collection:.+}}", _guarded(_rows)),
        web.post(f"{at}/edits", _guarded(_edit)),
        web.get(f"{at}/clock", _guarded(_clock)),
        web.patch(f"{at}/clock", _guarded(_set_clock)),
        web.post(f"{at}/tokens", _guarded(_mint)),
        web.delete(f"{at}/tokens", _guarded(_end_tokens)),
    ]


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if not request.remote or not ip_address(request.remote).is_loopback:
            return web.json_response({"error": "the control API answers this machine only"}, status=403)
        try:
            return await handler(request)
        except (ValueError, msgspec.DecodeError) as wrong:
            return web.json_response({"error": str(wrong)}, status=400)

    return guarded


async def _about(request: web.Request) -> web.StreamResponse:
    sandbox = request.app[SANDBOX]
    return _json({**sandbox.told(), "switches": dataclasses.asdict(sandbox.switches), "faults": _standing(sandbox)})


async def _reset(request: web.Request) -> web.StreamResponse:
    request.app[SANDBOX].reset()
    return await _about(request)


async def _counts(request: web.Request) -> web.StreamResponse:
    return _json(request.app[SANDBOX].counts.told())


async def _forget_counts(request: web.Request) -> web.StreamResponse:
    request.app[SANDBOX].counts.reset()
    return await _counts(request)


async def _faults(request: web.Request) -> web.StreamResponse:
    return _json(_standing(request.app[SANDBOX]))


async def _add_fault(request: web.Request) -> web.StreamResponse:
    return _json(request.app[SANDBOX].faults.add(fault(await _asked(request))).told())


async def _lift_faults(request: web.Request) -> web.StreamResponse:
    number = request.match_info.get("number")
    request.app[SANDBOX].faults.lift(int(number) if number else None)
    return await _faults(request)


async def _switches(request: web.Request) -> web.StreamResponse:
    values = dataclasses.asdict(request.app[SANDBOX].switches)
    return _json({name: {"value": each, "doc": DOCS[name]} for name, each in values.items()})


async def _flip(request: web.Request) -> web.StreamResponse:
    sandbox = request.app[SANDBOX]
    sandbox.switches = flipped(sandbox.switches, await _asked(request))
    return await _switches(request)


async def _rows(request: web.Request) -> web.StreamResponse:
    sandbox = request.app[SANDBOX]
    collection = sandbox.company.collection(request.match_info["collection"])
    project = request.query.get("projectUuid")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    comma = b"["
    for day in collection.days():
        rows = [row for row in collection.shelf(day) if project in (None, row.project)]
        if rows:
            await response.write(comma + b",".join(told(collection.form, row, sandbox.switches) for row in rows))
            comma = b","
    await response.write(b"]" if comma == b"," else b"[]")
    return response


async def _edit(request: web.Request) -> web.StreamResponse:
    sandbox = request.app[SANDBOX]
    return _json(sandbox.editor.apply(edit(await _asked(request)), sandbox.now()))


async def _clock(request: web.Request) -> web.StreamResponse:
    clock = request.app[SANDBOX].clock
    return _json({"now": stamp(clock.now()), "today": clock.today.isoformat()})


async def _set_clock(request: web.Request) -> web.StreamResponse:
    clock, asked = request.app[SANDBOX].clock, await _asked(request)
    if "now" in asked:
        clock.set(moment(asked["now"]))
    if "advance" in asked:
        clock.set(clock.now() + timedelta(seconds=float(asked["advance"])))
    if "stopped" in asked:
        (clock.stop if asked["stopped"] else clock.go)()
    return await _clock(request)


async def _mint(request: web.Request) -> web.StreamResponse:
    return _json({"access_token": request.app[SANDBOX].tokens.mint()})


async def _end_tokens(request: web.Request) -> web.StreamResponse:
    tokens = request.app[SANDBOX].tokens
    (tokens.revoke if request.query.get("refresh") == "true" else tokens.expire)()
    return _json({})


def _standing(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [standing.told() for standing in sandbox.faults.standing]


async def _asked(request: web.Request) -> dict[str, Any]:
    asked = msgspec.json.decode(await request.read())
    if not isinstance(asked, dict):
        raise ValueError(f"expected a JSON object, but got {type(asked).__name__}")  # noqa: TRY004 -- a 400, not a bug
    return asked


def _json(answer: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

"""How the sandbox says no.

The rule: a refusal's body is made here, so that one switch changes them all.
"""

from datetime import timedelta
from email.utils import format_datetime

from aiohttp import web

from sandbox.limits import Passed
from sandbox.state import Sandbox

WORDS = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Data access is not enabled for this app",
    404: "Not found",
    405: "Method not allowed",
    429: "Too many requests",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}


def refusal(sandbox: Sandbox, status: int, words: str = "", retry_after: str = "") -> web.Response:
    """An error response, its body as the switch `error_body` says."""
    words = words or WORDS.get(status, "Error")
    headers = {"Retry-After": retry_after} if retry_after else {}
    match sandbox.switches.error_body:
        case "json":
            return web.json_response({"code": status, "message": words}, status=status, headers=headers)
        case "text":
            return web.Response(text=words, status=status, headers=headers)
        case "empty":
            return web.Response(status=status, headers=headers)


def limited(sandbox: Sandbox, limit: Passed) -> web.Response:
    """The 429 of a limit that was passed."""
    return refusal(sandbox, 429, limit_words(sandbox, limit), _retry_after(sandbox, limit))


def limit_words(sandbox: Sandbox, limit: Passed) -> str:
    """What the 429 of a limit says."""
    told_apart = limit == "quota" and sandbox.switches.limits_told_apart
    return "Limit exceeded" if told_apart else "Too many requests"


def _retry_after(sandbox: Sandbox, limit: Passed) -> str:
    seconds = sandbox.limits.seconds_left(limit)
    match sandbox.switches.retry_after:
        case "none":
            return ""
        case "seconds":
            return str(seconds)
        case "date":
            return format_datetime(sandbox.clock.now() + timedelta(seconds=seconds), usegmt=True)

"""OAuth 2.0 as Raken does it: a consent page, and form-encoded token requests.

The rule: like Raken, it checks neither the redirect URI nor the state; what goes back goes back as it came.
"""

from html import escape
from urllib.parse import urlencode

from aiohttp import web

from sandbox.state import SANDBOX, Sandbox
from sandbox.tokens import Grant, InvalidGrant

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Allow access?</title>
<h1>Allow access?</h1><p>{client} asks to read the made-up company's data.</p>
<form method="post" action="/oauth/authorize">
<input type="hidden" name="redirect_uri" value="{redirect_uri}"><input type="hidden" name="state" value="{state}">
<button name="consent" value="allow">Allow</button> <button name="consent" value="deny">Deny</button>
</form></html>"""


async def consent_page(request: web.Request) -> web.Response:
    """Asks the person whether the gateway may read."""
    asked = {name: escape(request.query.get(name, "")) for name in ("redirect_uri", "state")}
    if not asked["redirect_uri"] or request.query.get("response_type", "code") != "code":
        return web.Response(text="expected response_type=code and a redirect_uri", status=400)
    client = escape(request.query.get("client_id", "An app"))
    return web.Response(text=PAGE.format(client=client, **asked), content_type="text/html")


async def consented(request: web.Request) -> web.Response:
    """Sends the person back with a code, or with access_denied."""
    form = await request.post()
    allowed = form.get("consent") == "allow"
    sandbox = request.app[SANDBOX]
    answer = {"code": sandbox.tokens.code()} if allowed else {"error": "access_denied"}
    if form.get("state") and sandbox.switches.state_echoed:
        answer["state"] = str(form["state"])
    target = str(form.get("redirect_uri", ""))
    return web.Response(status=303, headers={"Location": f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}"})


async def token(request: web.Request) -> web.Response:
    """Exchanges a code or a refresh token (RFC 6749, sections 4.1.3 and 6)."""
    sandbox = request.app[SANDBOX]
    if request.content_type != "application/x-www-form-urlencoded":
        return _refused("invalid_request", "The request is not form-encoded.")
    form = {name: str(each) for name, each in (await request.post()).items()}
    if not _known(sandbox, form):
        return _refused("invalid_client", "The client is unknown.", 401)
    try:
        grant = _grant(sandbox, form)
    except InvalidGrant as wrong:
        return _refused("invalid_grant", str(wrong))
    return _granted(sandbox, grant) if grant else _refused("unsupported_grant_type", "The grant type is not known.")


def _known(sandbox: Sandbox, form: dict[str, str]) -> bool:
    options = sandbox.options
    client, secret = form.get("client_id"), form.get("client_secret")
    return bool(client and secret) and options.client_id in (None, client) and options.client_secret in (None, secret)


def _grant(sandbox: Sandbox, form: dict[str, str]) -> Grant | None:
    match form.get("grant_type"):
        case "authorization_code":
            return sandbox.tokens.exchange(form.get("code", ""))
        case "refresh_token":
            return sandbox.tokens.refresh(form.get("refresh_token", ""), sandbox.switches)
        case _:
            return None


def _granted(sandbox: Sandbox, grant: Grant) -> web.Response:
    return web.json_response(
        {
            "access_token": grant.access_token,
            "refresh_token": grant.refresh_token,
            "token_type": "bearer",
            "expires_in": sandbox.options.expires_in,
        },
        headers={"Cache-Control": "no-store"},
    )


def _refused(error: str, description: str, status: int = 400) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)

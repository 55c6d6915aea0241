"""The pages for people: GraphiQL, the sign-in page, and the files that all pages are made of.

One rule: no byte of a page comes from elsewhere, and a page of GraphiQL goes only to the signed-in.
"""

import html
import re
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.accounts import COOKIE, SESSION, Doorkeeper
from app.headers import FILES, PLAIN
from app.requests import WrongRequest, body
from loaders.errors import ExtensionsUnavailable, GatewayError, RateLimited, Unauthenticated

PAGES = Path(__file__).parent / "pages"
POLICY = {"content-security-policy": FILES, "cache-control": "no-store"}
PLAIN_POLICY = {"content-security-policy": PLAIN, "cache-control": "no-store"}
"For pages without scripts."
HOME = "/graphql"
FORM = "application/x-www-form-urlencoded"
FORM_BYTES = 16 * 1024


class Site:
    """The pages' routes."""

    def __init__(self, doorkeeper: Doorkeeper, *, secure: bool) -> None:
        """`secure`: people come by https, whatever reaches this process."""
        self._doorkeeper = doorkeeper
        self._secure = secure

    async def graphiql(self, request: Request) -> Response:
        """`GET /graphql` of a browser."""
        if await self._signed_in(request):
            return HTMLResponse(page("graphiql.html"), headers=POLICY)
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(target, safe='/')}", 303)

    async def login(self, request: Request) -> Response:
        """`GET /login`."""
        return _form(local(request.query_params.get("next")), "", "", 200)

    async def sign_in(self, request: Request) -> Response:
        """`POST /login`: sets the session cookie."""
        try:
            self._doorkeeper.check_origin(request)
            form = dict(parse_qsl((await body(request, FORM, FORM_BYTES)).decode("utf-8", "replace")))
        except Unauthenticated as error:
            return PlainTextResponse(str(error), 403)
        except WrongRequest as wrong:
            return PlainTextResponse(str(wrong), wrong.status)
        return await self._enter(request, form.get("email", ""), form.get("password", ""), local(form.get("next")))

    async def _enter(self, request: Request, email: str, password: str, target: str) -> Response:
        try:
            signed = await self._doorkeeper.sign_in(email, password)
        except Unauthenticated:
            return _form(target, email, "That email and password do not go together.", 401)
        except RateLimited as error:
            limited = _form(target, email, f"Not right now: {error}.", 429)
            limited.headers["retry-after"] = str(error.wait)
            return limited
        except ExtensionsUnavailable as error:
            return _form(target, email, f"Nobody can sign in right now. {error}", 503)
        response = RedirectResponse(target, 303)
        response.set_cookie(COOKIE, signed.token, int(SESSION.total_seconds()), **flags(request, secure=self._secure))
        return response

    async def sign_out(self, request: Request) -> Response:
        """`POST /logout`: the browser forgets the session."""
        try:
            self._doorkeeper.check_origin(request)
        except Unauthenticated as error:
            return PlainTextResponse(str(error), 403)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE, **flags(request, secure=self._secure))
        return response

    async def _signed_in(self, request: Request) -> bool:
        try:
            await self._doorkeeper.viewer(request)
        except GatewayError:
            return False
        return True


class Flags(TypedDict):
    """What every cookie of ours has."""

    httponly: bool
    samesite: Literal["lax"]
    secure: bool


def flags(request: Request, *, secure: bool) -> Flags:
    """A cookie's flags; `secure`: people come by https, whatever reaches this process."""
    return {"httponly": True, "samesite": "lax", "secure": secure or request.url.scheme == "https"}


class Files(StaticFiles):
    """The pages' files, whose names change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, to be kept for a year; templates are not files."""
        response = await super().get_response("nothing" if path.endswith(".html") else path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        response.headers["content-security-policy"] = FILES
        return response


@cache
def page(name: str) -> str:
    """A page's text."""
    return (PAGES / name).read_text("utf-8")


def filled(name: str, **values: str) -> str:
    """A page with texts, escaped, in its placeholders."""
    return re.sub(r"\{\{(\w+)\}\}", lambda slot: html.escape(values[slot[1]]), page(name))


def local(target: str | None) -> str:
    """A path of this site to go on to; GraphiQL where none is named, or another site is."""
    if target and target.startswith("/") and not target.startswith("//") and not set("\\\r\n\t") & set(target):
        return target
    return HOME


def _form(target: str, email: str, error: str, status: int) -> HTMLResponse:
    return HTMLResponse(filled("login.html", next=target, email=email, error=error), status, PLAIN_POLICY)

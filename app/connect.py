"""The page on which an administrator connects Raken: an authorization code, spent for the first pair of a new chain.

One rule: a code counts only in the browser that was sent off for it; and no code or token is in a page or the log.
"""

import hmac
import re
import secrets
from http import HTTPStatus
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.accounts import Doorkeeper
from app.config import Settings
from app.site import HOME, PLAIN_POLICY, Flags, filled, flags
from loaders.accounts import Role
from loaders.errors import ExtensionsUnavailable, GatewayError, RakenError, RakenNotConnected
from loaders.keeper import TokenKeeper
from resolvers.access import Viewer

ROOT = "/auth/raken"
START = f"{ROOT}/connect"
ASK = f"{START}?confirm"
"The same, but asking first."
BACK = f"{ROOT}/callback"
COOKIE = "raken_gateway_connecting"
LASTING = 600
"Seconds within which Raken's consent has to lead back."
# An address with a code in it is nobody else's business.
HEADERS = {**PLAIN_POLICY, "referrer-policy": "no-referrer"}
ERROR = re.compile(r"[a-z_]{1,40}")
"The form of the error codes of RFC 6749, section 4.1.2.1."

AGAIN = "Try again"
FORGED = (
    "This address does not lead back from Raken's consent to a connection that was begun in this browser within the "
    "last ten minutes, and not finished."
)
DATA = {
    None: "Whether Raken gives this app its data will show with the first query: it has not been asked for any yet.",
    True: "Raken gave this app its data when it was last asked.",
    False: (
        "When it was last asked, Raken refused this app its data (403). If it still does, "
        "ask Raken to enable the API for your company."
    ),
}
_log = structlog.get_logger(__name__)


class Connecting:
    """The routes under `/auth/raken`."""

    def __init__(self, settings: Settings, doorkeeper: Doorkeeper, keeper: TokenKeeper) -> None:
        self._settings = settings
        self._doorkeeper = doorkeeper
        self._keeper = keeper

    async def start(self, request: Request) -> Response:
        """`GET /auth/raken/connect`: sends an administrator off to Raken's consent page."""
        admin = await self._admin(request)
        if isinstance(admin, Response):
            return admin
        return self._question() if _asks_first(request) else self._sent_off(request, admin)

    async def back(self, request: Request) -> Response:
        """`GET /auth/raken/callback/{state}`: where Raken's consent leads back to."""
        admin = await self._admin(request)
        if isinstance(admin, Response):
            return admin
        state = self._state(request, admin)
        if state is None:
            return self._failed(FORGED, HTTPStatus.BAD_REQUEST)
        response = await self._connected(request, state, admin)
        response.delete_cookie(COOKIE, ROOT, **self._flags(request))
        return response

    async def _admin(self, request: Request) -> Viewer | Response:
        """Who connects, or what somebody is told who cannot."""
        try:
            viewer = await self._doorkeeper.viewer(request)
        except GatewayError:
            # Asking first: a browser does not let the sign-in form lead on to another site (form-action).
            return RedirectResponse(f"/login?{urlencode({'next': ASK}, safe='/')}", 303, HEADERS)
        if viewer.role is not Role.ADMIN:
            lead = "Only an administrator can connect Raken."
            return _page("Not for this account", lead, link=("Go to GraphiQL", HOME), status=HTTPStatus.FORBIDDEN)
        if not self._settings.raken_client_id:
            lead = "The gateway has no OAuth app: set RAKEN_CLIENT_ID and RAKEN_CLIENT_SECRET, and restart it."
            return _page("Raken cannot be connected", lead, link=(AGAIN, START), status=HTTPStatus.SERVICE_UNAVAILABLE)
        return viewer

    def _question(self) -> Response:
        """Asks whether it is meant, and says how things stand."""
        standing = self._keeper.standing()
        lead = "Raken will ask you whether the gateway may read your company's data."
        note = f"Raken is not connected: {standing}." if standing else "Raken has not been asked for anything yet."
        if self._keeper.connected:
            lead = "Raken is connected. Connecting it anew replaces that connection, for everyone."
            note = DATA[self._keeper.gives_data]
        return _page("Connect Raken", lead, note, ("Connect Raken", START))

    def _sent_off(self, request: Request, admin: Viewer) -> Response:
        # A GET that changes nothing here: another site's page that leads a browser to it overwrites no chain. Nor can
        # that page have a code of its own taken: what leads back must name the state in this browser's cookie, and
        # one that was made here for this administrator, for a neighbour's page may set cookies for the whole domain.
        # And where Raken would consent unasked, `start` has asked first.
        state = self._sealed(secrets.token_urlsafe(24), admin)
        asked = {
            "response_type": "code",
            "client_id": self._settings.raken_client_id,
            "redirect_uri": self._leads_back(request, state),
            "state": state,
        }
        page = self._settings.raken_authorize_url
        response = RedirectResponse(f"{page}{'&' if '?' in page else '?'}{urlencode(asked)}", 303, HEADERS)
        response.set_cookie(COOKIE, state, LASTING, path=ROOT, **self._flags(request))
        return response

    async def _connected(self, request: Request, state: str, viewer: Viewer) -> Response:
        """Spends the code, if that is what Raken has answered."""
        code, error = (request.query_params.get(name) for name in ("code", "error"))
        if error is not None or not code:
            return self._failed(_denial(error), HTTPStatus.BAD_REQUEST)
        try:
            await self._keeper.connect(code, self._leads_back(request, state), viewer.subject)
        except ExtensionsUnavailable:
            return self._failed(
                "Postgres is away, so that a connection could not be kept. Try again when it is back.",
                HTTPStatus.SERVICE_UNAVAILABLE,
            )
        except RakenNotConnected as dead:
            return self._failed(f"{dead}.", HTTPStatus.BAD_REQUEST)
        except RakenError as away:
            return self._failed(f"{away}.", HTTPStatus.BAD_GATEWAY)
        _log.info("raken_connected", account=viewer.account.id)
        lead = "The gateway has new tokens, and every process of it uses them within a second."
        return _page("Raken is connected", lead, DATA[self._keeper.gives_data], ("Go to GraphiQL", HOME))

    def _failed(self, why: str, status: HTTPStatus) -> Response:
        _log.warning("raken_not_connected", reason=why)
        note = "Raken is connected as it was before." if self._keeper.connected else ""
        return _page("Raken was not connected", why, note, (AGAIN, START), status)

    def _leads_back(self, request: Request, state: str) -> str:
        """The redirect URI; the state is in its path, for Raken does not promise to give it back."""
        origin = self._settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
        return f"{origin}{BACK}/{state}"

    def _sealed(self, nonce: str, admin: Viewer) -> str:
        """A state that nobody else can make, of a text of its own and who is sent off with it."""
        key = self._settings.jwt_secret.get_secret_value().encode()
        seal = hmac.digest(key, f"raken-gateway connect {nonce} {admin.subject}".encode(), "sha256")
        return f"{nonce}.{seal.hex()}"

    def _state(self, request: Request, admin: Viewer) -> str | None:
        """The state that this browser was sent off with, if it is what leads back, and was made for who comes back."""
        state = _state(request)
        sealed = self._sealed(state.partition(".")[0], admin) if state else ""
        return state if state and secrets.compare_digest(state.encode(), sealed.encode()) else None

    def _flags(self, request: Request) -> Flags:
        return flags(request, secure=self._settings.https)


def _asks_first(request: Request) -> bool:
    """Whether it was asked for, or another site's page has led here (Fetch Metadata); old browsers do not say."""
    led = request.headers.get("sec-fetch-site", "none")
    return "confirm" in request.query_params or led not in ("none", "same-origin")


def _state(request: Request) -> str | None:
    """The state that this browser was sent off with, if it is what leads back: in the path, the query, or both."""
    kept = request.cookies.get(COOKIE)
    given = [request.path_params.get("state"), *request.query_params.getlist("state")]
    named = [one.encode() for one in given if one]
    if not kept or not named:
        return None
    return kept if all(secrets.compare_digest(one, kept.encode()) for one in named) else None


def _denial(error: str | None) -> str:
    if error is None:
        return "Raken led back here without a code."
    if error == "access_denied":
        return "Raken says that access was denied: nobody allowed the gateway to read."
    return f"Raken says {error if ERROR.fullmatch(error) else 'that something is wrong'}."


def _page(
    title: str, lead: str, note: str = "", link: tuple[str, str] = ("", ""), status: HTTPStatus = HTTPStatus.OK
) -> Response:
    text = filled("connect.html", title=title, lead=lead, note=note, link=link[0], href=link[1])
    return HTMLResponse(text, status, HEADERS)

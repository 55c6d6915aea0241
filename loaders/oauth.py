"""Raken's token endpoint over HTTP (RFC 6749).

The rule it keeps: what cannot be known to be unspent is taken for spent; and no token is ever in an error's words.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

import aiohttp
import msgspec

from loaders import wire
from loaders.clock import Clock
from loaders.errors import RakenNotConnected, RakenUnavailable
from loaders.tokens import SpentInVain, Tokens

MOST = 65536
"Bytes of a token answer."


class _Pair(msgspec.Struct):
    access_token: str
    refresh_token: str
    expires_in: float = 3600.0


class _Refusal(msgspec.Struct):
    error: str = ""


class OAuth:
    """The app's side of OAuth with Raken."""

    def __init__(self, token_url: str, client_id: str, client_secret: str, clock: Clock, timeout: float) -> None:
        """`timeout` is in seconds, a call."""
        self._url = token_url
        self._app = {"client_id": client_id, "client_secret": client_secret}
        self._clock = clock
        self._timeout = timeout

    async def renew(self, refresh_token: str) -> Tokens:
        """Spends a refresh token for a new pair.

        Raises:
            RakenNotConnected: the token is dead (invalid_grant).
            SpentInVain: there was no answer that can be used, and it may be spent.
            RakenUnavailable: it is not spent.
        """
        dead = "Raken takes the refresh token no more (invalid_grant); an administrator connects anew"
        return await self._call({"grant_type": "refresh_token", "refresh_token": refresh_token}, dead)

    async def exchange(self, code: str, redirect_uri: str) -> Tokens:
        """Spends a code that Raken gave an administrator for the first pair of a chain (RFC 6749, section 4.1.3).

        Raises:
            RakenNotConnected: the code is dead (invalid_grant).
            RakenUnavailable: there is no answer that can be used.
        """
        dead = "Raken does not take the code (invalid_grant): it is good once, and for a short time"
        return await self._call({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}, dead)

    async def _call(self, grant: Mapping[str, str], dead: str) -> Tokens:
        asked = self._clock.now()
        try:
            status, body = await self._post({**grant, **self._app})
        except aiohttp.ClientConnectorError:
            raise RakenUnavailable("Raken's token endpoint cannot be reached") from None
        except TimeoutError:
            raise SpentInVain(f"Raken's token endpoint did not answer within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise SpentInVain(f"Raken's token endpoint broke off: {type(error).__name__}") from None
        if status != HTTPStatus.OK:
            raise _refusal(status, body, dead)
        try:
            pair = msgspec.json.decode(body, type=_Pair, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise SpentInVain("expected a token pair from Raken's token endpoint, got something else") from None
        return Tokens(pair.access_token, pair.refresh_token, asked + timedelta(seconds=pair.expires_in))

    async def _post(self, form: Mapping[str, str]) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        # A session of its own: a kept connection that breaks would leave open whether the token is spent.
        async with (
            wire.session(1) as session,
            session.post(self._url, data=form, allow_redirects=False, timeout=timeout) as response,
        ):
            return response.status, await wire.body(response, MOST) or b""


def _refusal(status: int, body: bytes, dead: str) -> RakenNotConnected | RakenUnavailable:
    """What an answer other than 200 means; `dead` are the words for invalid_grant."""
    try:
        word = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        word = ""
    if word == "invalid_grant":
        return RakenNotConnected(dead)
    if word in ("invalid_client", "unauthorized_client"):
        return RakenUnavailable(f"Raken does not know this app ({word}): see RAKEN_CLIENT_ID and RAKEN_CLIENT_SECRET")
    message = f"expected 200 of Raken's token endpoint, got {status}"
    # A proxy in front of Raken says these two while Raken may go on.
    unknown = status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
    return SpentInVain(message) if unknown else RakenUnavailable(message)

"""Who somebody is: signing in with a local account, and what a token or cookie says.

One rule: where the token's subject is an account, the account's word holds: its role, and whether it is active.
"""

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from starlette.requests import Request

from loaders.accounts import Account, Accounts, Role
from loaders.clock import Clock
from loaders.errors import ExtensionsUnavailable, Unauthenticated
from resolvers.access import Viewer
from resolvers.context import SignedIn

COOKIE = "raken_gateway_session"
SESSION = timedelta(hours=12)
REMEMBERED = 10_000

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """The hash of nobody's password, so that an unknown email takes as long as a known one."""
    return _hasher.hash("nobody's")


def hashed(password: str) -> str:
    """A password's hash: argon2id with its own salt."""
    return _hasher.hash(password)


def _verified(hash_: str | None, password: str) -> bool:
    try:
        return _hasher.verify(hash_ or _nobody(), password) and hash_ is not None
    except (VerificationError, UnicodeEncodeError):
        return False


class Tokens:
    """Signs and reads the gateway's own tokens: HS256, by `JWT_SECRET`."""

    def __init__(self, secret: str, audience: str, clock: Clock) -> None:
        self._secret = secret
        self._audience = audience
        self._clock = clock

    def sign(self, subject: str, role: Role, lasting: timedelta) -> tuple[str, datetime]:
        """A token and its end."""
        ends = (self._clock.now() + lasting).replace(microsecond=0)
        claims: dict[str, Any] = {"sub": subject, "role": role.value, "exp": ends}
        if self._audience:
            claims["aud"] = self._audience
        return jwt.encode(claims, self._secret, algorithm="HS256"), ends

    def read(self, token: str) -> tuple[str, Role]:
        """The subject and role that a token claims.

        Raises:
            Unauthenticated: it is not a token of ours, has ended, or lacks a claim.
        """
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                audience=self._audience or None,
                options={"require": ["exp", "sub"], "verify_aud": bool(self._audience)},
            )
            return str(claims["sub"]), Role(claims.get("role"))
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("expected a token that has not ended; sign in again") from None
        except (jwt.InvalidTokenError, ValueError):
            raise Unauthenticated("expected a token of this gateway with sub, role and exp; got another") from None


class Doorkeeper:
    """Says who a request is from."""

    def __init__(self, accounts: Accounts, tokens: Tokens) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._remembered: OrderedDict[str, Account | None] = OrderedDict()

    async def viewer(self, request: Request) -> Viewer | None:
        """Who asks; None for a stranger.

        Raises:
            Unauthenticated: the credentials are wrong.
        """
        token = credentials(request)
        if token is None:
            return None
        subject, role = self._tokens.read(token)
        account = await self._account(subject)
        if account is None:
            return Viewer(subject, role, Account(subject, subject, subject, role, active=True))
        if not account.active:
            raise Unauthenticated("expected an active account; this one was deactivated")
        return Viewer(subject, account.role, account)

    async def _account(self, subject: str) -> Account | None:
        """The account of a subject; as last known where Postgres is away, so that Raken's data stays within reach."""
        try:
            account = await self._accounts.by_subject(subject)
        except ExtensionsUnavailable:
            return self._remembered.get(subject)
        self._remembered[subject] = account
        self._remembered.move_to_end(subject)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return account

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """A session for the account of an email.

        Raises:
            Unauthenticated: no such account, a wrong password, or a deactivated account; which one is not said.
            ExtensionsUnavailable: Postgres is away.
        """
        hash_ = await self._accounts.password_hash(email)
        right = await asyncio.to_thread(_verified, hash_, password)
        account = await self._accounts.by_subject(email) if right else None
        if account is None or not account.active:
            raise Unauthenticated("expected the email and password of an active account")
        token, ends = self._tokens.sign(account.id, account.role, SESSION)
        return SignedIn(token, ends, account)


def credentials(request: Request) -> str | None:
    """The token that a request carries: in `Authorization`, else in the session cookie.

    Raises:
        Unauthenticated: an `Authorization` that is not `Bearer`.
    """
    header = request.headers.get("authorization")
    if header is None:
        return request.cookies.get(COOKIE)
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("expected Authorization: Bearer and a token")
    return token.strip()

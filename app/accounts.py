"""Who somebody is: signing in with a local account, and what a token or cookie says.

One rule: where the token's subject is an account, the account's word holds: its role, whether it is active, and which
of its sessions have ended.
"""

import asyncio
import math
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import jwt
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.requests import Request

from app.caller import CALLER
from app.provider import Provider
from loaders.accounts import Account, Accounts, Role
from loaders.attempts import Attempts
from loaders.clock import Clock
from loaders.errors import ExtensionsUnavailable, RateLimited, Unauthenticated
from resolvers.access import Viewer
from resolvers.context import SignedIn

COOKIE = "raken_gateway_session"
SESSION = timedelta(hours=12)
REMEMBERED = 10_000

ABREAST = 2
"Passwords that are checked at once: each takes 64 MiB, and a core for as long as it lasts."
AT_ONCE = 20
"Sign-ins under way, those counted that wait for their turn: the last of them waits a second or so."

_ANOTHER = "expected a token of this gateway with sub, role and exp; got another"
_hasher = PasswordHasher()
_log = structlog.get_logger("accounts")


def hashed(password: str) -> str:
    """A password's hash: argon2id with its own salt."""
    return _hasher.hash(password)


@cache
def _nobodys() -> str:
    """The hash of a password that nobody knows, so that an unknown email takes as long as a known one."""
    return hashed(secrets.token_hex(32))


def _verified(hash_: str | None, password: str) -> bool:
    nobodys = _nobodys()
    try:
        return _hasher.verify(hash_ or nobodys, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


class Claims(NamedTuple):
    """What a token says of who shows it; the account's word is not in it yet."""

    subject: str
    role: Role
    session: int | None = None
    "The account's `session_number` when this session began; None: it is no session that a password has begun."


class Tokens:
    """Signs the gateway's own tokens, HS256 by `JWT_SECRET`, and reads them and those of an identity provider."""

    def __init__(self, secret: str, audience: str, clock: Clock) -> None:
        self._secret = secret
        self._audience = audience
        self._clock = clock

    def sign(self, subject: str, role: Role, lasting: timedelta, session: int | None = None) -> tuple[str, datetime]:
        """A token and its end; with a number it is a session, which ends with the account's others."""
        ends = (self._clock.now() + lasting).replace(microsecond=0)
        # An id of its own, so that no two are the same, however soon they follow each other (RFC 7519, section 4.1.7).
        claims: dict[str, Any] = {"sub": subject, "role": role.value, "exp": ends, "jti": secrets.token_urlsafe(12)}
        if self._audience:
            claims["aud"] = self._audience
        if session is not None:
            claims["session_number"] = session
        return jwt.encode(claims, self._secret, algorithm="HS256"), ends

    def read(self, token: str, key: jwt.PyJWK | None = None) -> Claims:
        """What a token claims; it is signed by `key` where there is one, else by `JWT_SECRET`.

        Raises:
            Unauthenticated: it is signed by another key, has ended, or lacks a claim.
        """
        now = self._clock.now().timestamp()
        try:
            claims = jwt.decode(
                token,
                key or self._secret,
                # The key says how it signs; a token that says otherwise is refused (RFC 8725, section 3.1).
                algorithms=[key.algorithm_name if key else "HS256"],
                audience=self._audience or None,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": bool(self._audience),
                    # PyJWT asks the machine what time it is; the clock that signs is the one that reads.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            begins = max((_instant(claims, name) for name in ("nbf", "iat") if name in claims), default=now)
            ends, subject, role = _instant(claims, "exp"), claims["sub"], Role(claims.get("role"))
        except (jwt.InvalidTokenError, ValueError, OverflowError):
            raise Unauthenticated(_ANOTHER) from None
        if ends <= now:
            raise Unauthenticated("expected a token that has not ended; sign in again")
        if begins > now or not subject:
            raise Unauthenticated(_ANOTHER)
        session = claims.get("session_number")
        return Claims(subject, role, session if isinstance(session, int) else None)


def _instant(claims: dict[str, Any], name: str) -> float:
    """When a claim says, in seconds since 1970, as ValueError where it says nothing of the kind."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a number of seconds in {name}")
    return value


class Doorkeeper:
    """Says who a request is from."""

    def __init__(
        self,
        accounts: Accounts,
        tokens: Tokens,
        provider: Provider,
        attempts: Attempts,
        *,
        origins: Iterable[str] = (),
        https: bool = False,
    ) -> None:
        """`origins` are of pages, beside the gateway's own, whose requests a cookie may sign in.

        `https`: people come by it, and a page that did not is none of its own.
        """
        self._accounts = accounts
        self._tokens = tokens
        self._provider = provider
        self._attempts = attempts
        self._origins = frozenset(origins)
        self._https = https
        self._turns = asyncio.Semaphore(ABREAST)
        self._signing_in = 0
        self._remembered: OrderedDict[str, Account | None] = OrderedDict()

    async def viewer(self, request: Request) -> Viewer:
        """Who asks.

        Raises:
            Unauthenticated: the credentials are wrong, or there are none.
        """
        subject, role, session = await self.claims(request)
        try:
            account = await self._account(subject, role)
        except ExtensionsUnavailable:
            # It may be an account's, of another role.
            return Viewer(subject, Role.VIEWER, _anybody(subject, Role.VIEWER), claimed=role)
        if not account.active:
            raise Unauthenticated("expected an active account; this one was deactivated")
        if session is not None and session < account.session_number:
            raise Unauthenticated("expected a session that goes on; this one was ended, sign in again")
        return Viewer(subject, account.role, account)

    async def claims(self, request: Request) -> Claims:
        """What a request's token claims.

        Raises:
            Unauthenticated: the credentials are wrong, or there are none.
        """
        state: dict[str, Any] = request.scope.setdefault("state", {})
        if "claims" not in state:
            token = self._credentials(request)
            state["claims"] = self._tokens.read(token, await self._provider.key(token))
        claims: Claims = state["claims"]
        return claims

    async def heard(self, id_: str) -> None:
        """An account was changed, any where none is named: what is remembered of it is what Postgres now says."""
        known = {
            subject: account.id
            for subject, account in self._remembered.items()
            if account is not None and id_ in ("", account.id)
        }
        found = await self._accounts.many(list(known.values()))
        self._remembered.update((subject, found.get(known_id)) for subject, known_id in known.items())

    async def _account(self, subject: str, role: Role) -> Account:
        """The account of a subject, or one of the role that its token claims.

        Where Postgres is away it is as last known, so that Raken's data stays within reach.

        Raises:
            ExtensionsUnavailable: and nothing is known.
        """
        try:
            account = await self._accounts.by_subject(subject)
        except ExtensionsUnavailable:
            if subject not in self._remembered:
                raise
            account = self._remembered[subject]
        else:
            self._remember(subject, account)
        return account or _anybody(subject, role)

    def _remember(self, subject: str, account: Account | None) -> None:
        self._remembered[subject] = account
        self._remembered.move_to_end(subject)
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    def _credentials(self, request: Request) -> str:
        """The token that a request carries: in `Authorization`, else in the session cookie."""
        header = request.headers.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated("expected Authorization: Bearer and a token")
            return token.strip()
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            raise Unauthenticated("expected Authorization: Bearer and a token; sign in first")
        self.check_origin(request)
        return cookie

    def check_origin(self, request: Request) -> None:
        """Lets pass what no page sends, or one that may.

        Raises:
            Unauthenticated: another site's page sends it.
        """
        origin = request.headers.get("origin")
        foreign = _foreign(request) if origin is None else not self._ours(origin, request.headers.get("host"))
        if foreign:
            raise Unauthenticated("expected a request of this site's own pages, got one of another site")

    def _ours(self, origin: str, host: str | None) -> bool:
        scheme, _, name = origin.partition("://")
        return origin in self._origins or (name == host and (scheme == "https" or not self._https))

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """A session for the account of an email.

        Raises:
            Unauthenticated: no such account, a wrong password, or a deactivated account; which one is not said.
            RateLimited: too many sign in at once, or have failed before.
            ExtensionsUnavailable: Postgres is away.
        """
        with self._one_more():
            attempt = await self._attempts.begin(email, CALLER.get())
            try:
                account = await self._checked(email, password)
            except Unauthenticated:
                raise
            except Exception:
                with suppress(ExtensionsUnavailable):
                    await self._attempts.void(attempt)
                raise
            await self._attempts.right(attempt)
        return self._begun(account)

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        """Counts who is signing in, and says who may not yet."""
        self._signing_in += 1
        try:
            self._check_crowd()
            yield
        except RateLimited as limited:
            _log.warning("sign_in_limited", address=CALLER.get(), wait=limited.wait)
            raise
        finally:
            self._signing_in -= 1

    def _check_crowd(self) -> None:
        if self._signing_in > AT_ONCE:
            raise RateLimited(f"expected {AT_ONCE} sign-ins at once at most, got more; try again in a moment")

    async def _checked(self, email: str, password: str) -> Account:
        known, hash_ = await self._accounts.secret(email) or (None, None)
        async with self._turns:
            right = await asyncio.to_thread(_verified, hash_, password)
        if known is None or not right or not known.active:
            _log.warning("sign_in_refused")
            raise Unauthenticated("expected the email and password of an active account")
        return known

    def _begun(self, account: Account) -> SignedIn:
        """A session, under the number that was read with the password's hash: a later password ends it."""
        _log.info("signed_in", account=account.id)
        token, ends = self._tokens.sign(account.id, account.role, SESSION, account.session_number)
        return SignedIn(token, ends, account)


def _anybody(subject: str, role: Role) -> Account:
    """What a subject without an account is shown as."""
    return Account(subject, subject, subject, role, active=True)


def _foreign(request: Request) -> bool:
    """Whether another site's page sends what has no `Origin` (Fetch Metadata), and not by a link that leads here."""
    site, mode = (request.headers.get(f"sec-fetch-{name}") for name in ("site", "mode"))
    led = request.method in ("GET", "HEAD") and mode in (None, "navigate")
    return site in ("cross-site", "same-site") and not led

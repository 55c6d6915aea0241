"""Access and refresh tokens: which are good, which follow which, which are dead.

The rule: a refresh token is spent by its use; what that means is the switch `rotated_refresh`.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.clock import Clock
from sandbox.switches import Switches

REFRESH_TOKEN_LIFE = timedelta(days=180)
CODE_LIFE = timedelta(minutes=1)


class InvalidGrant(Exception):
    """A code or refresh token that is good for nothing (RFC 6749, section 5.2)."""


@dataclass
class Chain:
    """The tokens that follow from one consent."""

    live: set[str] = field(default_factory=set)
    access: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Grant:
    """A pair of new tokens."""

    access_token: str
    refresh_token: str


class Tokens:
    """All tokens of this process; `only` is the one refresh token from outside that starts a chain, None any."""

    def __init__(self, clock: Clock, expires_in: int, only: str | None = None) -> None:
        self._clock = clock
        self._expires_in = expires_in
        self._only = only
        self._codes: dict[str, datetime] = {}  # until when
        self._chains: dict[str, tuple[Chain, datetime]] = {}  # by refresh token, live or spent: until when
        self._access: dict[str, datetime] = {}  # until when

    def code(self) -> str:
        """A code that can be exchanged once, within a minute."""
        code = secrets.token_urlsafe(16)
        self._codes[code] = self._clock.now() + CODE_LIFE
        return code

    def exchange(self, code: str) -> Grant:
        """The first tokens of a chain.

        Raises:
            InvalidGrant: the code is not one of ours, was used, or is too old.
        """
        until = self._codes.pop(code, None)
        if until is None or until <= self._clock.now():
            raise InvalidGrant("The code is unknown, expired or was used.")
        return self._grant(Chain())

    def refresh(self, token: str, switches: Switches) -> Grant:
        """The next tokens of a chain.

        Raises:
            InvalidGrant: the refresh token is dead, or is none.
        """
        chain, until = self._chains.get(token, (None, self._clock.now() + REFRESH_TOKEN_LIFE))
        if chain is None:
            chain = self._started(token)
        if token not in chain.live or until <= self._clock.now():
            self._reused(chain, switches)
            raise InvalidGrant("The refresh token is expired, revoked or was used.")
        if switches.rotated_refresh != "lives":
            chain.live.discard(token)
        return self._grant(chain)

    def mint(self) -> str:
        """An access token without any grant, to try things with."""
        return self._grant(Chain()).access_token

    def good(self, access_token: str) -> bool:
        """Whether an access token is one of ours, and not expired."""
        return self._access.get(access_token, datetime.min.replace(tzinfo=self._clock.now().tzinfo)) > self._clock.now()

    def expired(self, access_token: str) -> bool:
        """Whether an access token was good once."""
        return access_token in self._access and not self.good(access_token)

    def expire(self) -> None:
        """Ends every access token."""
        self._access = dict.fromkeys(self._access, self._clock.now())

    def revoke(self) -> None:
        """Ends every access token, and every refresh token that is known."""
        self.expire()
        for chain, _ in self._chains.values():
            chain.live.clear()

    def _started(self, token: str) -> Chain:
        if not token or self._only not in (None, token):
            raise InvalidGrant("The refresh token is unknown.")
        chain = Chain(live={token})
        self._chains[token] = (chain, self._clock.now() + REFRESH_TOKEN_LIFE)
        return chain

    def _reused(self, chain: Chain, switches: Switches) -> None:
        if switches.rotated_refresh == "revokes":
            chain.live.clear()
            self._access |= dict.fromkeys(chain.access, self._clock.now())

    def _grant(self, chain: Chain) -> Grant:
        grant = Grant(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        now = self._clock.now()
        chain.live.add(grant.refresh_token)
        chain.access.add(grant.access_token)
        self._chains[grant.refresh_token] = (chain, now + REFRESH_TOKEN_LIFE)
        self._access[grant.access_token] = now + timedelta(seconds=self._expires_in)
        return grant

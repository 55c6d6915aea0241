"""The keeper of the token: has one that Raken takes, as long as that is possible.

The rule it keeps: a token is renewed by one flight, a little before its end or once after Raken has rejected it;
what does not help is not repeated at once.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from loaders.backoff import pause
from loaders.clock import Clock
from loaders.errors import ExtensionsUnavailable, RakenError, RakenNotConnected, RakenUnavailable
from loaders.tokens import Renewal, SpentInVain, TokenEndpoint, Tokens, TokenVault

EARLY = timedelta(seconds=60)
"How long before its end a token is renewed; a tenth of its life where that is less."
LOOK_AGAIN = 5.0
"Seconds until the vault is looked into again for a new chain."
FAILED = {"first": 1.0, "longest": 30.0}
"Seconds until renewing is tried again after a failure."
REJECTED = {"first": 60.0, "longest": 3600.0}
"The same, after Raken has rejected a token that was just renewed."
_log = structlog.get_logger(__name__)


class TokenKeeper:
    """The token of this process, renewed for all processes through the vault."""

    def __init__(self, vault: TokenVault, endpoint: TokenEndpoint, clock: Clock, jitter: Callable[[], float]) -> None:
        """`jitter` gives 0 to 1."""
        self._vault = vault
        self._endpoint = endpoint
        self._clock = clock
        self._jitter = jitter
        self.adopted_at = float("-inf")
        "When this process last got a token, on the monotonic clock."
        self._held: Tokens | None = None
        self._seen: str | None = None
        self._due: datetime | None = None
        self._unsaved: tuple[str, Tokens] | None = None
        self._flight: asyncio.Task[RakenError | None] | None = None
        self._chained = False
        self._data: bool | None = None
        # Why there is no token, until when that is not questioned, and after how many failures in a row.
        self._reason: Callable[[], RakenError] = RakenNotConnected
        self._until = float("-inf")
        self._failures = 0
        self._told: str | None = None
        # The token that Raken has rejected, the one that was got for it, and the one got for a 403.
        self._rejected: str | None = None
        self._replacement: str | None = None
        self._after_403: str | None = None
        self._rejections = 0

    @property
    def connected(self) -> bool:
        """Whether there is a token chain that Raken takes, as far as is known."""
        return self._chained and not self._rejections

    @property
    def gives_data(self) -> bool | None:
        """Whether Raken's data was open to the app when it was last asked for; None: it has not been asked for."""
        return self._data

    @property
    def expires_at(self) -> datetime | None:
        """When the access token ends, in UTC."""
        return self._held.expires_at if self._held is not None and self._held.access_token else None

    def standing(self) -> RakenError | None:
        """Why there is no token, as far as is known; after a while that is questioned again."""
        return None if self._usable(self._held) is not None or not self._paused() else self._reason()

    async def token(self) -> str:
        """An access token that has not ended, and was not rejected.

        Raises:
            RakenNotConnected: there is no chain, or it is dead.
            RakenUnavailable: the token endpoint, or Postgres, is away.
        """
        held = self._usable(self._held)
        if held is not None:
            if self._due is not None and self._clock.now() >= self._due and not self._paused():
                self._start()
            return held.access_token
        if self._paused():
            raise self._reason()
        return await self._renewed()

    async def after_401(self, token: str) -> str | None:
        """Another token than this one, which Raken has rejected; None where this one was itself such another."""
        if token == self._replacement:
            self._distrust(token)
            return None
        if self._held is None or self._held.access_token == token:
            self._rejected = token
        return await self.token()

    async def after_403(self, token: str) -> str | None:
        """Another token than this one, to which Raken has said 403; None where another does not help."""
        self._data = False
        if self._held is not None and self._held.access_token != token:
            return await self.token()
        if token in (self._after_403, self._replacement) or self._paused():
            return None
        try:
            self._after_403 = await self._renewed()
        except RakenError:
            return None
        return self._after_403

    def worked(self, token: str) -> None:
        """Raken has taken a token."""
        self._data = True
        if token == self._replacement:
            self._rejected = self._replacement = None
            self._rejections = 0

    async def connect(self, code: str, redirect_uri: str, actor: str) -> None:
        """Starts a new chain with a code that Raken gave an administrator, whatever became of the old one.

        Raises:
            RakenNotConnected: the code is dead.
            RakenUnavailable: no pair came for it.
            ExtensionsUnavailable: Postgres is away; if it was when asked, the code is not spent.
        """
        await self._vault.ready()
        tokens = await self._endpoint.exchange(code, redirect_uri)
        await self._vault.connect(tokens, actor)
        self._take(tokens)

    async def heard(self, _key: str) -> None:
        """Looks into the vault, where another process may have stored tokens; those seen before change nothing."""
        seen = self._seen
        try:
            stored = await self._vault.load()
        except (RakenNotConnected, ExtensionsUnavailable):
            return
        if stored.refresh_token == seen or self._seen != seen:
            return
        if self._usable(stored) is not None:
            self._take(stored)
        elif self._usable(self._held) is None:
            self._until = float("-inf")

    async def close(self) -> None:
        """Waits for a renewal that is under way, for a token that is spent and not stored is lost."""
        if self._flight is not None:
            await asyncio.wait({self._flight})

    def _take(self, tokens: Tokens) -> None:
        """Uses the tokens of another chain at once; what was known against the former one is forgotten."""
        self._rejected = self._replacement = self._after_403 = None
        self._rejections = 0
        self._adopt(tokens)

    def _usable(self, tokens: Tokens | None) -> Tokens | None:
        """The tokens, if the access token is there, has not ended and was not rejected."""
        if tokens is None or tokens.access_token in ("", self._rejected) or tokens.expires_at <= self._clock.now():
            return None
        return tokens

    def _paused(self) -> bool:
        return self._clock.monotonic() < self._until

    def _distrust(self, token: str) -> None:
        """Notes that a token which was got for a rejected one is rejected too: yet another would not help."""
        if token == self._rejected:
            return
        self._rejected = token
        self._rejections += 1
        self._pause(
            lambda: RakenNotConnected("Raken says 401, to a token too that was just renewed"),
            pause(self._rejections, self._jitter(), **REJECTED),
        )

    def _pause(self, reason: Callable[[], RakenError], seconds: float) -> None:
        self._reason = reason
        self._until = self._clock.monotonic() + seconds

    def _start(self) -> "asyncio.Task[RakenError | None]":
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._fly())
        return self._flight

    async def _renewed(self) -> str:
        """Waits for the one flight, and answers the access token that it brought."""
        # One that gives up waiting must not end the flight for the others.
        error = await asyncio.shield(self._start())
        if error is not None or self._held is None:
            raise error or self._reason()
        return self._held.access_token

    async def _fly(self) -> RakenError | None:
        held = self._held
        try:
            tokens = await self._other() or await self._renew()
        except (RakenError, ExtensionsUnavailable) as error:
            # Where another chain was taken meanwhile, this is a failure of the former one.
            return self._failed(error) if self._held is held else None
        if self._held is held:
            self._adopt(tokens)
        return None

    def _failed(self, error: RakenError | ExtensionsUnavailable) -> RakenError:
        self._failures += 1
        if isinstance(error, RakenNotConnected):
            self._chained = False
            message = str(error)
            self._pause(lambda: RakenNotConnected(message), LOOK_AGAIN)
        else:
            message = f"Raken's token could not be renewed: {error}"
            self._pause(lambda: RakenUnavailable(message), pause(self._failures, self._jitter(), **FAILED))
        if message != self._told:
            _log.warning("raken_token_not_renewed", error=message)
        self._told = message
        return self._reason()

    def _adopt(self, tokens: Tokens) -> None:
        now = self._clock.now()
        self.adopted_at = self._clock.monotonic()
        self._held = tokens
        self._seen = tokens.refresh_token
        self._told = None
        self._due = tokens.expires_at - min(EARLY, (tokens.expires_at - now) / 10)
        self._until = float("-inf")
        self._failures = 0
        self._chained = True
        if self._rejected is not None:
            self._replacement = tokens.access_token

    async def _other(self) -> Tokens | None:
        """The stored pair, if that is a usable one which another process has got."""
        try:
            stored = await self._vault.load()
        except RakenNotConnected:
            # A pair that waits to be stored is a chain too.
            self._chained = self._unsaved is not None
            if not self._chained:
                raise
            return None
        self._seen = stored.refresh_token
        self._chained = True
        return self._news(stored)

    def _news(self, stored: Tokens) -> Tokens | None:
        known = self._held is not None and stored.access_token == self._held.access_token
        return None if known else self._usable(stored)

    async def _renew(self) -> Tokens:
        async with self._vault.renewal() as renewal:
            stored = renewal.tokens
            if self._unsaved is not None and (stored is None or stored.refresh_token == self._unsaved[0]):
                return await self._save(renewal, *self._unsaved)
            self._unsaved = None
            if stored is None:
                raise RakenNotConnected("the token chain has ended meanwhile; an administrator connects it anew")
            news = self._news(stored)
            if news is not None:
                return news
            await renewal.intend()
            return await self._save(renewal, stored.refresh_token, await self._spend(renewal, stored))

    async def _spend(self, renewal: Renewal, stored: Tokens) -> Tokens:
        try:
            return await self._endpoint.renew(stored.refresh_token)
        except RakenNotConnected as error:
            await renewal.forget(str(error))
            raise
        except SpentInVain:
            raise
        except RakenUnavailable:
            await renewal.withdraw()
            raise

    async def _save(self, renewal: Renewal, spent: str, fresh: Tokens) -> Tokens:
        """Stores a new pair, and keeps it until that has succeeded: the old one is worth nothing any more."""
        self._unsaved = (spent, fresh)
        await renewal.store(fresh)
        self._unsaved = None
        _log.info("raken_token_renewed", expires_at=fresh.expires_at.isoformat())
        return fresh

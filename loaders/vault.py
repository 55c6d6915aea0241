"""Raken's tokens in Postgres: one row for all processes, encrypted.

The rule it keeps: whoever changes the row names the pair that it read, so that a process that was thought dead puts
nothing over a newer pair; only an administrator who connects anew need not. And a pair that Raken has given is stored
even if Postgres is gone for half a minute.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import msgspec
import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from loaders.audit import audit
from loaders.clock import Sleep
from loaders.errors import ExtensionsUnavailable, RakenNotConnected, RakenUnavailable
from loaders.inputs import UNSTORABLE
from loaders.postgres import COORDINATING, Postgres
from loaders.tokens import Tokens

INTENT_SECONDS = 60
"The hard time-out of a note: how long the others wait for a process that said it would spend the token."
PATIENCE_SECONDS = 15
"How long `renewal` waits for the process that renews."
_STORE_TRIES = 30
_STORE_PAUSE_SECONDS = 1.0
_LOCK = 7_253_611_905
_NEVER = datetime.fromtimestamp(0, UTC)
_REASON_CHARACTERS = 200

_ALONE = f"""
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = '{2 * INTENT_SECONDS}s';
    SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s';
"""
_READ = "SELECT pair, seeds, dead_reason FROM raken_tokens"
_TRY = "SELECT FROM raken_tokens FOR UPDATE"  # refused where Postgres can only be read
_ADOPT = """
    UPDATE raken_tokens SET pair = $1, seeds = seeds || $2::text, intended_at = NULL, dead_reason = NULL
    WHERE $2 <> ALL (seeds)
"""
_INTEND = """
    UPDATE raken_tokens SET intended_at = clock_timestamp()
    WHERE pair IS NOT DISTINCT FROM $1
    AND (intended_at IS NULL OR intended_at < clock_timestamp() - $2 * interval '1 second')
    RETURNING intended_at
"""
_WITHDRAW = "UPDATE raken_tokens SET intended_at = NULL WHERE intended_at = $1"
# A second try may find what the first one stored before its answer was lost; and any pair is better than none.
_STORE = """
    UPDATE raken_tokens SET pair = $2, intended_at = NULL, dead_reason = NULL, stored_at = clock_timestamp()
    WHERE pair IS NULL OR pair IN ($1, $2)
    RETURNING pair
"""
# Not held against what was read, for what an administrator brings wins. A second try may find what the first one
# stored. The seed is spent by this too, else it would seem new and replace the chain.
_CONNECT = """
    UPDATE raken_tokens SET pair = $1, intended_at = NULL, dead_reason = NULL, stored_at = clock_timestamp(),
        seeds = seeds || ARRAY(SELECT seed FROM unnest($2::text[]) AS seed WHERE seed <> ALL (seeds))
    WHERE pair IS DISTINCT FROM $1
    RETURNING true, pg_notify('raken_gateway', 'tokens')
"""
_FORGET = """
    UPDATE raken_tokens SET pair = NULL, intended_at = NULL, dead_reason = $2 WHERE pair IS NOT DISTINCT FROM $1
"""

_NOT_CONNECTED = "there is no token that Raken takes; an administrator connects it anew"
_UNDECRYPTABLE = "none of TOKEN_KEYS decrypts Raken's stored tokens; give back the former key, or connect anew"
_log = structlog.get_logger(__name__)


class Cipher:
    """Encrypts with the first of the keys, decrypts with any; a key is any text."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys])
        self._told: bytes | None = None

    def encrypt(self, tokens: Tokens) -> bytes:
        """The pair, unreadable; another text each time."""
        return self._fernet.encrypt(msgspec.json.encode(tokens))

    def decrypt(self, pair: bytes) -> Tokens | None:
        """The pair; None where none of the keys fits."""
        try:
            return msgspec.json.decode(self._fernet.decrypt(pair), type=Tokens)
        except (InvalidToken, msgspec.MsgspecError):
            if pair != self._told:
                _log.warning("raken_tokens_undecryptable")
            self._told = pair
            return None


class PostgresTokenVault:
    """The vault that all processes share; `seed` is RAKEN_REFRESH_TOKEN, which starts a chain if it is a new one."""

    def __init__(self, postgres: Postgres, keys: Sequence[str], seed: str | None, sleep: Sleep) -> None:
        self._postgres = postgres
        self._cipher = Cipher(keys)
        self._seed = seed
        self._sleep = sleep

    async def load(self) -> Tokens:
        """The newest pair.

        Raises:
            RakenNotConnected: there is no chain, it is dead, or it cannot be decrypted; the message says which.
            ExtensionsUnavailable: Postgres is away.
        """
        row = await self._row()
        if self._seed and _hashed(self._seed) not in row["seeds"]:
            return _start(self._seed)
        if row["pair"] is None:
            raise RakenNotConnected(row["dead_reason"] or _NOT_CONNECTED)
        tokens = self._cipher.decrypt(row["pair"])
        if tokens is None:
            raise RakenNotConnected(_UNDECRYPTABLE)
        return tokens

    @asynccontextmanager
    async def renewal(self) -> AsyncIterator["PostgresRenewal"]:
        """Waits for the exclusive right to renew, and gives it back at the end.

        Raises:
            RakenUnavailable: another process has held it for too long.
            ExtensionsUnavailable: Postgres is away.
        """
        right = AsyncExitStack()
        try:
            await right.enter_async_context(self._alone())
            await self._adopt()
            pair = (await self._row())["pair"]
            tokens = None if pair is None else self._cipher.decrypt(pair)
            yield PostgresRenewal(self._postgres, self._cipher, self._sleep, tokens, pair)
        finally:
            # Closed without what went wrong inside, which was Raken; and a lost connection has lost the lock.
            with suppress(ExtensionsUnavailable):
                await right.aclose()

    async def ready(self) -> None:
        """Makes sure that a pair could be stored now.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        async with self._postgres.asking(COORDINATING) as connection, connection.transaction():
            await connection.execute(_TRY)

    async def connect(self, tokens: Tokens, actor: str) -> None:
        """Stores the first pair of a new chain, whatever stands there, and writes down who has connected it.

        Raises:
            ExtensionsUnavailable: Postgres is away, and was for half a minute.
        """
        pair, seeds = self._cipher.encrypt(tokens), [_hashed(self._seed)] if self._seed else []

        async def put() -> None:
            async with self._postgres.asking() as connection, connection.transaction():
                if await connection.fetchval(_CONNECT, pair, seeds):
                    await audit(connection, actor, "connect_raken", "raken")

        await _insisted(put, self._sleep)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        # The lock lasts as long as this transaction, in which nothing is written: so it cannot be left behind.
        async with self._postgres.asking() as connection, connection.transaction():
            await connection.execute(_ALONE)
            try:
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=2 * PATIENCE_SECONDS)
            except asyncpg.LockNotAvailableError:
                raise RakenUnavailable("another process is renewing Raken's token for too long") from None
            yield

    async def _adopt(self) -> None:
        if not self._seed:
            return
        async with self._postgres.asking() as connection:
            await connection.execute(_ADOPT, self._cipher.encrypt(_start(self._seed)), _hashed(self._seed))

    async def _row(self) -> asyncpg.Record:
        async with self._postgres.asking(COORDINATING) as connection:
            row = await connection.fetchrow(_READ)
        if row is None:
            raise LookupError("expected the one row of raken_tokens, got none: it was deleted by hand")
        return row


@dataclass(slots=True)
class PostgresRenewal:
    """The exclusive right to spend the refresh token; each step is committed by itself."""

    postgres: Postgres
    cipher: Cipher
    sleep: Sleep
    tokens: Tokens | None
    "As stored now: another process may have renewed meanwhile."
    pair: bytes | None
    "The same, as it stands in Postgres."
    intended_at: datetime | None = None

    async def intend(self) -> None:
        """Notes durably that the refresh token is about to be spent.

        Raises:
            RakenUnavailable: an earlier note was neither answered nor withdrawn, and its hard time-out has not passed.
            ExtensionsUnavailable: Postgres is away.
        """
        async with self.postgres.asking() as connection:
            self.intended_at = await connection.fetchval(_INTEND, self.pair, INTENT_SECONDS)
        if self.intended_at is None:
            raise RakenUnavailable(
                f"another process may have spent Raken's refresh token; it is waited for, {INTENT_SECONDS} s at most"
            )

    async def withdraw(self) -> None:
        """Takes the note back: the token call is over, and spent nothing (refused, 5xx)."""
        async with self.postgres.asking() as connection:
            await connection.execute(_WITHDRAW, self.intended_at)

    async def store(self, tokens: Tokens) -> None:
        """Stores the new pair durably, and clears the note; while Postgres is away it is tried for half a minute.

        Raises:
            RakenUnavailable: another process has stored a newer pair meanwhile.
            ExtensionsUnavailable: Postgres is away for longer.
        """
        pair = self.cipher.encrypt(tokens)
        await _insisted(lambda: self._put(tokens, pair), self.sleep)

    async def forget(self, reason: str) -> None:
        """Marks the chain as dead and clears the note, unless a newer pair is there; `load` then says so."""
        told = UNSTORABLE.sub("\ufffd", reason)[:_REASON_CHARACTERS]
        async with self.postgres.asking() as connection:
            await connection.execute(_FORGET, self.pair, told)

    async def _put(self, tokens: Tokens, pair: bytes) -> None:
        async with self.postgres.asking() as connection:
            stored = await connection.fetchval(_STORE, self.pair, pair)
        if stored is None:
            raise RakenUnavailable("another process has stored a newer pair of Raken's tokens meanwhile")
        self.tokens, self.pair = tokens, pair


async def _insisted(put: Callable[[], Awaitable[None]], sleep: Sleep) -> None:
    """Stores, and tries for half a minute while Postgres is away."""
    for _ in range(_STORE_TRIES - 1):
        with suppress(ExtensionsUnavailable):
            return await put()
        await sleep(_STORE_PAUSE_SECONDS)
    return await put()


def _derived(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"raken-gateway raken_tokens")
    return urlsafe_b64encode(derived.derive(key.encode()))


def _hashed(seed: str) -> str:
    # Not keyed: with other TOKEN_KEYS, a seed long spent would look new and be spent again. It is random enough.
    return hashlib.sha256(b"raken-gateway seed " + seed.encode()).hexdigest()


def _start(seed: str) -> Tokens:
    return Tokens(access_token="", refresh_token=seed, expires_at=_NEVER)

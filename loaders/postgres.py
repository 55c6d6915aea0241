"""The way to Postgres: one pool, opened on first use.

The rule it keeps: that Postgres is away is said by `asking`, as ExtensionsUnavailable, and nowhere else; and once
one reader could not connect, the next ones are told at once, while one a second tries again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg
import structlog
from asyncpg.connection import LoggedQuery
from asyncpg.pool import PoolConnectionProxy

from loaders.clock import Clock
from loaders.errors import ExtensionsUnavailable
from loaders.patience import patient

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # generic in its stubs only
"What a statement is sent on."
OnStatement = Callable[[str, float], None]
"Told of each statement: its text, and the seconds it took."

COORDINATING = 0.5
"Seconds of patience with what coordinates, and with reads: past them a silent Postgres is one that is away."
_CONNECT_SECONDS = 0.75
_STATEMENT_SECONDS = 2
_HUNG_SECONDS = 2.5  # past Postgres' own limit: it does not even say that it gave up
_TURN_SECONDS = 30.0  # how long one waits for the others' connections: a crowd is no outage
_PAUSE_SECONDS = 1.0
_CLOSE_SECONDS = 5.0
_NAME = "raken-gateway"

# Sent after connecting, and not with it: a pooler refuses start-up parameters that it does not know.
_LIMITS = (
    f"SET statement_timeout = '{_STATEMENT_SECONDS}s'; SET idle_in_transaction_session_timeout = '{_CLOSE_SECONDS}s'"
)

_AWAY = (
    OSError,  # refused, reset, no such host, TLS, time-out
    asyncpg.InterfaceError,  # the connection, or the pool, was closed under us
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, the statement's time-out
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,  # a replica, after a switch
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresSystemError,
)

_tries: ContextVar[bool] = ContextVar("tries", default=False)
"Whether the one who asks is the one that tries a Postgres which was away."
_log = structlog.get_logger(__name__)


@contextmanager
def translated() -> Iterator[None]:
    """Turns what asyncpg raises when Postgres is away into ExtensionsUnavailable."""
    try:
        yield
    except _AWAY as error:
        if isinstance(error, asyncpg.ClientConfigurationError):  # a DSN that is none
            raise
        raise ExtensionsUnavailable("Postgres is away: ASR's own data cannot be read or written now") from error


class Postgres:
    """A pool of connections, as long as its context lasts; entering it does not yet connect."""

    def __init__(self, dsn: str, clock: Clock, *, size: int = 10, on_statement: OnStatement | None = None) -> None:
        self._clock = clock
        self._on_statement = on_statement
        self._away_until: float | None = None
        self._pool = asyncpg.create_pool(
            dsn,
            min_size=0,
            max_size=size,
            timeout=_TURN_SECONDS,
            command_timeout=_HUNG_SECONDS,
            connect=self._connect,
            init=self._prepare,
            reset=_keep,
            server_settings={"application_name": _NAME},
        )

    async def __aenter__(self) -> Self:
        await self._pool
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(TimeoutError):  # what was not released by then is cut
            async with patient(_CLOSE_SECONDS):
                await self._pool.close()

    @asynccontextmanager
    async def asking(self, patience: float | None = None) -> AsyncIterator[Connection]:
        """Lends a connection; with a patience, in seconds, a Postgres that is silent for so long is away for all.

        Raises:
            ExtensionsUnavailable: Postgres is away, or went away meanwhile.
        """
        self._knock()
        with translated():
            async with (
                self._pool.acquire(timeout=_TURN_SECONDS) as connection,
                _dropped_when_hung(connection),
                self._patient(patience),
            ):
                yield connection
        self._back()

    @asynccontextmanager
    async def _patient(self, patience: float | None) -> AsyncIterator[None]:
        try:
            async with patient(patience):
                yield
        except TimeoutError as error:
            if patience is not None:
                self._met(error)
            raise

    async def ping(self) -> None:
        """Asks Postgres for nothing.

        Raises:
            ExtensionsUnavailable: it is away.
        """
        async with self.asking() as connection:
            await connection.execute("SELECT")

    def _knock(self) -> None:
        _tries.set(self._away_until is not None)
        if self._away_until is None:
            return
        if self._left_alone():
            raise ExtensionsUnavailable("Postgres is away: it was tried less than a second ago")
        # This one tries; the others need not wait with it.
        self._away_until = self._clock.monotonic() + _PAUSE_SECONDS

    def _left_alone(self) -> bool:
        return self._away_until is not None and self._clock.monotonic() < self._away_until

    async def _connect(self, *where: Any, **how: Any) -> "asyncpg.Connection[asyncpg.Record]":
        """Connects; what fails later, or waits for others, does not say that the next reader will fare so."""
        if self._left_alone() and not _tries.get():
            # It waited for its turn while another found out.
            raise ConnectionRefusedError("Postgres is away, as another reader has found meanwhile")
        try:
            async with patient(_CONNECT_SECONDS):
                return await _limited(await asyncpg.connect(*where, **how))
        except (OSError, asyncpg.CannotConnectNowError) as error:
            self._met(error)
            raise

    def _met(self, error: Exception) -> None:
        if self._away_until is None:
            _log.warning("postgres_away", error=repr(error))
        self._away_until = self._clock.monotonic() + _PAUSE_SECONDS

    def _back(self) -> None:
        if self._away_until is not None:
            _log.info("postgres_back")
            self._away_until = None

    async def _prepare(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        if self._on_statement is not None:
            connection.add_query_logger(self._told)

    def _told(self, statement: LoggedQuery) -> None:
        if self._on_statement is not None:
            self._on_statement(statement.query, statement.elapsed)


async def _limited(connection: "asyncpg.Connection[asyncpg.Record]") -> "asyncpg.Connection[asyncpg.Record]":
    """A connection on which no statement lasts; one that does not get so far is dropped."""
    try:
        await connection.execute(_LIMITS)
    except BaseException:
        connection.terminate()
        raise
    return connection


@asynccontextmanager
async def _dropped_when_hung(connection: Connection) -> AsyncIterator[None]:
    try:
        yield
    except (TimeoutError, asyncio.CancelledError):
        connection.terminate()  # else its return to the pool waits as long again for the statement's end
        raise


async def _keep(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing to reset: no statement of ours outlives its transaction, and asyncpg has rolled back what was open."""

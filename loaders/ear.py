"""The ear: hears what other processes have committed, by Postgres' NOTIFY.

The rule it keeps: what is heard only wakes. Whoever hears looks into the tables; and while nothing can be heard,
everybody is told each second to look at everything.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import asyncpg
import structlog

from loaders.clock import Sleep
from loaders.errors import ExtensionsUnavailable
from loaders.ledger import CHANNEL
from loaders.patience import end, happened
from loaders.postgres import translated

Heard = Callable[[str], Awaitable[None]]
"Told of a key that something has happened to; of an empty one where it may have happened to any."
AGAIN = 1.0
"Seconds between looks, and tries to listen, while nothing can be heard."
QUIET = 5.0
"Seconds of silence after which the line is tried."
PATIENCE = 1.0
"Seconds in which Postgres answers, or is away."
NAME = "raken-gateway ear"
"By which Postgres knows these connections: there is one a process."
_log = structlog.get_logger(__name__)


class Ear:
    """Listens for this process, on a connection of its own."""

    def __init__(self, dsn: str, heard: Mapping[str, Heard], sleep: Sleep = asyncio.sleep) -> None:
        """`heard` are told of one kind of thing each."""
        self._dsn = dsn
        self._sleep = sleep
        self._heard = heard
        self._pending: dict[tuple[str, str], None] = {}
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.hears = asyncio.Event()
        "Set while what others commit is heard at once."

    def open(self) -> None:
        """Begins to listen."""
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._tell())]

    async def close(self) -> None:
        """Ends listening."""
        await end(*self._tasks)

    async def _listen(self) -> None:
        while True:
            with suppress(ExtensionsUnavailable, asyncpg.PostgresError):
                async with self._line() as (connection, cut):
                    self.hears.set()
                    self._look_around()
                    while not await happened(cut, QUIET):
                        await connection.execute("SELECT", timeout=PATIENCE)
            self.hears.clear()
            self._look_around()
            await self._sleep(AGAIN)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[tuple["asyncpg.Connection[asyncpg.Record]", asyncio.Event]]:
        """A connection that listens, and the event of its end."""
        with translated():
            connection = await asyncpg.connect(self._dsn, timeout=PATIENCE, server_settings={"application_name": NAME})
            cut = asyncio.Event()
            connection.add_termination_listener(lambda *_: cut.set())
            try:
                await connection.add_listener(CHANNEL, lambda *told: self._note(str(told[-1])))
                yield connection, cut
            finally:
                # Not closed politely: whoever does not answer would be waited for.
                connection.terminate()

    def _look_around(self) -> None:
        for kind in self._heard:
            self._note(kind)

    def _note(self, said: str) -> None:
        kind, _, key = said.partition(" ")
        if kind in self._heard:
            self._pending[kind, key] = None
            self._woken.set()

    async def _tell(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._pending:
                kind, key = next(iter(self._pending))
                del self._pending[kind, key]
                try:
                    await self._heard[kind](key)
                except ExtensionsUnavailable:
                    # Whoever could not look is told again.
                    self._pending[kind, key] = None
                    await self._sleep(AGAIN)
                except Exception:  # noqa: BLE001 - one crash must not make this process deaf
                    _log.exception("wake_crashed", kind=kind)

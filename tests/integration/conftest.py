"""What tests on a real Postgres share: a migrated database, time that is moved by hand, a line that can be cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import pytest

from loaders.migrate import migrate
from loaders.patience import patient
from loaders.postgres import Postgres
from sandbox.options import Options
from sandbox.running import Address, running
from tests.hands import Hands
from tests.integration.door import Door, opened
from tests.waiting import GUARD


class Statements(list[str]):
    """The statements that were sent, in order."""

    def __call__(self, query: str, seconds: float) -> None:
        assert seconds >= 0
        self.append(" ".join(query.split()))


class Line:
    """A loopback line to Postgres that can be cut, and fall silent."""

    def __init__(self, dsn: str) -> None:
        where = urlsplit(dsn)
        options = parse_qs(where.query)
        self._socket = f"{options['host'][0]}/.s.PGSQL.{options['port'][0]}"
        self._rest = f"{where.username}@127.0.0.1", where.path
        self._writers: set[asyncio.StreamWriter] = set()
        self._talking = asyncio.Event()
        self._talking.set()
        self.calls = 0
        self.dsn = ""

    async def open(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", port)
        self._port = self._server.sockets[0].getsockname()[1]
        user, database = self._rest
        self.dsn = f"postgresql://{user}:{self._port}{database}?sslmode=disable"

    async def cut(self) -> None:
        """Drops every connection, and refuses new ones."""
        self._server.close()
        self._talking.set()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def mend(self) -> None:
        await self.open(self._port)

    def hush(self) -> None:
        """Passes nothing on any more, and refuses nothing."""
        self._talking.clear()

    def talk(self) -> None:
        self._talking.set()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        from_postgres, to_postgres = await asyncio.open_unix_connection(self._socket)
        self._writers |= {writer, to_postgres}
        await asyncio.gather(self._passed(reader, to_postgres), self._passed(from_postgres, writer))
        self._writers -= {writer, to_postgres}

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._talking.wait()
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def statements() -> Statements:
    return Statements()


@pytest.fixture
async def postgres(database_url: str, clock: Hands, statements: Statements) -> AsyncIterator[Postgres]:
    """Yields a pool on a migrated database; its statements are counted."""
    await migrate(database_url)
    async with Postgres(database_url, clock, on_statement=statements) as opened:
        yield opened


@pytest.fixture
async def line(database_url: str) -> AsyncIterator[Line]:
    """Yields a line to a migrated database."""
    await migrate(database_url)
    line = Line(database_url)
    await line.open()
    yield line
    await line.cut()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Address]:
    """Yields a small sandbox that the tests of a module share, and leave as it was."""
    with running(Options(port=0, seed=3, projects=6, members=20, days=45)) as address:
        yield address


@pytest.fixture(scope="module")
def home(postgres_url: str) -> str:
    """The DSN of a migrated database that the tests of a module share."""
    return asyncio.run(_migrated(postgres_url))


async def _migrated(postgres_url: str) -> str:
    name = f"home_{uuid4().hex}"
    postgres = await asyncpg.connect(postgres_url)
    try:
        await postgres.execute(f"create database {name}")
    finally:
        await postgres.close()
    home = postgres_url.replace("@/postgres?", f"@/{name}?")
    await migrate(home)
    return home


@pytest.fixture
async def door(sandbox: Address, home: str) -> AsyncIterator[Door]:
    """Yields the door of a gateway that is open in this process."""
    async with opened(sandbox, home) as door:
        yield door


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Takes nobody for away while hundreds of answers hold this process' loop for seconds; the settings that do so."""
    monkeypatch.setattr("loaders.ledger.LEASE_SECONDS", GUARD)
    monkeypatch.setattr("loaders.postgres._LIMITS", f"SET statement_timeout = '{GUARD} s'")
    for name in ("_CONNECT_SECONDS", "_HUNG_SECONDS"):
        monkeypatch.setattr(f"loaders.postgres.{name}", GUARD)
    for module in ("postgres", "shared"):
        monkeypatch.setattr(f"loaders.{module}.patient", lambda _: patient(None))
    return {"QUERY_DEADLINE_SECONDS": "60", "RAKEN_TIMEOUT_SECONDS": "60"}


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits until something is so, for as long as a machine may take that does other things too."""

    async def wait(so: Callable[[], bool]) -> None:
        async with asyncio.timeout(GUARD):
            while not so():  # noqa: ASYNC110 - what is waited for is anything
                await asyncio.sleep(0.01)

    return wait

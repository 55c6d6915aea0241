"""What goes wrong in a soak: faults of Raken's of every kind, a Postgres that is cut off, a Valkey that is killed.

The rule: whatever comes also goes; at the end all is well again.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.company import Company
from benchmarks.people import Act

PATHS = ("*", "*", "/timeCards", "/projects", "/members", "/workLogs")
KINDS: dict[str, dict[str, Any]] = {
    "latency": {"seconds": 0.1},
    "hang": {"times": 4},
    "reset": {},
    "status": {"status": 500},
    "html": {},
    "rate": {},
    "quota": {"times": 2},
    "unauthorized": {"times": 3},
    "forbidden": {"times": 4},
    "cut": {},
    "shuffle": {"path": "/timeCards"},
    "insert": {"path": "/timeCards", "times": 5},
    "delete": {"path": "/timeCards", "times": 5},
    # Damage that no view shows: what it left out, or put in, would not be Raken's.
    "missing": {"path": "/members", "fields": ["employeeId"]},
    "extra": {"path": "/projects"},
}


class Line:
    """A loopback line to a Postgres' socket, that can be cut."""

    def __init__(self, dsn: str) -> None:
        where = urlsplit(dsn)
        options = parse_qs(where.query)
        self._socket = f"{options['host'][0]}/.s.PGSQL.{options['port'][0]}"
        self._user, self._path = where.username, where.path
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    async def mend(self) -> str:
        """Takes connections from now on; the DSN by which they come."""
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://{self._user}@127.0.0.1:{self._port}{self._path}?sslmode=disable"

    async def cut(self) -> None:
        """Drops every connection, and refuses new ones."""
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_postgres, to_postgres = await asyncio.open_unix_connection(self._socket)
        both = {writer, to_postgres}
        self._writers |= both
        await asyncio.gather(_passed(reader, to_postgres), _passed(from_postgres, writer))
        self._writers -= both


async def _passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


class Valkey:
    """A Valkey of our own, that holds nothing when it comes back."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._command = (binary, "--port", "0", "--unixsocket", str(folder / "v.sock"), "--dir", str(folder))
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"unix://{folder / 'v.sock'}"

    async def start(self) -> None:
        """Starts it; it answers in a moment."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, "--save", "", stdout=asyncio.subprocess.DEVNULL
        )

    async def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


class Weather:
    """What comes and goes."""

    def __init__(self, chance: Random, company: Company, line: Line, valkey: Valkey | None) -> None:
        self._chance = chance
        self._company = company
        self._line = line
        self._valkey = valkey
        self.met: list[str] = []

    def faults(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, Act]]:
        """Raken's faults, one after the other, with a while between them; every kind comes before one comes again."""
        at, kinds = start, list(KINDS)
        while True:
            self._chance.shuffle(kinds)
            for kind in kinds:
                begins = at + self._seconds(2, 10)
                at = begins + self._seconds(3, 20)
                if at >= end:
                    return
                came = self._fault(kind)
                yield begins, came.begin
                yield at, came.end

    def cuts(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, Act]]:
        """Postgres is cut off now and then."""
        at = start
        while (begins := at + self._seconds(20, 120)) < end - timedelta(seconds=10):
            at = begins + self._seconds(1, 8)
            yield begins, self._line.cut
            yield at, self._line.mend

    def kills(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, Act]]:
        """Valkey is killed now and then, where there is one."""
        at = start
        while self._valkey and (begins := at + self._seconds(30, 150)) < end - timedelta(seconds=30):
            at = begins + self._seconds(2, 20)
            yield begins, self._valkey.kill
            yield at, self._valkey.start

    def _fault(self, kind: str) -> "Fault":
        self.met.append(kind)
        return Fault(self._company, {"kind": kind, "path": self._chance.choice(PATHS), **KINDS[kind]})

    def _seconds(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=self._chance.uniform(least, most))


class Fault:
    """A fault that comes and goes."""

    def __init__(self, company: Company, words: dict[str, Any]) -> None:
        self._company = company
        self._words = words
        self._number = 0

    async def begin(self) -> None:
        """It stands."""
        self._number = self._company.fault(**self._words)

    async def end(self) -> None:
        """It is lifted."""
        self._company.lift(self._number)

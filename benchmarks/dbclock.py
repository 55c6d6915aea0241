"""The database's clock, moved along with the gateway's: what is leased, read and failed there is judged by it.

The rule: it goes on by itself, as a real one does, from wherever it was moved to; it is never moved back.
"""

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

import asyncpg

# Before pg_catalog, where a function's own name is looked for first else. How far it is ahead is read from a file,
# for a statement each time would be most of what the driver does.
_FAKED = """
    CREATE SCHEMA faked;
    CREATE FUNCTION faked.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS $$SELECT pg_catalog.clock_timestamp() + pg_read_file('{path}')::interval$$;
    ALTER DATABASE {name} SET search_path = public, faked, pg_catalog
"""


class DatabaseClock:
    """How far a database's clock is ahead of the real one."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._ahead = 0.0
        self._write()

    def move(self, to: datetime) -> None:
        """Moves it on to a moment, if it is not there yet."""
        ahead = to.timestamp() - time.time()
        if self._ahead == 0.0 or ahead > self._ahead:
            self._ahead = ahead
            self._write()

    def _write(self) -> None:
        os.pwrite(self._file, f"{self._ahead:+024.6f} seconds".encode(), 0)


@asynccontextmanager
async def faked(dsn: str) -> AsyncIterator[DatabaseClock]:
    """Gives a database a clock that can be moved, for all who connect from now on."""
    with _file() as (path, file):
        clock = DatabaseClock(file)
        await _install(dsn, path)
        yield clock


@contextmanager
def _file() -> Iterator[tuple[Path, int]]:
    """A file that Postgres may read, whoever it runs as, and its descriptor for writing."""
    folder = Path(mkdtemp(prefix="clock-"))
    folder.chmod(0o755)
    file = os.open(folder / "ahead", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        yield folder / "ahead", file
    finally:
        os.close(file)
        (folder / "ahead").unlink()
        folder.rmdir()


async def _install(dsn: str, path: Path) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_FAKED.format(path=path, name=urlsplit(dsn).path.removeprefix("/")))
    finally:
        await connection.close()

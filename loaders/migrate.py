"""Brings a database to the newest schema: the numbered SQL files beside this module, one transaction each.

The rule it keeps: a file that has landed is never changed and never lost; where that is not so, nothing is done.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import asyncpg

from loaders.postgres import Connection, Postgres, translated

OLDEST_POSTGRES = 15
_CONNECT_SECONDS = 10.0
_LOCK = 7_253_611_904  # any number that nobody else's advisory lock has
_RECORD = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        number     integer PRIMARY KEY,
        name       text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        checksum   text NOT NULL
    )
"""


class SchemaMismatch(Exception):
    """The database cannot be brought to this code's schema; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file's text, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Traversable | None = None) -> list[Migration]:
    """The files of a folder, ours by default, by their numbers."""
    folder = folder or files("loaders").joinpath("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [Migration(int(name[:4]), name, folder.joinpath(name).read_text("utf-8")) for name in names]


def newest() -> str:
    """The name of the newest migration that this code has."""
    return migrations()[-1].name


async def migrate(target: str | Connection, steps: Sequence[Migration] | None = None) -> list[str]:
    """Applies what is pending, and answers the names of that; two at once are safe.

    Raises:
        SchemaMismatch: a landed file was changed or is missing, the database is newer than the code, or too old.
        ExtensionsUnavailable: Postgres is away.
    """
    steps = migrations() if steps is None else steps
    async with _connected(target) as connection, _alone(connection):
        _check_server(connection)
        await connection.execute(_RECORD)
        todo = _pending(steps, await _landed(connection))
        for step in todo:
            await _apply(connection, step)
    return [step.name for step in todo]


async def pending(postgres: Postgres, steps: Sequence[Migration] | None = None) -> list[str]:
    """The names of the migrations that the database still lacks.

    Raises: as `migrate` does.
    """
    steps = migrations() if steps is None else steps
    async with postgres.asking() as connection:
        _check_server(connection)
        known = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
        landed = await _landed(connection) if known else {}
    return [step.name for step in _pending(steps, landed)]


@asynccontextmanager
async def _connected(target: str | Connection) -> AsyncIterator[Connection]:
    if not isinstance(target, str):
        yield target
        return
    with translated():
        connection = await asyncpg.connect(target, timeout=_CONNECT_SECONDS)
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _landed(connection: Connection) -> dict[int, asyncpg.Record]:
    rows = await connection.fetch("SELECT number, name, applied_at, checksum FROM schema_migrations")
    return {row["number"]: row for row in rows}


async def _apply(connection: Connection, step: Migration) -> None:
    async with connection.transaction():
        await connection.execute(step.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
            step.number,
            step.name,
            step.checksum,
        )


def _check_server(connection: Connection) -> None:
    major = connection.get_server_version().major
    if major < OLDEST_POSTGRES:
        raise SchemaMismatch(f"expected Postgres {OLDEST_POSTGRES} or newer, got {major}")


def _pending(steps: Sequence[Migration], landed: Mapping[int, asyncpg.Record]) -> list[Migration]:
    ours = {step.number: step for step in steps}
    for number, row in sorted(landed.items(), reverse=True):
        _check_landed(ours.get(number), row, steps[-1])
    return [step for step in steps if step.number not in landed]


def _check_landed(step: Migration | None, row: asyncpg.Record, last: Migration) -> None:
    if step is None and row["number"] > last.number:
        raise SchemaMismatch(
            f"the database is newer than this code: it is at {row['name']}, this code at {last.name}. "
            "Run the release that migrated it, or a newer one."
        )
    if step is None:
        raise SchemaMismatch(f"{row['name']} has landed in the database, but is missing from this code. Restore it.")
    if step.checksum != row["checksum"]:
        raise SchemaMismatch(
            f"{step.name} was changed after it had landed on {row['applied_at']:%Y-%m-%d}: expected the checksum "
            f"{row['checksum'][:12]}, got {step.checksum[:12]}. Restore it, and put the change into a new file."
        )

"""The clock of a test's database, moved and stopped by hand: what is stamped and judged there happens later."""

from urllib.parse import urlsplit

import asyncpg

# Before pg_catalog, where else a function's own name is looked for first; tables are made in public, which comes first.
_FAKED = """
    CREATE SCHEMA IF NOT EXISTS faked;
    CREATE TABLE faked.time (ahead interval NOT NULL, stands timestamptz);
    INSERT INTO faked.time VALUES ('0');
    CREATE FUNCTION faked.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT coalesce(stands, pg_catalog.clock_timestamp()) + ahead FROM faked.time';
    ALTER DATABASE {} SET search_path = public, faked, pg_catalog;
"""


async def fake_clock(dsn: str) -> None:
    """Gives a database a clock that can be moved, for all who connect from now on."""
    await _execute(dsn, _FAKED.format(urlsplit(dsn).path.removeprefix("/")))


async def move_clock(dsn: str, seconds: float) -> None:
    """Lets so much time pass for a database, back where it is negative."""
    await _execute(dsn, "UPDATE faked.time SET ahead = ahead + $1 * interval '1 second'", seconds)


async def stop_clock(dsn: str) -> None:
    """Lets time pass for a database by `move_clock` alone."""
    await _execute(dsn, "UPDATE faked.time SET stands = pg_catalog.clock_timestamp()")


async def set_clock_right(dsn: str) -> None:
    """Takes back every move of a database's clock."""
    await _execute(dsn, "UPDATE faked.time SET ahead = '0'")


async def _execute(dsn: str, statement: str, *values: float) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()

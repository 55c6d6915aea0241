"""The clock of a test's database, moved by hand: what is stamped and judged there happens later."""

from urllib.parse import urlsplit

import asyncpg

# Before pg_catalog, where else a function's own name is looked for first; tables are made in public, which comes first.
_FAKED = """
    CREATE SCHEMA IF NOT EXISTS faked;
    CREATE TABLE faked.time (ahead interval NOT NULL);
    INSERT INTO faked.time VALUES ('0');
    CREATE FUNCTION faked.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM faked.time';
    ALTER DATABASE {} SET search_path = public, faked, pg_catalog;
"""


async def fake_clock(dsn: str) -> None:
    """Gives a database a clock that can be moved, for all who connect from now on."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_FAKED.format(urlsplit(dsn).path.removeprefix("/")))
    finally:
        await connection.close()


async def move_clock(dsn: str, seconds: float) -> None:
    """Lets so much time pass for a database, back where it is negative."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("UPDATE faked.time SET ahead = ahead + $1 * interval '1 second'", seconds)
    finally:
        await connection.close()


async def set_clock_right(dsn: str) -> None:
    """Takes back every move of a database's clock."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("UPDATE faked.time SET ahead = '0'")
    finally:
        await connection.close()

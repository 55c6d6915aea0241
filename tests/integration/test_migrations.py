"""Migrations land once, whole and in order; and a database that does not fit the code is left alone."""

import asyncio
from dataclasses import replace
from importlib.resources import files

import asyncpg
import pytest

from loaders import migrate as module
from loaders.errors import ExtensionsUnavailable
from loaders.migrate import Migration, SchemaMismatch, migrate, migrations, newest, pending
from loaders.postgres import Postgres
from tests.hands import Hands

FIRST = Migration(1, "0001_first.sql", "CREATE TABLE first (id int); INSERT INTO first VALUES (1)")
SECOND = Migration(2, "0002_second.sql", "ALTER TABLE first ADD COLUMN name text")
THIRD = Migration(3, "0003_third.sql", "CREATE TABLE third (id int)")
BROKEN = [
    replace(THIRD, sql=THIRD.sql + "; SELECT 1 / 0"),
    replace(THIRD, sql=THIRD.sql + "; ALTER TABLE schema_migrations ADD CHECK (number < 3)"),  # cannot be recorded
]


async def names(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row["name"] for row in await connection.fetch("SELECT name FROM schema_migrations ORDER BY number")]
    finally:
        await connection.close()


def test_the_migrations_are_numbered_without_gaps() -> None:
    steps = migrations()
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert newest() == steps[-1].name
    assert all(step.name == f"{step.number:04}_{step.name[5:]}" for step in steps)
    assert len(steps) == sum(entry.is_file() for entry in files("loaders").joinpath("migrations").iterdir())


async def test_a_database_is_brought_to_the_newest_schema_once(database_url: str, clock: Hands) -> None:
    every = [step.name for step in migrations()]
    async with Postgres(database_url, clock) as postgres:
        assert await pending(postgres) == every
        assert await migrate(database_url) == every
        assert await pending(postgres) == []
    assert await migrate(database_url) == []
    assert await names(database_url) == every


async def test_several_migrators_at_once_do_it_once(database_url: str) -> None:
    done = await asyncio.gather(*(migrate(database_url) for _ in range(5)))
    assert sorted(map(len, done)) == [0, 0, 0, 0, len(migrations())]


async def test_a_connection_of_ones_own_is_left_open(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    assert await migrate(connection, [FIRST]) == [FIRST.name]
    assert await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
    await connection.close()


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_migration_that_fails_leaves_nothing_and_those_before_it_stay(
    database_url: str, broken: Migration
) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await migrate(database_url, [FIRST, SECOND, broken])
    assert await names(database_url) == [FIRST.name, SECOND.name]
    assert await migrate(database_url, [FIRST, SECOND, THIRD]) == [THIRD.name]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [replace(FIRST, sql=FIRST.sql + " "), SECOND],
            r"0001_first.sql was changed after it had landed on 20.*expected the checksum [0-9a-f]{12}, got",
        ),
        ([SECOND], r"0001_first.sql has landed in the database, but is missing from this code"),
        ([FIRST], r"the database is newer than this code: it is at 0002_second.sql, this code at 0001_first.sql"),
    ],
)
async def test_a_database_that_does_not_fit_the_code_is_left_alone(
    database_url: str, clock: Hands, steps: list[Migration], message: str
) -> None:
    await migrate(database_url, [FIRST, SECOND])
    with pytest.raises(SchemaMismatch, match=message):
        await migrate(database_url, steps)
    async with Postgres(database_url, clock) as postgres:
        with pytest.raises(SchemaMismatch, match=message):
            await pending(postgres, steps)


async def test_a_postgres_that_is_too_old_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST_POSTGRES", 99)
    with pytest.raises(SchemaMismatch, match="expected Postgres 99 or newer, got 1"):
        await migrate(database_url)


async def test_a_postgres_that_is_away_is_unavailable() -> None:
    with pytest.raises(ExtensionsUnavailable):
        await migrate("postgresql://ann@127.0.0.1:1/nowhere")


async def test_every_migration_runs_for_a_role_that_only_owns_its_database(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    database = await connection.fetchval("SELECT current_database()")
    role = f"owner_{database}"
    await connection.execute(f"CREATE ROLE {role}; ALTER DATABASE {database} OWNER TO {role}; SET ROLE {role}")
    try:
        assert await migrate(connection) == [step.name for step in migrations()]
    finally:
        await connection.execute("RESET ROLE")
        await connection.execute(f"ALTER DATABASE {database} OWNER TO current_user")
        await connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")
        await connection.close()

"""That Postgres is away is said quickly, to everyone, and no longer than it is so."""

import asyncio
import time

import asyncpg
import pytest

from loaders import postgres as module
from loaders.errors import ExtensionsUnavailable
from loaders.postgres import Postgres
from tests.hands import Hands
from tests.integration.conftest import Line, Statements
from tests.waiting import within


async def test_the_pool_opens_without_postgres_and_connects_on_first_use(line: Line, clock: Hands) -> None:
    await line.cut()
    async with Postgres(line.dsn, clock) as postgres:
        with pytest.raises(ExtensionsUnavailable):
            await postgres.ping()
        await line.mend()
        clock.move(1.1)
        await postgres.ping()


async def test_a_lost_connection_is_unavailable_within_a_second_and_recovers(line: Line, clock: Hands) -> None:
    async with Postgres(line.dsn, clock) as postgres:
        with within(1), pytest.raises(ExtensionsUnavailable):  # noqa: PT012 - it is lost while it is lent
            async with postgres.asking() as connection:
                asked = asyncio.create_task(connection.execute("SELECT pg_sleep(10)"))
                await asyncio.sleep(0)
                await line.cut()
                await asked
        await line.mend()
        await postgres.ping()


async def test_while_postgres_is_away_only_one_reader_a_second_tries_it(line: Line, clock: Hands) -> None:
    async with Postgres(line.dsn, clock) as postgres:
        await postgres.ping()
        await line.cut()
        for _ in range(2):  # the first may find its connection lost, the second finds that there is no other
            with pytest.raises(ExtensionsUnavailable):
                await postgres.ping()
        await line.mend()
        for _ in range(20):
            with pytest.raises(ExtensionsUnavailable):
                await postgres.ping()
        assert line.calls == 1
        clock.move(1.1)
        answers = await asyncio.gather(*(postgres.ping() for _ in range(20)), return_exceptions=True)
        assert answers.count(None) == 1
        assert line.calls == 2
        await postgres.ping()


async def test_a_postgres_that_says_nothing_is_given_up(line: Line, clock: Hands) -> None:
    async with Postgres(line.dsn, clock) as postgres:
        line.hush()
        with within(1.5), pytest.raises(ExtensionsUnavailable):
            await postgres.ping()


async def test_a_postgres_that_falls_silent_is_given_up_by_one_reader_for_all(
    line: Line, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HUNG_SECONDS", 0.3)
    async with Postgres(line.dsn, clock) as postgres:
        await postgres.ping()
        line.hush()
        for _ in range(2):  # the first finds a statement hung, the second finds that there is no other connection
            with pytest.raises(ExtensionsUnavailable):
                await postgres.ping()
        calls = line.calls
        for _ in range(20):
            with pytest.raises(ExtensionsUnavailable, match="less than a second ago"):
                await postgres.ping()
        assert line.calls == calls
        line.talk()
        clock.move(1.1)
        await postgres.ping()


async def test_a_postgres_that_is_silent_past_a_readers_patience_is_away_for_all_who_wait(
    line: Line, clock: Hands
) -> None:
    async with Postgres(line.dsn, clock, size=1) as postgres:

        async def read() -> None:
            async with postgres.asking(patience=0.3) as connection:
                await connection.execute("SELECT")

        await read()
        line.hush()
        calls = line.calls
        with within(1):
            told = await asyncio.gather(*(read() for _ in range(20)), return_exceptions=True)
        assert {type(one) for one in told} == {ExtensionsUnavailable}
        assert line.calls == calls


class Full(Line):
    """A pooler that lets in, and has no session for the first statement."""

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if b"SET statement_timeout" in data:
                    await asyncio.Event().wait()
                writer.write(data)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()


async def test_a_postgres_that_is_silent_after_the_login_is_away_within_a_second(
    database_url: str, clock: Hands
) -> None:
    pooler = Full(database_url)
    await pooler.open()
    async with Postgres(pooler.dsn, clock) as postgres:
        with within(1):
            for _ in range(3):
                with pytest.raises(ExtensionsUnavailable):
                    async with postgres.asking(patience=0.5) as connection:
                        await connection.execute("SELECT")
        assert pooler.calls == 1
    await pooler.cut()


async def test_a_process_that_was_too_busy_to_look_does_not_call_postgres_silent(line: Line, clock: Hands) -> None:
    async with Postgres(line.dsn, clock) as postgres, postgres.asking(patience=0.2) as connection:
        asking = asyncio.ensure_future(connection.fetchval("SELECT 1"))
        await asyncio.sleep(0)
        time.sleep(0.5)  # noqa: ASYNC251 - the loop is held up
        assert await asking == 1
        assert await connection.fetchval("SELECT 2") == 2


async def test_one_statement_that_hangs_or_one_turn_that_does_not_come_is_no_outage(
    line: Line, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HUNG_SECONDS", 1.0)
    monkeypatch.setattr(module, "_TURN_SECONDS", 1.0)
    async with Postgres(line.dsn, clock, size=1) as postgres:
        async with postgres.asking():
            with pytest.raises(ExtensionsUnavailable):
                await postgres.ping()
        await postgres.ping()
        with pytest.raises(ExtensionsUnavailable):
            async with postgres.asking() as connection:
                await connection.execute("SELECT pg_sleep(5)")
        await postgres.ping()


async def test_a_mistake_of_ours_is_not_called_an_outage(postgres: Postgres, clock: Hands) -> None:
    with pytest.raises(asyncpg.DataError, match="expected str, got int"):
        async with postgres.asking() as connection:
            await connection.fetchval("SELECT $1::text", 1)
    with pytest.raises(asyncpg.ClientConfigurationError):
        async with Postgres("http://nowhere", clock) as elsewhere:
            await elsewhere.ping()


async def test_an_outage_of_something_else_is_passed_through(postgres: Postgres) -> None:
    with pytest.raises(KeyError):
        async with postgres.asking():
            raise KeyError


async def test_each_use_of_a_connection_costs_its_own_statements_only(
    postgres: Postgres, statements: Statements
) -> None:
    for _ in range(3):
        await postgres.ping()
    await asyncio.sleep(0)
    assert statements == ["SELECT"] * 3


async def test_a_transaction_that_was_cancelled_leaves_nothing_behind(postgres: Postgres) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with postgres.asking() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(1)")
            inside.set()
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    await inside.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    async with postgres.asking() as connection:
        assert await connection.fetchval("SELECT pg_try_advisory_lock(1)")


async def test_a_statement_that_takes_too_long_is_ended_by_postgres(postgres: Postgres) -> None:
    with pytest.raises(ExtensionsUnavailable):
        async with postgres.asking() as connection:
            await connection.execute("SET statement_timeout = '20ms'; SELECT pg_sleep(5)")
    await postgres.ping()

"""When the gateway is ready, and what it says of what it depends on."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from app import stopping, wiring
from app.serving import NotMigrated, prepare
from loaders.errors import ExtensionsUnavailable
from loaders.migrate import SchemaMismatch, migrate, newest
from sandbox.running import Address
from tests.integration.conftest import Line
from tests.integration.door import Answer, Door, configured, opened
from tests.waiting import within

NOWHERE = "http://127.0.0.1:1/api"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "AGAIN", 0.02)


@pytest.fixture
async def unmigrated(database_url: str) -> AsyncIterator[Line]:
    """Yields a line to a database without a schema."""
    line = Line(database_url)
    await line.open()
    yield line
    await line.cut()


async def ready(door: Door) -> Answer:
    """The first `/readyz` that is 200."""
    with within(5):
        while (answer := await door.call("GET", "/readyz")).status != 200:  # noqa: ASYNC110 - as a client does
            await asyncio.sleep(0.01)
    return answer


def rows(answer: Answer) -> dict[str, str]:
    return {row["name"]: row["status"] for row in answer.json["dependencies"]}


async def test_it_is_ready_once_the_newest_schema_was_seen_and_names_what_it_depends_on(door: Door) -> None:
    answer = await ready(door)
    assert answer.json == {
        "ready": True,
        "migrated": True,
        "stopping": False,
        "dependencies": [{"name": "postgres", "status": "up"}, {"name": "raken", "status": "up"}],
    }


async def test_it_lives_whatever_is_away(sandbox: Address, unmigrated: Line) -> None:
    await unmigrated.cut()
    async with opened(sandbox, unmigrated.dsn, RAKEN_BASE_URL=NOWHERE) as door:
        answer = await door.call("GET", "/healthz")
        assert (answer.status, answer.json) == (200, {"status": "alive"})


async def test_it_becomes_ready_with_raken_unreachable(sandbox: Address, line: Line) -> None:
    async with opened(sandbox, line.dsn, RAKEN_BASE_URL=NOWHERE) as door:
        await ready(door)
        assert (await door.ask("{ projects { totalCount } }")).codes == {"projects": "UPSTREAM_UNAVAILABLE"}
        answer = await door.call("GET", "/readyz")
    assert answer.status == 200
    assert rows(answer) == {"postgres": "up", "raken": "down"}
    assert "no connection" in answer.json["dependencies"][1]["reason"]


async def test_a_postgres_that_is_lost_later_is_a_row_and_no_503(sandbox: Address, line: Line) -> None:
    async with opened(sandbox, line.dsn) as door:
        await ready(door)
        await line.cut()
        answer = await door.call("GET", "/readyz")
        assert (answer.status, rows(answer)["postgres"]) == (200, "down")


async def test_a_postgres_that_hangs_does_not_hang_the_question(sandbox: Address, line: Line) -> None:
    async with opened(sandbox, line.dsn) as door:
        await ready(door)
        line.hush()
        with within(4):
            assert rows(await door.call("GET", "/readyz"))["postgres"] == "down"
        line.talk()


async def test_it_waits_for_a_postgres_that_is_away_at_the_start(sandbox: Address, line: Line) -> None:
    await line.cut()
    await prepare(configured(sandbox, line.dsn))
    async with opened(sandbox, line.dsn) as door:
        answer = await door.call("GET", "/readyz")
        assert (answer.status, answer.json["migrated"], rows(answer)["postgres"]) == (503, False, "down")
        assert (await door.ask("{ projects { totalCount } }")).status == 200
        await line.mend()
        await ready(door)


async def test_it_migrates_a_postgres_that_comes_late_where_that_is_allowed(sandbox: Address, unmigrated: Line) -> None:
    await unmigrated.cut()
    await prepare(configured(sandbox, unmigrated.dsn, AUTO_MIGRATE="1"))
    async with opened(sandbox, unmigrated.dsn, AUTO_MIGRATE="1") as door:
        await unmigrated.mend()
        await ready(door)


async def test_it_waits_for_somebody_to_migrate_where_it_may_not_and_says_so_once(
    sandbox: Address, unmigrated: Line, until: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    with capture_logs() as lines:
        async with opened(sandbox, unmigrated.dsn, AUTO_MIGRATE="0") as door:
            assert (await door.call("GET", "/readyz")).status == 503
            await until(lambda: bool(told(lines)))
            for _ in range(3):
                assert (await door.call("GET", "/readyz")).status == 503
            await migrate(unmigrated.dsn)
            await ready(door)
    reasons = [line["reason"] for line in told(lines)]
    assert newest() in reasons[0]
    # While it is migrated, less and less is lacking.
    assert len(set(reasons)) == len(reasons)


def told(lines: Iterable[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [line for line in lines if line["event"] == "not_migrated"]


async def test_it_says_so_where_the_database_is_newer_than_the_code(
    sandbox: Address, line: Line, until: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    postgres = await asyncpg.connect(line.dsn)
    await postgres.execute("INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, '9999_later.sql', '')")
    await postgres.close()
    with capture_logs() as lines:
        async with opened(sandbox, line.dsn) as door:
            await until(lambda: bool(told(lines)))
            assert (await door.call("GET", "/readyz")).status == 503
    assert "the database is newer than this code" in told(lines)[0]["reason"]
    with pytest.raises(SchemaMismatch):
        await prepare(configured(sandbox, line.dsn))


async def test_a_schema_that_cannot_be_read_is_told_once_and_looked_at_again(
    sandbox: Address, line: Line, until: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    postgres = await asyncpg.connect(line.dsn)
    await postgres.execute("ALTER TABLE schema_migrations RENAME COLUMN name TO called")
    with capture_logs() as lines:
        async with opened(sandbox, line.dsn) as door:
            await until(lambda: bool(told(lines)))
            await postgres.execute("ALTER TABLE schema_migrations RENAME COLUMN called TO name")
            await ready(door)
    await postgres.close()
    assert [line["reason"] for line in told(lines)] == ['UndefinedColumnError: column "name" does not exist']


async def test_a_start_on_an_older_schema_is_refused_unless_it_may_migrate(sandbox: Address, database_url: str) -> None:
    with pytest.raises(NotMigrated, match=r"Run `raken-gateway migrate`, or set AUTO_MIGRATE=1\."):
        await prepare(configured(sandbox, database_url))
    await prepare(configured(sandbox, database_url, AUTO_MIGRATE="1"))
    await prepare(configured(sandbox, database_url))


async def test_it_is_not_ready_any_more_while_it_stops(door: Door) -> None:
    await ready(door)
    door.gateway.health.stopping = True
    answer = await door.call("GET", "/readyz")
    assert (answer.status, answer.json["stopping"]) == (503, True)


async def test_the_server_hears_of_a_first_signal_a_moment_later_and_of_a_second_one_at_once(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "NOTICE", 60)
    heard: list[int] = []
    former = {
        number: signal.signal(number, lambda number, _: heard.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        stopping.heed(door.gateway.health)
        signal.raise_signal(signal.SIGTERM)
        assert (await door.call("GET", "/readyz")).json["stopping"]
        assert heard == []
        signal.raise_signal(signal.SIGINT)
        assert heard == [signal.SIGINT]
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


async def test_the_rows_are_asked_for_at_once(door: Door) -> None:
    asked: list[str] = []
    both = asyncio.Event()

    def ping(name: str) -> Callable[[], Awaitable[None]]:
        async def ping() -> None:
            asked.append(name)
            if len(asked) == 2:
                both.set()
            await both.wait()
            raise ExtensionsUnavailable(name)

        return ping

    door.gateway.health._pings = {name: ping(name) for name in ("a", "b")}
    with within(1):
        assert rows(await door.call("GET", "/readyz")) == {"a": "down", "b": "down"}

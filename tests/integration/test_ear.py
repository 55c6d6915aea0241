"""The ear: what others commit wakes who wants to hear of it; where nothing can be heard, all are told to look."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from structlog.testing import capture_logs

from loaders.ear import Ear
from loaders.errors import ExtensionsUnavailable
from tests.integration.conftest import Line
from tests.waiting import within


class Hearing:
    """What was heard, by kind."""

    def __init__(self) -> None:
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.news = asyncio.Event()
        self.error: Exception | None = None

    async def slices(self, key: str) -> None:
        self.heard["slice"].append(key)
        self.news.set()
        if self.error is not None:
            raise self.error

    async def pauses(self, key: str) -> None:
        self.heard["pause"].append(key)

    async def until(self, *keys: str) -> None:
        """Returns when the last that was heard are these."""
        with within(5):
            while self.heard["slice"][-len(keys) :] != list(keys):
                self.news.clear()
                await self.news.wait()


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@asynccontextmanager
async def listening(dsn: str, hearing: Hearing) -> AsyncIterator[Ear]:
    """An ear that listens, and tries again at once when it cannot."""
    ear = Ear(dsn, {"slice": hearing.slices, "pause": hearing.pauses}, sleep=lambda _: asyncio.sleep(0.02))
    ear.open()
    try:
        yield ear
    finally:
        await ear.close()


async def say(dsn: str, *words: str) -> None:
    postgres = await asyncpg.connect(dsn)
    for word in words:
        await postgres.execute("SELECT pg_notify('raken_gateway', $1)", word)
    await postgres.close()


async def test_each_kind_is_told_of_its_keys_and_of_everything_at_the_beginning(line: Line, hearing: Hearing) -> None:
    async with listening(line.dsn, hearing):
        await hearing.until("")
        await say(line.dsn, "slice PROJECTS/*/*@1", "pause", "unknown x", "slice MEMBERS/*/*@2")
        await hearing.until("PROJECTS/*/*@1", "MEMBERS/*/*@2")
    assert hearing.heard["pause"] == ["", ""]
    assert set(hearing.heard) == {"slice", "pause"}


async def test_who_cannot_listen_is_told_to_look_again_and_again_and_listens_when_it_can(
    line: Line, hearing: Hearing
) -> None:
    async with listening(line.dsn, hearing) as ear:
        await hearing.until("")
        await line.cut()
        await hearing.until("", "", "", "")
        assert not ear.hears.is_set()
        await line.mend()
        with within(5):
            await ear.hears.wait()
        await say(line.dsn, "slice PROJECTS/*/*@1")
        await hearing.until("PROJECTS/*/*@1")


async def test_a_line_that_is_dead_without_a_word_is_noticed(
    line: Line, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.ear.QUIET", 0.05)
    monkeypatch.setattr("loaders.ear.PATIENCE", 0.2)
    async with listening(line.dsn, hearing) as ear:
        await hearing.until("")
        line.hush()
        await hearing.until("", "", "")
        assert not ear.hears.is_set()
        line.talk()
        with within(5):
            await ear.hears.wait()


async def test_who_finds_postgres_away_is_told_the_same_again_and_who_crashes_the_next(
    line: Line, hearing: Hearing
) -> None:
    with capture_logs() as lines:
        async with listening(line.dsn, hearing):
            await hearing.until("")
            hearing.error = ExtensionsUnavailable("away")
            await say(line.dsn, "slice first")
            await hearing.until("first", "first")
            hearing.error = None
            seen = len(hearing.heard["slice"])
            while len(hearing.heard["slice"]) == seen:  # noqa: ASYNC110 - it is told once more
                await asyncio.sleep(0.01)
            hearing.error = RuntimeError("broken")
            await say(line.dsn, "slice second")
            await hearing.until("second")
            hearing.error = None
            await say(line.dsn, "slice last")
            await hearing.until("second", "last")
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["wake_crashed"]

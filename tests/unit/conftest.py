"""What the unit tests of reading share."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.unit.world import World


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Yields a world with nothing read; whatever its tasks leave unheard fails the test."""
    unheard: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    world = World(monkeypatch)
    yield world
    world.raken.let_go()
    await world.loader.close()
    assert unheard == []

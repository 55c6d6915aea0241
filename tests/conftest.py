"""What tests of every kind share: one real Postgres a session, a fresh database on it and a Valkey for each test."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from app.embedded import embedded
from tests.valkey import Valkey, valkey_in


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A slow test has three times as long as others, however long they have; none has an end where that is 0."""
    given = config.getoption("timeout"), os.environ.get("PYTEST_TIMEOUT"), config.getini("timeout")
    limit = next(float(one) for one in given if one is not None)
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(3 * limit))


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yields the DSN of a Postgres that all tests of the session share."""
    server = embedded(tmp_path_factory.mktemp("postgres"))
    with asyncio.Runner() as runner:
        yield runner.run(server.__aenter__())
        runner.run(server.__aexit__(None, None, None))


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """Yields the DSN of an empty database that only this test uses."""
    name = f"test_{uuid4().hex}"
    postgres = await asyncpg.connect(postgres_url)
    try:
        await postgres.execute(f"create database {name}")
        yield postgres_url.replace("@/postgres?", f"@/{name}?")
        await postgres.execute(f"drop database {name} with (force)")
    finally:
        await postgres.close()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """Yields a Valkey that only this test uses."""
    with valkey_in(tmp_path) as server:
        yield server

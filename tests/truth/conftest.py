"""The trial that all tests of the truth share: started once, read whole, then only asked."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import asyncpg
import pytest

from sandbox.options import Options
from sandbox.running import running
from tests.truth import ours
from tests.truth.oddities import disturb
from tests.truth.served import SETTINGS, migrate, serving
from tests.truth.trial import Trial


@pytest.fixture(scope="session")
def trial(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Yields a gateway with everything read, before a small company full of oddities."""
    database_url = asyncio.run(created(postgres_url))
    with running(Options(port=0, seed=7, projects=12, members=40, days=75)) as sandbox:
        disturb(sandbox)
        variables = sandbox.environment | SETTINGS | {"DATABASE_URL": database_url}
        migrate(variables)
        projects, members = ([row["uuid"] for row in sandbox.rows(name)] for name in ("projects", "members"))
        asyncio.run(ours.fill(database_url, projects, members))
        with serving(variables, tmp_path_factory.mktemp("gateway") / "log") as gateway:
            yield warm(Trial(sandbox, gateway, database_url))


def warm(trial: Trial) -> Trial:
    """A trial whose gateway has read all that questions can need."""
    trial.warm()
    trial.name_material_logs()
    return trial


async def created(postgres_url: str) -> str:
    """The DSN of a new database."""
    name = f"truth_{uuid4().hex}"
    postgres = await asyncpg.connect(postgres_url)
    try:
        await postgres.execute(f"create database {name}")
    finally:
        await postgres.close()
    return postgres_url.replace("@/postgres?", f"@/{name}?")

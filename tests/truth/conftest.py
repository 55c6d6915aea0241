"""The trial that all tests of the truth share: started once, read whole, then only asked."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from sandbox.options import Options
from sandbox.running import Address, running
from sandbox.switches import Switches
from tests.truth import ours
from tests.truth.oddities import crowd, disturb
from tests.truth.served import SETTINGS, serving
from tests.truth.trial import Trial


@pytest.fixture(scope="session")
def trial(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Yields a gateway with everything read, before a small company full of oddities."""
    with running(Options(port=0, seed=7, projects=12, members=40, days=75)) as sandbox:
        crowd(sandbox)
        with started(postgres_url, tmp_path_factory.mktemp("gateway"), sandbox) as begun:
            yield begun


@pytest.fixture(scope="session")
def other_trial(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Yields the same before a Raken that is as unlike as what is known of it allows."""
    logs = ("workLogs", "observations", "dailyReports", "materialLogs")
    switches = Switches(
        project_required=logs,
        project_in_work_logs="none",
        project_in_observations="project",
        changes=(),
        deletions=(),
        etags="none",
        default_statuses=(),
        limit_over_maximum="clamped",
        newest_first=True,
    )
    smaller = Options(port=0, seed=8, projects=6, members=20, days=45, switches=switches)
    folder = tmp_path_factory.mktemp("gateway")
    with running(smaller) as sandbox, started(postgres_url, folder, sandbox) as begun:
        yield begun


@contextmanager
def started(postgres_url: str, folder: Path, sandbox: Address) -> Iterator[Trial]:
    """A database with rows of ours, and a gateway that has read all that questions can need."""
    disturb(sandbox)
    database_url = asyncio.run(created(postgres_url))
    with serving(sandbox.environment | SETTINGS | {"DATABASE_URL": database_url}, folder / "log") as gateway:
        projects, members = ([row["uuid"] for row in sandbox.rows(name)] for name in ("projects", "members"))
        asyncio.run(ours.fill(database_url, projects, members))
        begun = Trial(sandbox, gateway, database_url)
        begun.warm()
        begun.name_material_logs()
        yield begun


async def created(postgres_url: str) -> str:
    """The DSN of a new database."""
    name = f"truth_{uuid4().hex}"
    postgres = await asyncpg.connect(postgres_url)
    try:
        await postgres.execute(f"create database {name}")
    finally:
        await postgres.close()
    return postgres_url.replace("@/postgres?", f"@/{name}?")

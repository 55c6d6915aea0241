"""Adding a fourteenth entity touches four places: done here for real, in a copy of the tree.

The places are a declaration, a type, one line of the catalogue (with its imports), and a sample. All else follows.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loaders.migrate import migrate

ROOT = Path(__file__).parents[2]
COPIED = ("app", "resolvers", "loaders", "sandbox", "tests", "docs", "pyproject.toml", "schema.graphql")

DECLARATION = '''
"""Shifts: company-wide."""

import msgspec

from loaders.entity import Entity, Row, by_name


class ShiftRow(Row, frozen=True, kw_only=True, gc=False):
    """A shift as Raken has it."""

    id: str = msgspec.field(name="uuid")
    name: str


SHIFTS = Entity(
    name="SHIFTS", path="/shifts", row=ShiftRow, lifetime=14400, order=lambda row: by_name(row.name)
)
'''

TYPE = '''
"""Shifts."""

import strawberry

from resolvers.node import Node, plain


@strawberry.type(description="When a day's work begins and ends.")
class Shift(Node):
    """A shift."""

    id: strawberry.ID = plain("Raken's uuid.")
    name: str = plain("Its name.")
'''

IMPORTS = "from loaders.entities.shifts import SHIFTS\nfrom resolvers.types.shifts import Shift\n"
LINE = "    SHIFTS: Shift,\n"
SAMPLE = '    "SHIFTS": {"uuid": f"{UUID}3", "name": "Day shift"},\n'

PROOF = '''
"""Asks a gateway of this tree for the fourteenth entity, before a sandbox that has always had it."""

import asyncio
import sys

from sandbox.options import Options
from sandbox.running import running
from tests.integration.door import signed
from tests.integration.lab import lab

LIST = "{shifts {name freshness {state ttlSeconds}}}"
REFRESH = "mutation {refresh(entities: [SHIFTS]) {entity ok objects added changed removed}}"


async def prove(database_url: str) -> None:
    with running(Options(port=0, projects=2, members=4, days=2)) as raken:
        async with lab(raken, database_url, TTL_SHIFTS="77") as it:
            names = sorted((row["name"] for row in raken.rows("shifts")), key=lambda name: (name.casefold(), name))
            listed = (await it.ask(LIST)).data["shifts"]
            assert [shift["name"] for shift in listed] == names
            assert [shift["freshness"] for shift in listed] == [{"state": "FRESH", "ttlSeconds": 77}] * len(names)
            page = (await it.door.call("GET", "/api/shifts/", headers=signed())).json
            assert [shift["name"] for shift in page["nodes"]] == names
            raken.add("shifts", name="Night shift")
            (refreshed,) = (await it.ask(REFRESH)).data["refresh"]
            counts = {"objects": len(names) + 1, "added": 1, "changed": 0, "removed": 0}
            assert refreshed == {"entity": "SHIFTS", "ok": True, **counts}
            row = await it.cache("SHIFTS")
            assert (row["objects"], row["state"], row["upstreamRequests"]) == (len(names) + 1, "FRESH", 2)
            await it.move(78)
            assert "extensions" in (await it.ask(LIST)).json
            await it.landed()
            metrics = (await it.door.call("GET", "/metrics")).body.decode()
            assert 'raken_gateway_reads_total{entity="SHIFTS",outcome="stale"} 1.0' in metrics
            assert 'raken_gateway_upstream_requests_total{entity="SHIFTS",status="200"}' in metrics


asyncio.run(prove(sys.argv[1]))
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree with a fourteenth entity."""
    for name in COPIED:
        source, copy = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    (tmp_path / "loaders/entities/shifts.py").write_text(DECLARATION)
    (tmp_path / "resolvers/types/shifts.py").write_text(TYPE)
    put(tmp_path / "resolvers/schema.py", LINE, "    PAY_TYPES: PayType,\n")
    put(tmp_path / "resolvers/schema.py", IMPORTS, "from resolvers.types.work_logs import WorkLog\n")
    put(tmp_path / "tests/contract/samples.py", SAMPLE, '    "PAY_TYPES": PAY_TYPE,\n')
    return tmp_path


def put(path: Path, text: str, after: str) -> None:
    """Writes some text behind a line."""
    before = path.read_text()
    assert before.count(after) == 1, f"expected {after!r} once in {path.name}"
    path.write_text(before.replace(after, after + text))


def run(tree: Path, *arguments: str) -> None:
    """Runs Python on the copy."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    environment = kept | {"PYTHONPATH": str(tree)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.slow
async def test_from_four_places_follow_the_schema_and_everything_else(tree: Path, database_url: str) -> None:
    run(tree, "-c", "from app.cli import main; main(['export-schema']); main(['export-entities'])")
    schema = (tree / "schema.graphql").read_text()
    assert "  SHIFTS\n" in schema
    assert "type Shift {" in schema
    assert "  shifts: [Shift!]\n" in schema
    assert "`TTL_SHIFTS`" in (tree / "docs/entities.md").read_text()
    run(tree, "-m", "pytest", "-q", "tests/contract")
    await migrate(database_url)
    (tree / "proof.py").write_text(PROOF)
    run(tree, "proof.py", database_url)

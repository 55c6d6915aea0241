"""A gateway that is served on a socket, and graphql-http; without Node the audits skip, and under CI they fail."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.conftest import home
from tests.integration.door import SECRET

__all__ = ["home"]

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("raken-gateway")
NOWHERE = "http://127.0.0.1:1"


def unavailable(words: str) -> None:
    """Skips what cannot be had on this machine; CI has to have it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(words)


@pytest.fixture(scope="session")
def audits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script that audits, with what it needs beside it."""
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            unavailable(f"no {name} on the path, which the audits need: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("audits")
    for name in ("package.json", "package-lock.json", "audit.mjs"):
        shutil.copy(HERE / name, folder)
    command = ["npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if installed.returncode != 0:
        unavailable(f"npm cannot install what the audits need: {installed.stderr[-500:]}")
    return folder / "audit.mjs"


@pytest.fixture(scope="module")
def address(home: str) -> Iterator[tuple[str, int]]:
    """Yields the host and port of a gateway that is served, without a Raken."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    given = {"PORT": "0", "JWT_SECRET": SECRET, "DATABASE_URL": home, "RAKEN_BASE_URL": NOWHERE}
    with subprocess.Popen([COMMAND, "serve"], env=kept | given, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        lines = (json.loads(line) for line in process.stderr)
        where = urlsplit(next(line["address"] for line in lines if line["event"] == "listening"))
        assert where.hostname is not None
        assert where.port is not None
        yield where.hostname, where.port
        process.terminate()

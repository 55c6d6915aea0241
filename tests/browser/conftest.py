"""A page in headless Chromium, and what `make run` starts; without Chromium the tests skip, and under CI they fail."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from tests.waiting import GUARD

# Those after the first keep Chromium from asking for anything but what the page asks for.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None and os.environ.get("CI"):
        pytest.fail("expected Chromium, but got none on the path: apt-get install chromium")
    if found is None:
        pytest.skip("no Chromium on the path: apt-get install chromium")
    return found


@pytest.fixture
async def page(chromium: str, tmp_path: Path) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=FLAGS, viewport={"width": 1280, "height": 800}
        )
        yield context.pages[0]
        await context.close()


@dataclass(frozen=True)
class Running:
    """A gateway as `make run` starts it."""

    url: str
    email: str = "admin@demo.example"
    password: str = "demo-password"


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("run")
    port, sandbox_port = free_ports()
    variables = {"PORT": str(port), "SANDBOX_PORT": str(sandbox_port), "DATA_DIR": str(folder / "data")}
    command = [str(Path(sys.executable).with_name("raken-gateway")), "run"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | variables, stdout=log, stderr=log)
        try:
            wait_until_ready(port, process, folder / "log")
            yield Running(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            assert process.wait(GUARD) is not None


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def wait_until_ready(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + GUARD
    while process.poll() is None and time.monotonic() < deadline:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=GUARD)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    pytest.fail(f"expected a ready gateway, got: {log.read_text()[-2000:]}")

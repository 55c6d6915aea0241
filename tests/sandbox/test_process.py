"""The sandbox as a process: what it prints, takes and answers to signals."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.options import Options
from sandbox.running import Address
from sandbox.switches import NAMES
from tests.sandbox.reader import Reader
from tests.waiting import GUARD, within

ROOT = Path(__file__).parents[2]


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """A sandbox process on a free port, with a few options, killed at the end if it must be."""
    with started(
        "--port=0", "--projects=5", "--members=9", "--days=3", "--fault=hang,path=/members", "--switch=default_limit=2"
    ) as running:
        yield running
        running.kill()


def address(process: subprocess.Popen[str]) -> tuple[Address, str]:
    assert process.stdout
    line = process.stdout.readline()
    url = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert url, line
    return Address(url[0], Options()), line


def test_it_prints_one_line_with_its_address_and_the_variables_of_a_gateway(process: subprocess.Popen[str]) -> None:
    sandbox, line = address(process)
    for name, value in sandbox.environment.items():
        assert f" {name}={value}" in line
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=GUARD) == ("", "")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_within_two_seconds_while_requests_hang(process: subprocess.Popen[str], sent: int) -> None:
    sandbox, _ = address(process)
    token = sandbox.access_token()
    with socket.create_connection(("127.0.0.1", urlsplit(sandbox.url).port or 0)) as hanging:
        hanging.sendall(f"GET /api/members HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        while not sandbox.counts()["underWay"]:
            pass
        with within(2):
            process.send_signal(sent)
            assert process.wait(GUARD) == 0
    assert process.communicate() == ("", "")


def test_options_faults_and_switches_come_from_the_command_line(process: subprocess.Popen[str]) -> None:
    sandbox, _ = address(process)
    assert len(sandbox.rows("projects")) == 5
    assert len(sandbox.rows("members")) == 9
    assert Reader(sandbox).get("/projects").page["limit"] == 2
    assert sandbox.faults()[0]["kind"] == "hang"


@pytest.mark.parametrize(
    "wrong", ["--switch=etags=some", "--fault=flood", "--days=-1", "--today=tomorrow", "--fault=reset,times=x"]
)
def test_wrong_options_end_it_with_status_2_and_say_so(wrong: str) -> None:
    with started("--port=0", wrong) as process:
        _, told = process.communicate(timeout=GUARD)
    assert process.returncode == 2
    assert wrong.partition("=")[0] in told


def test_help_explains_every_switch() -> None:
    with started("--help") as process:
        told, _ = process.communicate(timeout=GUARD)
    assert process.returncode == 0
    assert all(name in "".join(told.split()) for name in NAMES)


def test_a_port_that_is_taken_ends_it_with_status_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started(f"--port={taken.getsockname()[1]}") as process:
            _, told = process.communicate(timeout=GUARD)
    assert process.returncode == 1
    assert "cannot listen" in told

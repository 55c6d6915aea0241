"""Starting and stopping a server, with the database that it needs.

One rule: what is started here is stopped here, in the opposite order, whatever ends the process.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from app.clock import SystemClock
from app.config import Settings
from app.embedded import embedded
from app.line import Line
from app.main import from_environment, served
from app.tally import SharedTally
from loaders.errors import ExtensionsUnavailable
from loaders.migrate import migrate, pending
from loaders.postgres import Postgres

GRACE = 5
"Seconds that requests under way are given when the process stops."
BACKLOG = 2048
"Connections that wait until a process takes them: those that come while it starts, too."
_log = structlog.get_logger("serving")


class NotStarted(Exception):
    """The server did not come to serve."""


class NotMigrated(NotStarted):
    """The database's schema is older than the code, and nobody said that it may be changed."""


def serve(chosen: Settings, workers: int = 1, words: str = "") -> None:
    """Serves until a signal comes; `words` are for the terminal once it answers.

    Raises:
        EmbeddedUnavailable: no embedded Postgres can be had.
        NotStarted: the database's schema is older than the code, or the server cannot start.
        SchemaMismatch: the schema cannot be brought to the code's.
    """
    with database(chosen) as ready:
        _listen(ready, workers, words)


@contextmanager
def database(chosen: Settings) -> Iterator[Settings]:
    """The settings with a database that was prepared: theirs, or an embedded one that lives as long as the context.

    Raises: as `serve` does.
    """
    # From here on there is something to stop.
    signal.signal(signal.SIGTERM, _leave)
    with ExitStack() as stack:
        if not chosen.database_url:
            chosen = chosen.on(stack.enter_context(_embedded(chosen.data_dir)))
        asyncio.run(prepare(chosen))
        yield chosen


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


@contextmanager
def _embedded(data_dir: Path) -> Iterator[str]:
    """An embedded Postgres that lives as long as the context, with a loop of its own."""
    server = embedded(data_dir)
    with asyncio.Runner() as runner:
        dsn = runner.run(server.__aenter__())
        try:
            yield dsn
        finally:
            runner.run(server.__aexit__(None, None, None))


async def prepare(chosen: Settings) -> None:
    """Brings the schema to the newest where that is allowed; with Postgres away, the start goes on without.

    Raises:
        NotMigrated: the schema is older, and that is not allowed.
        SchemaMismatch: the schema cannot be brought there.
    """
    try:
        if chosen.migrates:
            for name in await migrate(chosen.database_url):
                _log.info("migrated", migration=name)
        await check(chosen.database_url)
    except ExtensionsUnavailable as error:
        _log.warning("postgres_away_at_start", reason=str(error))


async def check(database_url: str) -> None:
    """Holds a database's schema against the code's.

    Raises:
        NotMigrated: it is older.
        SchemaMismatch: it is another.
        ExtensionsUnavailable: Postgres is away.
    """
    async with Postgres(database_url, SystemClock()) as postgres:
        lacking = await pending(postgres)
    if lacking:
        raise NotMigrated(
            f"expected the newest schema in DATABASE_URL, but it lacks {', '.join(lacking)}. "
            "Run `raken-gateway migrate`, or set AUTO_MIGRATE=1."
        )


def _listen(chosen: Settings, workers: int, words: str) -> None:
    with _bound(chosen) as listener:
        address = f"http://{chosen.host}:{listener.getsockname()[1]}"
        if workers == 1:
            server = _Server(_config(served(chosen)), address, words)
            server.run(sockets=[listener])
            if not server.started:
                raise NotStarted("the server could not start; the log says why")
            return
        _log.info("listening", address=address, workers=workers)
        # Workers are processes of their own, which read the environment anew, and count in one memory.
        os.environ |= {"DATABASE_URL": chosen.database_url, "AUTO_MIGRATE": "1" if chosen.migrates else "0"}
        with closing(SharedTally.of(workers)) as tally:
            config = _config(partial(from_environment, tally), workers=workers, factory=True)
            supervisor = _Workers(config, sockets=[listener])
            supervisor.run()
            if supervisor.failed:
                raise NotStarted("a worker could not start; the log says why")


def _config(app: Callable[..., Any], **more: Any) -> uvicorn.Config:
    """How uvicorn serves an application."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=Line,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE,
        **more,
    )


def _bound(chosen: Settings) -> socket.socket:
    """A socket on the host and port of the settings, for this process and its workers.

    Raises:
        NotStarted: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((chosen.host, chosen.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise NotStarted(f"cannot listen on HOST {chosen.host}, PORT {chosen.port}: {error.strerror}") from None
    listener.set_inheritable(True)
    return listener


class _Workers(Multiprocess):
    """Worker processes, each of which is replaced when it ends.

    uvicorn kills one that says nothing for five seconds, which on a busy machine is less than its imports take, and
    waits as long for one that is dead.
    """

    failed = False
    "Whether one could not start."

    def keep_subprocess_alive(self) -> None:
        """Replaces who has ended, until all are to end; or ends all where one could not start, for no other could."""
        if self.should_exit.is_set():
            return
        for place, worker in enumerate(self.processes):
            if worker.process.is_alive():
                continue
            worker.kill()  # what is left of it: its end of a pipe
            worker.join()
            if worker.exitcode == STARTUP_FAILURE:
                self.failed = True
                self.should_exit.set()
                return
            _log.warning("worker_ended", pid=worker.pid, exitcode=worker.exitcode)
            self.processes[place] = Process(self.config, self.sockets)
            self.processes[place].start()


class _Server(uvicorn.Server):
    """A server that says so in the log, and on the terminal, once it answers."""

    def __init__(self, config: uvicorn.Config, address: str, words: str) -> None:
        super().__init__(config)
        self._address = address
        self._words = words

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then speaks."""
        await super().startup(sockets)
        if self.started:
            _log.info("listening", address=self._address, workers=1)
            print(self._words, end="", flush=True)  # noqa: T201 - the demo's words are for its terminal

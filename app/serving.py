"""Starting and stopping: a server on what it needs, and the demo on nothing at all.

One rule: what is started here is stopped here, in the opposite order, whatever ends the process.
"""

import asyncio
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
from uvicorn.supervisors import Multiprocess

from app.accounts import hashed
from app.clock import SystemClock
from app.config import Settings, settings
from app.embedded import embedded
from app.main import served
from loaders.accounts import Accounts, Role
from loaders.errors import ExtensionsUnavailable
from loaders.migrate import migrate, pending
from loaders.postgres import Postgres
from resolvers.schema import ENTITIES
from sandbox.options import Options
from sandbox.running import running

GRACE = 5
"Seconds that requests under way are given when the process stops."
DEMO_PASSWORD = "demo-password"  # noqa: S105 - of accounts that see made-up data only
_log = structlog.get_logger("serving")


class NotStarted(Exception):
    """The server did not come to serve."""


class NotMigrated(NotStarted):
    """The database's schema is older than the code, and nobody said that it may be changed."""


async def _nothing(_: Settings) -> None:
    """What is done before listening, where nothing is."""


def serve(
    chosen: Settings, workers: int = 1, words: str = "", prepared: Callable[[Settings], Awaitable[None]] = _nothing
) -> None:
    """Serves until a signal comes; `words` are for the terminal once it listens, `prepared` runs before.

    Raises:
        EmbeddedUnavailable: no embedded Postgres can be had.
        NotStarted: the database's schema is older than the code, or the server cannot start.
        SchemaMismatch: the schema cannot be brought to the code's.
    """
    signal.signal(signal.SIGTERM, _leave)
    if chosen.redis_url.get_secret_value():
        _log.warning("redis_not_used", reason="this version keeps slices in memory alone")
    with ExitStack() as stack:
        if not chosen.database_url:
            chosen = chosen.on(stack.enter_context(_embedded(chosen.data_dir)))
        asyncio.run(_prepare(chosen, prepared))
        _listen(chosen, workers, words)


async def _prepare(chosen: Settings, prepared: Callable[[Settings], Awaitable[None]]) -> None:
    await prepare(chosen)
    await prepared(chosen)


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
        async with Postgres(chosen.database_url, SystemClock()) as postgres:
            lacking = await pending(postgres)
    except ExtensionsUnavailable as error:
        _log.warning("postgres_away_at_start", reason=str(error))
        return
    if lacking:
        raise NotMigrated(
            f"expected the newest schema in DATABASE_URL, but it lacks {', '.join(lacking)}. "
            "Run `raken-gateway migrate`, or set AUTO_MIGRATE=1."
        )


def _listen(chosen: Settings, workers: int, words: str) -> None:
    app = served(chosen) if workers == 1 else "app.main:from_environment"
    config = uvicorn.Config(
        app,
        host=chosen.host,
        port=chosen.port,
        workers=workers,
        factory=workers > 1,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=GRACE,
    )
    socket = config.bind_socket()
    _log.info("listening", address=f"http://{chosen.host}:{socket.getsockname()[1]}", workers=workers)
    print(words, end="", flush=True)  # noqa: T201 - the demo's words are for its terminal
    if workers == 1:
        server = uvicorn.Server(config)
        server.run(sockets=[socket])
        if not server.started:
            raise NotStarted("the server could not start; the log says why")
        return
    # Workers are processes of their own, which read the environment anew.
    os.environ |= {"DATABASE_URL": chosen.database_url, "AUTO_MIGRATE": "1" if chosen.migrates else "0"}
    Multiprocess(config, sockets=[socket]).run()


def demo(environment: Mapping[str, str]) -> None:
    """Serves on what is there: a sandbox Raken where none is named, and accounts to sign in with then.

    Raises: as `serve` does.
    """
    given = {"JWT_SECRET": secrets.token_hex(32), **{name: value for name, value in environment.items() if value}}
    if "RAKEN_BASE_URL" in given:
        serve(settings(given, ENTITIES.values()))
        return
    port = settings(given, ENTITIES.values()).sandbox_port
    with running(Options(port=port)) as raken:
        chosen = settings({"RAKEN_REQUESTS_PER_SECOND": "100", **given, **raken.environment}, ENTITIES.values())
        serve(chosen, words=_words(chosen, raken.url), prepared=_demo_accounts)


async def _demo_accounts(chosen: Settings) -> None:
    """Adds an account of each role, where there is none yet."""
    async with Postgres(chosen.database_url, SystemClock()) as postgres:
        accounts = Accounts(postgres)
        present = {account.email for account in await accounts.everyone()}
        for role in Role:
            if demo_email(role) not in present:
                hash_ = hashed(DEMO_PASSWORD)
                await accounts.add(demo_email(role), role, f"Demo {role.value.title()}", password_hash=hash_)


def demo_email(role: Role) -> str:
    """The address of the demo account of a role."""
    return f"{role.value.lower()}@demo.example"


def _words(chosen: Settings, raken: str) -> str:
    people = ", ".join(demo_email(role) for role in Role)
    return (
        f"\nRaken gateway   http://{chosen.host}:{chosen.port}/graphql\n"
        f"Sign in as      {people}\n"
        f"Password        {DEMO_PASSWORD}\n"
        f"Sandbox Raken   {raken} (made-up data)\n"
        "Ctrl-C ends everything.\n\n"
    )

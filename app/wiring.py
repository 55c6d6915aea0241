"""What exists: every part of the process, and what it is given. The one place that opens things, and closes them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog

from app.accounts import Doorkeeper, Tokens
from app.clock import SystemClock
from app.config import Settings
from app.desk import Desk
from app.graphql import GraphQLEndpoint
from app.health import Health
from app.metrics import Metrics
from loaders.accounts import Accounts
from loaders.audit import AuditLog
from loaders.clock import Clock
from loaders.dataloaders import Stores
from loaders.errors import ExtensionsUnavailable
from loaders.extensions import MemberExtensions, ProjectExtensions
from loaders.http_raken import HttpRaken, Manners
from loaders.keeper import TokenKeeper
from loaders.loader import Loader
from loaders.migrate import SchemaMismatch, migrate, pending
from loaders.oauth import OAuth
from loaders.operation import Operation
from loaders.pace import Pace
from loaders.postgres import Postgres
from loaders.postgres_pace import PostgresPace
from loaders.refresh import Refresher
from loaders.slices import Memory
from loaders.usage import Usages
from loaders.vault import PostgresTokenVault
from resolvers.access import Viewer
from resolvers.context import Context
from resolvers.graph import GRAPH
from resolvers.schema import CATALOGUE

AGAIN = 1.0
"Seconds between looks at a Postgres that was away when the process started."
MB = 1024 * 1024
_log = structlog.get_logger("wiring")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is open: what the routes need of it."""

    settings: Settings
    endpoint: GraphQLEndpoint
    doorkeeper: Doorkeeper
    keeper: TokenKeeper
    health: Health
    metrics: Metrics
    loader: Loader


@asynccontextmanager
async def open_gateway(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Gateway]:
    """Opens everything that settings ask for, and closes it at the end, the last first."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(Postgres(settings.database_url, clock))
        stores = Stores(ProjectExtensions(postgres), MemberExtensions(postgres), Accounts(postgres))
        tokens = Tokens(settings.jwt_secret.get_secret_value(), settings.jwt_audience, clock)
        doorkeeper = Doorkeeper(stores.accounts, tokens, settings.origins)

        usages = Usages(list(CATALOGUE))
        keeper = _keeper(settings, postgres, clock)
        raken = _raken(settings, keeper, _pace(settings, postgres, clock, stack), usages, clock, stack)
        loader = _loader(settings, raken, usages, clock)
        stack.push_async_callback(loader.close)

        desk = Desk(doorkeeper, loader, usages, raken)
        contexts = _contexts(settings, loader, stores, Refresher(loader, AuditLog(postgres)), desk)
        metrics = Metrics(usages, loader.memory)
        endpoint = GraphQLEndpoint(GRAPH, doorkeeper, contexts, metrics, clock)

        health = Health({"postgres": postgres.ping, "raken": raken.ping})
        stack.push_async_callback(_ended, asyncio.create_task(_watch(settings, postgres, health)))
        yield Gateway(settings, endpoint, doorkeeper, keeper, health, metrics, loader)


def _loader(settings: Settings, raken: HttpRaken, usages: Usages, clock: Clock) -> Loader:
    """The reads of all entities."""
    return Loader(
        raken,
        clock,
        Memory(int(settings.slice_cache_mb * MB)),
        lifetimes={entity.name: settings.lifetime(entity) for entity in CATALOGUE},
        scopes=settings.scopes,
        observer=usages,
        jitter=random.random,
    )


def _contexts(
    settings: Settings, loader: Loader, stores: Stores, refresher: Refresher, desk: Desk
) -> Callable[[Viewer | None], Context]:
    """Makes the context of each request: its viewer, its deadline, and what today is then."""
    zone = ZoneInfo(settings.company_time_zone)

    def context(viewer: Viewer | None) -> Context:
        return Context(
            viewer=viewer,
            today=loader.clock.now().astimezone(zone).date(),
            process=desk,
            stores=stores,
            refresher=refresher,
            catalogue=CATALOGUE,
            loader=loader,
            operation=Operation(loader.clock.monotonic() + settings.query_deadline_seconds),
        )

    return context


def _keeper(settings: Settings, postgres: Postgres, clock: Clock) -> TokenKeeper:
    """The keeper of Raken's tokens."""
    secret = settings.raken_client_secret.get_secret_value()
    keys = [key.get_secret_value() for key in settings.token_keys] or [secret]
    vault = PostgresTokenVault(postgres, keys, settings.raken_refresh_token.get_secret_value() or None, asyncio.sleep)
    oauth = OAuth(settings.raken_token_url, settings.raken_client_id, secret, clock, settings.raken_timeout_seconds)
    return TokenKeeper(vault, oauth, clock, random.random)


def _pace(settings: Settings, postgres: Postgres, clock: Clock, stack: AsyncExitStack) -> PostgresPace:
    """How fast Raken is asked, by all processes together."""
    rate, limit = settings.raken_requests_per_second, settings.raken_daily_quota
    pace = PostgresPace(postgres, clock, rate, limit, random.random)
    stack.push_async_callback(pace.close)
    return pace


def _raken(
    settings: Settings, keeper: TokenKeeper, pace: Pace, usages: Usages, clock: Clock, stack: AsyncExitStack
) -> HttpRaken:
    """Raken, with its tokens and its manners."""
    manners = Manners(pace, settings.raken_timeout_seconds)
    raken = HttpRaken(settings.raken_base_url, keeper, clock, manners, usages.asked)
    stack.push_async_callback(raken.close)
    return raken


async def _watch(settings: Settings, postgres: Postgres, health: Health) -> None:
    """Waits until the newest schema was seen once: from then on the process is ready."""
    told = None
    while True:
        with suppress(ExtensionsUnavailable):
            obstacle = await _obstacle(settings, postgres)
            if obstacle is None:
                health.migrated = True
                return
            if obstacle != told:
                _log.error("not_migrated", reason=obstacle)
            told = obstacle
        await asyncio.sleep(AGAIN)


async def _obstacle(settings: Settings, postgres: Postgres) -> str | None:
    """What keeps the schema from being the newest; None where it is, by migrating where that is allowed.

    Raises:
        ExtensionsUnavailable: Postgres is away.
    """
    try:
        if settings.migrates:
            await migrate(settings.database_url)
        lacking = await pending(postgres)
    except ExtensionsUnavailable:
        raise
    except SchemaMismatch as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody can mend it in the database meanwhile
        return f"{type(error).__name__}: {error}"
    return f"the schema lacks {', '.join(lacking)}" if lacking else None


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

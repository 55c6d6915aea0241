"""What exists: every part of the process, and what it is given. The one place that opens things, and closes them."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from app.accounts import Doorkeeper, Tokens
from app.clock import SystemClock
from app.config import Settings
from app.desk import Desk
from app.graphql import GraphQLEndpoint
from app.health import Health
from app.metrics import Metrics
from app.persisted import texts
from app.provider import Provider
from app.rest import Rest
from loaders.accounts import Accounts
from loaders.ahead import Ahead
from loaders.attempts import Attempts
from loaders.audit import AuditLog
from loaders.clock import Clock
from loaders.commons import Commons, Shared
from loaders.dataloaders import Stores
from loaders.ear import Ear, Heard
from loaders.entities.members import MEMBERS
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import SliceKey
from loaders.errors import ExtensionsUnavailable
from loaders.extensions import MemberExtensions, ProjectExtensions
from loaders.http_raken import HttpRaken, Manners
from loaders.keeper import TokenKeeper
from loaders.ledger import Ledger
from loaders.loader import Loader
from loaders.migrate import SchemaMismatch, migrate, pending
from loaders.oauth import OAuth
from loaders.operation import Operation
from loaders.pace import Pace
from loaders.patience import end
from loaders.postgres import Postgres
from loaders.postgres_cache import PostgresCache
from loaders.postgres_pace import PostgresPace
from loaders.redis_cache import redis_cache
from loaders.refresh import Refresher
from loaders.shared import SharedTier
from loaders.slices import Memory
from loaders.source import Policy, Source
from loaders.usage import Usages
from loaders.vault import PostgresTokenVault
from resolvers.access import Viewer
from resolvers.context import Context
from resolvers.graph import GRAPH
from resolvers.schema import CATALOGUE
from resolvers.windows import window

AGAIN = 1.0
"Seconds between looks at a Postgres that was away when the process started."
MB = 1024 * 1024
_log = structlog.get_logger("wiring")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is open: what the routes need of it."""

    settings: Settings
    endpoint: GraphQLEndpoint
    rest: Rest
    doorkeeper: Doorkeeper
    keeper: TokenKeeper
    health: Health
    metrics: Metrics
    loader: Loader
    ahead: Ahead
    ear: Ear
    clock: Clock


@asynccontextmanager
async def open_gateway(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Gateway]:
    """Opens everything that settings ask for, and closes it at the end, the last first."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(Postgres(settings.database_url, clock))
        audit = AuditLog(postgres)
        stores = Stores(ProjectExtensions(postgres), MemberExtensions(postgres), Accounts(postgres), audit)
        tokens = Tokens(settings.jwt_secret.get_secret_value(), settings.jwt_audience, clock)
        provider = Provider(settings.jwks_url, clock)
        stack.push_async_callback(provider.close)
        attempts = Attempts(postgres, settings.jwt_secret.get_secret_value())
        doorkeeper = Doorkeeper(
            stores.accounts, tokens, provider, attempts, origins=settings.origins, https=settings.https
        )

        usages = Usages(list(CATALOGUE))
        keeper = _keeper(settings, postgres, clock)
        pace = _pace(settings, postgres, clock, stack)
        raken = _raken(settings, keeper, pace, usages, clock, stack)
        ledger = Ledger(postgres)
        tier = await _tier(settings, postgres, clock, stack)
        loader = _loader(settings, raken, Shared(ledger, tier, clock, CATALOGUE), usages, clock)
        stack.push_async_callback(loader.close)
        heard = {"slice": loader.source.heard, "tokens": keeper.heard, "pause": pace.heard, "account": doorkeeper.heard}
        ear = _ear(settings, heard, stack)

        desk = Desk(doorkeeper, loader, usages, raken)
        contexts = _contexts(settings, loader, stores, Refresher(loader, audit), desk)
        metrics = Metrics(usages, loader.memory)
        metrics.take("shared_reads", tier.reads)
        metrics.take("shared_writes", tier.writes)
        documents = texts(settings.trusted_documents)
        endpoint = GraphQLEndpoint(GRAPH, documents, doorkeeper, contexts, metrics, clock, settings.limits)
        rest = Rest(doorkeeper, contexts, metrics, clock)

        health = Health({"postgres": postgres.ping, "raken": raken.ping})
        await stack.enter_async_context(ended(_watch(settings, postgres, health, loader, ear)))
        ahead = _ahead(settings, loader, ledger, attempts, health)
        yield Gateway(settings, endpoint, rest, doorkeeper, keeper, health, metrics, loader, ahead, ear, clock)


async def _tier(settings: Settings, postgres: Postgres, clock: Clock, stack: AsyncExitStack) -> SharedTier:
    """Values in Redis, where there is one, and in Postgres, where they last."""
    url = settings.redis_url.get_secret_value()
    faster = await stack.enter_async_context(redis_cache(url)) if url else None
    tier = SharedTier(PostgresCache(postgres), faster, clock, int(settings.max_stale_seconds) + 1)
    stack.push_async_callback(tier.close)
    return tier


def _ear(settings: Settings, heard: Mapping[str, Heard], stack: AsyncExitStack) -> Ear:
    """What hears in this process what other processes commit."""
    ear = Ear(settings.database_url, heard)
    stack.push_async_callback(ear.close)
    return ear


def _ahead(settings: Settings, loader: Loader, ledger: Ledger, attempts: Attempts, health: Health) -> Ahead:
    """What is read before anybody asks: people open on projects, members, and the default window's time cards."""
    zone = ZoneInfo(settings.company_time_zone)

    def critical() -> list[SliceKey]:
        months = window(None, None, loader.clock.now().astimezone(zone).date()).months()
        return [SliceKey(PROJECTS), SliceKey(MEMBERS), *(SliceKey(TIME_CARDS, None, month) for month in months)]

    async def tidy() -> None:
        await ledger.tidy(settings.max_stale_seconds)
        await attempts.tidy()

    return Ahead(loader, critical, health.migrated, tidy)


def _loader(settings: Settings, raken: HttpRaken, commons: Commons, usages: Usages, clock: Clock) -> Loader:
    """The reads of all entities."""
    lifetimes = {entity.name: settings.lifetime(entity) for entity in CATALOGUE}
    memory = Memory(int(settings.slice_cache_mb * MB))
    policy = Policy(lifetimes, settings.scopes, settings.delta == "1")
    source = Source(raken, commons, clock, memory, policy, usages, random.random)
    return Loader(source, clock, lifetimes)


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


async def _watch(settings: Settings, postgres: Postgres, health: Health, loader: Loader, ear: Ear) -> None:
    """Waits until the newest schema was seen once: from then on the process listens, and is ready."""
    told = None
    while True:
        with suppress(ExtensionsUnavailable):
            obstacle = await _obstacle(settings, postgres)
            if obstacle is None:
                # What others know already, as how Raken wants to be asked, is known before anybody asks here.
                await loader.source.heard("")
                ear.open()
                health.migrated.set()
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


@asynccontextmanager
async def ended(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Has something done beside, and ended at the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await end(task)

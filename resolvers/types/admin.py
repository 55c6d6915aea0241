"""What admins see of the gateway itself: caches, Raken's standing, orphaned rows, refreshes."""

import datetime as dt
from dataclasses import asdict

import strawberry

from loaders.audit import AuditRow
from loaders.freshness import State
from loaders.raken import Circuit, Standing
from loaders.refresh import Refreshed
from resolvers.context import CacheRow
from resolvers.described import described
from resolvers.scalars import JSON
from resolvers.schema import RakenEntity

described(
    Circuit,
    "CircuitState",
    "Where the circuit breaker towards Raken stands.",
    CLOSED="Requests go out.",
    OPEN="Raken failed too often: no request goes out for a while.",
    HALF_OPEN="One request is trying whether Raken is back.",
)


@strawberry.type(description="One row per Raken entity, for the admin page.")
class CacheStatus:
    """An entity's cache since the process started."""

    entity: RakenEntity = strawberry.field(description="The entity.")
    state: State | None = strawberry.field(
        description="The worst state among its slices now; null before the first read."
    )
    objects: int = strawberry.field(description="How many objects are held.")
    ttl_seconds: int = strawberry.field(description="How long they are fresh, in seconds.")
    last_refreshed_at: dt.datetime | None = strawberry.field(description="When its newest slice was fetched.")
    last_error: str | None = strawberry.field(
        description="What its last refresh failed of, or which rows were left out; null when all was well."
    )
    hits: int = strawberry.field(description="Reads that did not wait for Raken: one a slice and operation.")
    misses: int = strawberry.field(description="Reads that waited for Raken, or failed.")
    upstream_requests: int = strawberry.field(description="Requests sent to Raken for it.")

    @strawberry.field(description="hits / (hits + misses) since start; null before the first read.")
    def hit_rate(self) -> float | None:
        """The share of hits."""
        reads = self.hits + self.misses
        return self.hits / reads if reads else None

    @classmethod
    def of(cls, row: CacheRow) -> "CacheStatus":
        """An entity's cache, in the schema's words."""
        return cls(**asdict(row) | {"entity": RakenEntity[row.entity]})


@strawberry.type(description="How Raken is doing, as far as this process knows.")
class UpstreamStatus:
    """Raken's standing."""

    reachable: bool = strawberry.field(description="Whether the last attempt got an answer that was not a 5xx.")
    connected: bool = strawberry.field(description="Whether there is a token that Raken takes.")
    token_expires_at: dt.datetime | None = strawberry.field(description="When the access token ends.")
    circuit: Circuit = strawberry.field(description="Where the circuit breaker stands.")
    requests_today: int = strawberry.field(description="Requests sent to Raken since midnight UTC, without token ones.")
    daily_quota: int | None = strawberry.field(description="How many a day may be sent; null for no limit of ours.")
    throttled_today: int = strawberry.field(description="Answers of 429 since midnight UTC.")
    last_error: str | None = strawberry.field(description="What the last failed request failed of.")

    @classmethod
    def of(cls, standing: Standing) -> "UpstreamStatus":
        """Raken's standing, in the schema's words."""
        return cls(**asdict(standing))


@strawberry.type(description="An extension row that no Raken object answers to any more. It is kept.")
class OrphanedExtension:
    """A row of ASR's whose object is gone."""

    entity: RakenEntity = strawberry.field(description="What kind of object it was.")
    id: strawberry.ID = strawberry.field(description="Raken's uuid of it.")
    extension_updated_at: dt.datetime = strawberry.field(description="When ASR's fields last changed.")


@strawberry.type(description="What a refresh of one entity did.")
class RefreshResult:
    """A refresh, counted in rows."""

    entity: RakenEntity = strawberry.field(description="The entity.")
    ok: bool = strawberry.field(description="Whether all of it was read anew.")
    objects: int = strawberry.field(description="How many rows its slices have now, read anew or kept.")
    added: int = strawberry.field(description="Rows that were not there before.")
    changed: int = strawberry.field(description="Rows that say something else than before.")
    removed: int = strawberry.field(description="Rows that are gone.")
    upstream_requests: int = strawberry.field(description="Requests that the readings took.")
    took_ms: int = strawberry.field(description="How long it took, in milliseconds.")
    error: str | None = strawberry.field(description="What went wrong, where ok is false; the cached data is kept.")

    @classmethod
    def of(cls, refreshed: Refreshed) -> "RefreshResult":
        """A refresh, in the schema's words."""
        return cls(
            entity=RakenEntity[refreshed.entity.name],
            ok=refreshed.error is None,
            objects=refreshed.objects,
            added=refreshed.added,
            changed=refreshed.changed,
            removed=refreshed.removed,
            upstream_requests=refreshed.requests,
            took_ms=round(refreshed.seconds * 1000),
            error=str(refreshed.error) if refreshed.error else None,
        )


@strawberry.type(description="Something that somebody did, like changing ASR's fields, or refreshing.")
class AuditEntry:
    """A row of the audit log."""

    at: dt.datetime = strawberry.field(description="When, by Postgres' clock.")
    actor: str = strawberry.field(description="Who: the subject of the token.")
    action: str = strawberry.field(description="What was done.")
    subject: str = strawberry.field(description="What it was done to: an id, or the name of an entity.")
    before: JSON | None = strawberry.field(description="What was changed, as it was; null where there was nothing.")
    after: JSON | None = strawberry.field(description="What was changed, as it then was.")

    @classmethod
    def of(cls, row: AuditRow) -> "AuditEntry":
        """A row, in the schema's words."""
        return cls(
            at=row.at, actor=row.actor, action=row.action, subject=row.subject, before=row.before, after=row.after
        )

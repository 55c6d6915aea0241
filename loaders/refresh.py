"""Refreshes that a person asked for: whatever the ttl, with what they changed.

One rule: soft. The old slice serves until the new one is whole, and stays where the refresh fails.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from loaders.audit import AuditLog
from loaders.entity import Entity, SliceKey, Window
from loaders.errors import RakenError
from loaders.loader import Landing, Loader
from loaders.operation import Operation
from loaders.slices import difference, total

DEADLINE = 120.0
"Seconds that a refresh is waited for."
IN_USE = 86_400.0
"Seconds since its last read for which a slice counts as used."


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh of one entity did; counts are of rows, over its slices."""

    entity: Entity[Any]
    objects: int
    added: int
    changed: int
    removed: int
    requests: int
    seconds: float
    error: RakenError | None
    "Why it failed, where it did; what was cached is kept."


class Refresher:
    """Refreshes entities and slices, and writes down who asked."""

    def __init__(self, loader: Loader, log: AuditLog) -> None:
        self._loader = loader
        self._log = log

    async def entity(
        self, entity: Entity[Any], window: Window, actor: str, operation: Operation | None = None
    ) -> Refreshed:
        """Refreshes the slices of an entity that are in use, and those of a window where it is dated.

        The requests are counted as the operation's, and not charged to its share.

        Raises:
            ExtensionsUnavailable: Postgres is away, so that nobody could write down who asked.
        """
        await self._log.note(actor, "refresh", entity.name, {})
        began = self._loader.clock.monotonic()
        landings: dict[SliceKey, Landing | BaseException] = {}
        # Reading may teach that Raken wants to be asked by project: then other slices are meant.
        while lacking := [key for key in self.keys(entity, window) if key not in landings]:
            landed = await asyncio.gather(*(self._refresh(key, operation) for key in lacking), return_exceptions=True)
            landings |= zip(lacking, landed, strict=True)
        meant = [landings[key] for key in self.keys(entity, window)]
        return self._sum(entity, meant, self._loader.clock.monotonic() - began)

    async def slice(self, key: SliceKey, subject: str, actor: str, operation: Operation | None = None) -> None:
        """Refreshes one slice for the sake of one of its rows.

        Raises:
            RakenError: it could not be read anew.
            ExtensionsUnavailable: Postgres is away, so that nobody could write down who asked.
        """
        await self._log.note(actor, "refresh", subject, {"entity": key.entity.name})
        await self._refresh(key, operation)

    async def _refresh(self, key: SliceKey, operation: Operation | None) -> Landing:
        return await self._loader.refresh(key, DEADLINE, operation.sent if operation else lambda: None)

    def keys(self, entity: Entity[Any], window: Window) -> list[SliceKey]:
        """The slices that a refresh of an entity reads anew."""
        used = self._loader.used(entity, IN_USE)
        if not entity.dated:
            return list(dict.fromkeys([SliceKey(entity), *used]))
        if self._loader.by_project(entity):
            return [key for key in used if key.project is not None]
        return list(dict.fromkeys([*(SliceKey(entity, None, month) for month in window.months()), *used]))

    def _sum(self, entity: Entity[Any], landings: list[Landing | BaseException], seconds: float) -> Refreshed:
        for landing in landings:
            if isinstance(landing, BaseException) and not isinstance(landing, RakenError):
                raise landing
        done = [landing for landing in landings if isinstance(landing, Landing)]
        change = difference((landing.before, landing.after) for landing in done)
        return Refreshed(
            entity=entity,
            objects=total(landing.after for landing in done),
            added=change.added,
            changed=change.changed,
            removed=change.removed,
            requests=sum(landing.after.reading.requests for landing in done),
            seconds=seconds,
            error=next((landing for landing in landings if isinstance(landing, RakenError)), None),
        )

"""Refreshes that a person asked for: whatever the ttl, with what they changed.

One rule: soft. The old slice serves until the new one is whole, and stays where the refresh fails.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loaders.audit import AuditLog
from loaders.entities.projects import PROJECTS
from loaders.entity import Entity, SliceKey, Window
from loaders.errors import RakenError
from loaders.loader import Loader
from loaders.operation import Operation
from loaders.slices import difference, total
from loaders.source import Landing

DEADLINE = 120.0
"Seconds that a refresh is waited for."
IN_USE = 86_400.0
"Seconds since its last read for which a slice counts as used."


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh of one entity did; counts are of rows, over its slices, the ones that could not be read too."""

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

    async def entity(self, entity: Entity[Any], window: Window, actor: str, operation: Operation) -> Refreshed:
        """Refreshes the slices of an entity that are in use, and those of a window where it is dated.

        The requests are counted as the operation's, and not charged to its share.

        Raises:
            ExtensionsUnavailable: Postgres is away, so that nobody could write down who asked.
        """
        await self._log.note(actor, "refresh", entity.name, {})
        began = self._loader.clock.monotonic()
        sent: Counter[SliceKey] = Counter()
        landings: Mapping[SliceKey, Landing | BaseException]
        try:
            landings = await self._land(entity, window, operation, sent)
        except RakenError as error:
            landings = {SliceKey(entity): error}
        return self._sum(entity, landings, sent, self._loader.clock.monotonic() - began)

    async def _land(
        self, entity: Entity[Any], window: Window, operation: Operation, sent: Counter[SliceKey]
    ) -> dict[SliceKey, Landing | BaseException]:
        """What became of each slice.

        Raises:
            RakenError: it is not known which projects there are.
        """
        landings: dict[SliceKey, Landing | BaseException] = {}
        meant = await self.keys(entity, window, operation)
        # Reading may teach that Raken wants to be asked by project: then other slices are meant.
        while lacking := [key for key in meant if key not in landings]:
            flights = (self._refresh(key, operation, sent) for key in lacking)
            landings |= zip(lacking, await asyncio.gather(*flights, return_exceptions=True), strict=True)
            meant = await self.keys(entity, window, operation)
        return {key: landings[key] for key in meant}

    async def slice(self, key: SliceKey, subject: str, actor: str, operation: Operation) -> None:
        """Refreshes one slice for the sake of one of its rows.

        Raises:
            RakenError: it could not be read anew.
            ExtensionsUnavailable: Postgres is away, so that nobody could write down who asked.
        """
        await self._log.note(actor, "refresh", subject, {"entity": key.entity.name})
        await self._refresh(key, operation, Counter())

    async def _refresh(self, key: SliceKey, operation: Operation, sent: Counter[SliceKey]) -> Landing:
        def count() -> None:
            sent[key] += 1
            operation.sent()

        return await self._loader.refresh(key, DEADLINE, count)

    async def keys(self, entity: Entity[Any], window: Window, operation: Operation) -> list[SliceKey]:
        """The slices that a refresh of an entity reads anew; where Raken insists on a project, those of each.

        Raises:
            RakenError: it is not known which projects there are.
        """
        used = self._loader.used(entity, IN_USE)
        if not entity.dated:
            return list(dict.fromkeys([SliceKey(entity), *used]))
        projects: list[str | None] = [None]
        if self._loader.by_project(entity):
            projects = [row.id for row in (await self._loader.read(SliceKey(PROJECTS), operation)).slice.rows]
            used = [key for key in used if key.project is not None]
        windows = (SliceKey(entity, project, month) for project in projects for month in window.months())
        return list(dict.fromkeys([*windows, *used]))

    def _sum(
        self,
        entity: Entity[Any],
        landings: Mapping[SliceKey, Landing | BaseException],
        sent: Mapping[SliceKey, int],
        seconds: float,
    ) -> Refreshed:
        for landing in landings.values():
            if isinstance(landing, BaseException) and not isinstance(landing, RakenError):
                raise landing
        done = {key: landing for key, landing in landings.items() if isinstance(landing, Landing)}
        kept = [self._loader.memory.peek(key) for key in landings if key not in done]
        change = difference((landing.before, landing.after) for landing in done.values())
        return Refreshed(
            entity=entity,
            objects=total([*(landing.after for landing in done.values()), *(one for one in kept if one is not None)]),
            added=change.added,
            changed=change.changed,
            removed=change.removed,
            # Who joined another's flight is told of its requests too; what failed has only what was sent for it here.
            requests=sum(done[key].after.reading.requests if key in done else sent.get(key, 0) for key in landings),
            seconds=seconds,
            error=next((landing for landing in landings.values() if isinstance(landing, RakenError)), None),
        )

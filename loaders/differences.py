"""One question for all months: what changed in Raken is asked once, and every month that is held is merged with it.

The rule it keeps: where Raken cannot say what changed, that is remembered for a day, and months are read whole.
"""

from collections.abc import Callable
from typing import Any

import structlog

from loaders.changes import changes
from loaders.clock import Clock
from loaders.delta import DAY, Changes, merged, window
from loaders.entity import Entity, SliceKey
from loaders.errors import DeltaUnsupported, QuotaExhausted
from loaders.flight import Flights
from loaders.pages import Reading
from loaders.raken import Lane, Raken
from loaders.slices import Memory, Slice

_log = structlog.get_logger(__name__)


class Differences:
    """What changed of late, by entity."""

    def __init__(self, raken: Raken, clock: Clock, memory: Memory) -> None:
        self._raken = raken
        self._clock = clock
        self._memory = memory
        self._flights: Flights[Entity[Any], Changes] = Flights(lambda _entity, _error: None)
        self._latest: dict[Entity[Any], Changes] = {}
        self._unsupported: dict[Entity[Any], float] = {}
        self._heeding: dict[Entity[Any], float] = {}

    def serves(self, held: Slice[Any]) -> bool:
        """Whether a slice can be brought up to date by what changed."""
        entity, now = held.key.entity, self._clock.monotonic()
        tried = self._unsupported.get(entity, float("-inf"))
        return entity.delta and now - tried >= DAY and window([held], now) is not None

    def beside(self, key: SliceKey) -> list[SliceKey]:
        """The other slices that the changes which serve one will serve."""
        held = self._memory.peek(key)
        if held is None or not self.serves(held):
            return []
        return [one.key for one in self._months(key.entity) if one.key != key]

    def _months(self, entity: Entity[Any]) -> list[Slice[Any]]:
        return [one for one in self._memory if one.key.entity is entity and self.serves(one)]

    async def merged(self, held: Slice[Any], lane: Lane, since: float, on_send: Callable[[], None]) -> Reading | None:
        """A slice after what changed, as was asked `since` then or is being asked; None where that will not do.

        Raises: RakenError.
        """
        entity = held.key.entity
        latest = self._latest.get(entity)
        if latest is None or latest.sent_at < since:
            try:
                latest = await self._fly(entity, lane, on_send)
            except DeltaUnsupported as refused:
                self._give_up(entity, refused)
                return None
        return merged(held, latest)

    async def _fly(self, entity: Entity[Any], lane: Lane, on_send: Callable[[], None]) -> Changes:
        joined = self._flights.under_way(entity)
        try:
            return await self._flights.join(entity, lambda _: self._ask(entity, lane, on_send)).land()
        except QuotaExhausted:
            # The flight was another lane's, from which the quota is withheld sooner than from one's own.
            if not joined or self._raken.failing(lane) is not None:
                raise
        return await self._flights.join(entity, lambda _: self._ask(entity, lane, on_send)).land()

    async def _ask(self, entity: Entity[Any], lane: Lane, on_send: Callable[[], None]) -> Changes:
        async def sent() -> None:
            on_send()

        now = self._clock.monotonic()
        asked, heeds = window(self._months(entity), now), now - self._heeding.get(entity, float("-inf")) < DAY
        if asked is None:
            raise DeltaUnsupported(f"{entity.name}: nothing is held that changes could be merged with")
        found = self._latest[entity] = await changes(self._raken, entity, *asked, lane, sent, heeds=heeds)
        if found.deleted and not heeds:
            self._heeding[entity] = now
        _log.info(
            "raken_changes_read",
            entity=entity.name,
            changed=len(found.rows),
            deleted=len(found.deleted),
            requests=found.requests,
        )
        return found

    def _give_up(self, entity: Entity[Any], refused: DeltaUnsupported) -> None:
        if self._months(entity):
            self._unsupported[entity] = self._clock.monotonic()
            _log.warning("raken_changes_unsupported", entity=entity.name, error=str(refused))

    async def close(self) -> None:
        """Ends what is under way."""
        await self._flights.close()

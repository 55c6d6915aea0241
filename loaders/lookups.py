"""Ids that a complete slice lacks: when they are worth an early refresh of it.

One rule: once per id and version, at most every five minutes a slice; and only ids shaped like Raken's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from loaders.clock import Clock
from loaders.entity import SliceKey
from loaders.recent import Recent
from loaders.slices import Slice
from loaders.uuids import is_uuid

EVERY = 300.0
"Seconds between two early refreshes of one slice."


class Wanted(NamedTuple):
    """An id, and when what names it was read, on the monotonic clock; a person's word is always newest."""

    id: str
    since: float = float("inf")


@dataclass(slots=True)
class Lookup:
    """The ids that a version was refreshed for, when, and how old its reading was."""

    version: int
    at: float
    sent_at: float
    "When the reading that lacked them was sent."
    ids: set[str] = field(default_factory=set)


class Lookups:
    """Which early refreshes there were."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lookups: Recent[SliceKey, Lookup] = Recent(clock)

    def due(self, slice_: Slice[Any], wanted: Sequence[Wanted]) -> bool:
        """Whether a slice should be refreshed early for what it lacks; a yes counts as done."""
        lacking = _lacking(slice_, wanted)
        if not lacking:
            return False
        now, last = self._clock.monotonic(), self._lookups.get(slice_.key)
        ids = last.ids if last is not None and last.version == slice_.version else set()
        if lacking <= ids or (last is not None and now - last.at < EVERY):
            return False
        self._lookups.put(slice_.key, Lookup(slice_.version, now, slice_.reading.sent_at, ids | lacking))
        return True

    def open(self, slice_: Slice[Any], wanted: Sequence[Wanted]) -> bool:
        """Whether a reading that is under way may bring what a slice lacks: it was not looked for in vain."""
        last = self._lookups.get(slice_.key)
        answered = last is not None and last.version == slice_.version and last.sent_at < slice_.reading.sent_at
        return bool(_lacking(slice_, wanted) - (last.ids if last is not None and answered else set()))

    def failed(self, key: SliceKey) -> None:
        """Forgets what a slice was refreshed for: it was not, and may be again when its time has come."""
        last = self._lookups.get(key)
        if last is not None:
            last.ids.clear()


def _lacking(slice_: Slice[Any], wanted: Sequence[Wanted]) -> set[str]:
    """The ids that may be Raken's, and are named by something newer than the slice."""
    lacking = {one.id for one in wanted if one.id not in slice_.by_id and one.since > slice_.reading.sent_at}
    return {id_ for id_ in lacking if is_uuid(id_)}

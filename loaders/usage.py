"""What each entity's cache has done since the process started: the one place that counts.

One rule: a slice counts once an operation; a hit did not wait for Raken.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from loaders.entity import Entity, SliceKey
from loaders.errors import RakenError
from loaders.pages import Reading

MOST = 1000
"Errors that are remembered of one entity."
HITS = ("hit", "stale", "degraded")
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Usage:
    """One entity's counts."""

    outcomes: Counter[str] = field(default_factory=Counter)
    "Reads by outcome: hit, stale, degraded (none of them waited), miss, error."
    requests: Counter[str] = field(default_factory=Counter)
    "Requests sent to Raken, by what became of them: an HTTP status, or a word for none."
    errors: dict[SliceKey, str] = field(default_factory=dict)
    "What the last flight of each slice failed of, or left out, the newest last; of none when all was well."

    @property
    def last_error(self) -> str | None:
        """The newest error that still stands."""
        return next(reversed(self.errors.values()), None)

    @property
    def hits(self) -> int:
        """Reads that did not wait for Raken."""
        return sum(self.outcomes[outcome] for outcome in HITS)

    @property
    def misses(self) -> int:
        """Reads that waited for Raken, or failed."""
        return self.outcomes.total() - self.hits


class Usages:
    """Hears of reads, flights (a `loader.Observer`) and requests."""

    def __init__(self, entities: Sequence[Entity[Any]]) -> None:
        self._usages = {entity.name: Usage() for entity in entities}
        self._names = {entity.path: entity.name for entity in entities}

    def of(self, entity: str) -> Usage:
        """The counts of an entity, by its name."""
        return self._usages[entity]

    def __iter__(self) -> Iterator[tuple[str, Usage]]:
        return iter(self._usages.items())

    def asked(self, path: str, status: int | None) -> None:
        """Counts a request to Raken and what came of it: an HTTP status, or None for no answer."""
        self.of(self._names[path]).requests[str(status or "none")] += 1

    def served(self, key: SliceKey, outcome: str) -> None:
        """Counts a read."""
        self.of(key.entity.name).outcomes[outcome] += 1

    def landed(self, key: SliceKey, reading: Reading | None, error: RakenError | None) -> None:
        """Remembers what a flight failed of, and says so in the log."""
        errors = self.of(key.entity.name).errors
        before = errors.pop(key, None)
        if len(errors) >= MOST:
            del errors[next(iter(errors))]
        if error is not None:
            errors[key] = f"{key}: {error}"
            _log.warning("raken_reading_failed", slice=str(key), code=error.code, error=str(error))
        elif reading is not None:
            if reading.rejected:
                errors[key] = _left_out(key, reading, before)
            _log.info("raken_read", slice=str(key), rows=len(reading.rows), requests=reading.requests)

    def crashed(self, error: BaseException) -> None:
        """Says that a flight met what nobody foresaw."""
        _log.error("flight_crashed", exc_info=error)


def _left_out(key: SliceKey, reading: Reading, before: str | None) -> str:
    """What a reading left out; the log has it once, until it is something else."""
    count, first = len(reading.rejected), str(reading.rejected[0])
    told = f"{key}: left out {count}, the first: {first}"
    if told != before:
        _log.warning("raken_rows_left_out", slice=str(key), count=count, first=first)
    return told

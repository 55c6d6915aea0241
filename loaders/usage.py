"""What each entity's cache has done since the instance started: the one place that counts.

One rule: a slice counts once an operation; a hit did not wait for Raken.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from loaders.entity import Entity, SliceKey
from loaders.errors import RakenError
from loaders.pages import Reading
from loaders.tally import OwnTally, Tally

MOST = 1000
"Errors that are remembered of one entity."
HITS = ("hit", "stale", "degraded")
READS, REQUESTS = "reads", "upstream_requests"
"What is counted here, by its name in the tally."
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Usage:
    """One entity's counts, as they were when they were asked for."""

    outcomes: Counter[str] = field(default_factory=Counter)
    "Reads by outcome: hit, stale, degraded (none of them waited), miss, error."
    requests: Counter[str] = field(default_factory=Counter)
    "Requests sent to Raken, by what became of them: an HTTP status, or a word for none."
    last_error: str | None = None
    "The newest error that still stands in this process."

    @property
    def hits(self) -> int:
        """Reads that did not wait for Raken."""
        return sum(self.outcomes[outcome] for outcome in HITS)

    @property
    def misses(self) -> int:
        """Reads that waited for Raken, or failed."""
        return self.outcomes.total() - self.hits


class Usages:
    """Hears of reads, flights (a `source.Observer`) and requests."""

    def __init__(self, entities: Sequence[Entity[Any]]) -> None:
        self.tally: Tally = OwnTally()
        "Where the counts are kept; another may take its place."
        self.on_landed: Callable[[], None] = lambda: None
        "Called when a flight has ended, and memory holds what it brought."
        # What the last flight of each slice failed of, or left out, the newest last; of none when all was well.
        self._errors: dict[str, dict[SliceKey, str]] = {entity.name: {} for entity in entities}
        self._failing: set[SliceKey] = set()
        self._names = {entity.path: entity.name for entity in entities}

    def __iter__(self) -> Iterator[tuple[str, Usage]]:
        """Each entity's name and counts, all of one moment."""
        usages = {name: Usage(last_error=_last(errors)) for name, errors in self._errors.items()}
        for (what, *labels), number in self.tally.read().items():
            # While workers are replaced, another may count what this one does not know yet.
            if what in (READS, REQUESTS) and labels[0] in usages:
                usage = usages[labels[0]]
                counts = usage.outcomes if what == READS else usage.requests
                counts[labels[1]] = int(number)
        return iter(usages.items())

    def of(self, entity: str) -> Usage:
        """The counts of one entity, by its name."""
        return dict(self)[entity]

    def asked(self, path: str, status: int | None) -> None:
        """Counts a request to Raken and what came of it: an HTTP status, or None for no answer."""
        self.tally.add((REQUESTS, self._names[path], str(status or "none")))

    def served(self, key: SliceKey, outcome: str) -> None:
        """Counts a read."""
        self.tally.add((READS, key.entity.name, outcome))

    def landed(self, key: SliceKey, reading: Reading | None, error: RakenError | None) -> None:
        """Remembers what a flight failed of, and says so in the log."""
        errors = self._errors[key.entity.name]
        before = errors.pop(key, None)
        if len(errors) >= MOST:
            del errors[next(iter(errors))]
        if error is not None:
            errors[key] = f"{key}: {error}"
            # Said when it begins; while it lasts, cacheStatus says it.
            if key not in self._failing:
                _log.warning("raken_reading_failed", slice=str(key), code=error.code, error=str(error))
        elif reading is not None:
            if reading.rejected:
                errors[key] = _left_out(key, reading, before)
            _log.info("raken_read", slice=str(key), rows=len(reading.rows), requests=reading.requests)
        (self._failing.discard if error is None else self._failing.add)(key)
        self.on_landed()

    def crashed(self, error: BaseException) -> None:
        """Says that a flight met what nobody foresaw."""
        _log.error("flight_crashed", exc_info=error)


def _last(errors: dict[SliceKey, str]) -> str | None:
    return next(reversed(errors.values()), None)


def _left_out(key: SliceKey, reading: Reading, before: str | None) -> str:
    """What a reading left out; the log has it once, until it is something else."""
    count, first = len(reading.rejected), str(reading.rejected[0])
    told = f"{key}: left out {count}, the first: {first}"
    if told != before:
        _log.warning("raken_rows_left_out", slice=str(key), count=count, first=first)
    return told

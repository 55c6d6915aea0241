"""What a run came to: counts of answers, what they would have cost without a cache, and whatever was wrong.

The rule: of hits it has the gateway's own word, of requests the sandbox's, and of truth the record's.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil

from benchmarks.calls import Answer
from benchmarks.examiner import Examiner
from benchmarks.record import History
from benchmarks.views import View

ROWS = 1000
"Rows of a page at most: Raken gives no more."
ORDER = ("FRESH", "REVALIDATING", "DEGRADED")


@dataclass
class Tally:
    """The counts of one run."""

    operations: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    uncached: int = 0
    oldest: tuple[float, str] = (0.0, "nothing")
    "Seconds, and of what."
    wrong: list[str] = field(default_factory=list)

    def count(self, view: View, answer: Answer, see: Examiner, record: Mapping[str, History]) -> None:
        """Counts one answer that was looked through."""
        self.operations[view.name] += 1
        self.uncached += cost(view, record)
        self.errors.update(answer.codes)
        self.wrong += [f"{see.now:%H:%M:%S} {view.name}: {words}" for words in see.wrong]
        states = [row["state"] for row in answer.extensions.get("freshness", ())]
        self.states[max(states, key=ORDER.index, default="FRESH")] += 1
        for name, since in [*((name, at) for (name, _), at in see.fetched.items()), *see.stale.items()]:
            self.age(name, since, see.now)

    def age(self, name: str, since: datetime, now: datetime) -> None:
        """Remembers the oldest that was served."""
        self.oldest = max(self.oldest, ((now - since).total_seconds(), name))


def cost(view: View, record: Mapping[str, History]) -> int:
    """The requests that Raken would have had for a view, in pages of 1,000 rows, without any cache.

    Of each list the narrowest that Raken answers: a company's list whole (it knows no search for ids), time cards of
    the window alone, by 31 days and company-wide (it takes no project for them), logs and reports by project. An
    empty list is a request too. Nothing is asked twice for one view, and no retry is counted.
    """
    return sum(
        max(1, ceil(record[one.collection].size(one.project, days) / ROWS))
        for one in view.asks
        for days in one.windows()
    )


@dataclass(frozen=True)
class Score:
    """What a run is judged by."""

    hits: int
    touches: int
    requests: int
    uncached: int
    wrong: int

    @property
    def hit_rate(self) -> float:
        """Percent of slices that were served without waiting for Raken."""
        return 100 * self.hits / self.touches if self.touches else 0.0

    @property
    def saved(self) -> float:
        """Percent of requests that Raken was spared."""
        return 100 * (1 - self.requests / self.uncached) if self.uncached else 0.0

    def __str__(self) -> str:
        return f"hit rate {self.hit_rate:.2f} %, requests saved {self.saved:.2f} %, wrong {self.wrong}"

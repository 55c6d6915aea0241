"""What the sandbox was asked: requests by path, status and query string, and how many came at once.

The rule: every request that reaches it is counted, whatever becomes of it.
"""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

QUERIES_KEPT = 10_000  # different query strings a path
ABORTED = "aborted"  # stands for a status where none was sent


@dataclass
class Tally:
    """The requests of one path, or of all."""

    all: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    queries: Counter[str] = field(default_factory=Counter)
    peak: int = 0
    recent: deque[float] = field(default_factory=deque)

    def begin(self, now: float, query: str) -> None:
        """Counts a request that has come."""
        self.all += 1
        self.recent.append(now)
        while now - self.recent[0] >= 1:
            self.recent.popleft()
        self.peak = max(self.peak, len(self.recent))
        if query in self.queries or len(self.queries) < QUERIES_KEPT:
            self.queries[query] += 1

    def told(self) -> dict[str, Any]:
        """The tally as JSON."""
        return {
            "all": self.all,
            "statuses": dict(self.statuses),
            "queries": dict(self.queries),
            "peakPerSecond": self.peak,
        }


class Counts:
    """A tally of the data requests, one of each path, and how many were under way at once."""

    def __init__(self) -> None:
        self.data = Tally()
        self.paths: dict[str, Tally] = {}
        self.under_way = 0
        self.most_under_way = 0

    def begin(self, path: str, query: str) -> None:
        """Counts a request that has come."""
        now = time.monotonic()
        self.paths.setdefault(path, Tally()).begin(now, query)
        if not path.startswith("/oauth/"):
            self.data.begin(now, "")
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)

    def end(self, path: str, status: str) -> None:
        """Counts how a request ended."""
        self.under_way -= 1
        self.paths.setdefault(path, Tally()).statuses[status] += 1
        if not path.startswith("/oauth/"):
            self.data.statuses[status] += 1

    def reset(self) -> None:
        """Forgets all but what is under way."""
        self.data, self.paths, self.most_under_way = Tally(), {}, self.under_way

    def told(self) -> dict[str, Any]:
        """The counts as JSON; `all`, `statuses` and `peakPerSecond` are of data requests, without OAuth."""
        total = self.data.told()
        del total["queries"]
        paths = {path: tally.told() for path, tally in sorted(self.paths.items())}
        return {**total, "underWay": self.under_way, "peakUnderWay": self.most_under_way, "paths": paths}

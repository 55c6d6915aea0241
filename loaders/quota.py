"""The day's quota of requests, and who stops first as it runs down.

The rule it keeps: what is sent was reserved before, by blocks; what others have reserved counts as spent.
Pure: the day, and what all have reserved of it, are told.
"""

from dataclasses import dataclass
from datetime import date

from loaders.errors import QuotaExhausted
from loaders.raken import Lane

KEPT = {Lane.PEOPLE: 0, Lane.ASKED: 10, Lane.AHEAD: 25}
"Percent of the day that a lane leaves for those before it."
BLOCK = 1
"Percent of the day that a process reserves at once; one request at least."


@dataclass(slots=True)
class Allowance:
    """What one process may still send of a quota that many share."""

    limit: int
    "Requests a UTC day."
    day: date = date.min
    reserved: int = 0
    "By all processes, as far as is known here."
    left: int = 0
    "Of that, by this one, and not yet spent."

    @property
    def block(self) -> int:
        """How many requests are reserved at once."""
        return max(1, self.limit * BLOCK // 100)

    def kept(self, lane: Lane) -> int:
        """How many requests a lane leaves for those before it."""
        return self.limit * KEPT[lane] // 100

    def told(self, day: date, reserved: int) -> None:
        """All have reserved so much of a day; what is left of the day before is worth nothing."""
        if day > self.day:
            self.left = 0
        if day >= self.day:
            self.day, self.reserved = day, reserved

    def withheld(self, lane: Lane) -> QuotaExhausted | None:
        """Why a lane gets none now, if so."""
        free = self.limit - self.reserved + self.left
        if free > self.kept(lane):
            return None
        if free <= 0:
            return QuotaExhausted(f"the day's {self.limit} requests to Raken are spent; the next are at midnight UTC")
        return QuotaExhausted(
            f"of the day's {self.limit} requests to Raken the last {free} are kept for people who wait"
        )

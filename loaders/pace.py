"""How fast Raken may be asked, how often a day, and when not at all: for all processes together.

The rule it keeps: whoever sends has a place, has what it sends reserved, and knows of no pause. `postgres_pace.py` is
the adapter.
"""

from dataclasses import dataclass
from typing import Protocol

from loaders.errors import RakenError
from loaders.raken import Lane
from loaders.throttle import Refusal


@dataclass(frozen=True, slots=True)
class Today:
    """What all processes have sent on this UTC day, as far as is known."""

    requests: int = 0
    throttled: int = 0


class Pace(Protocol):
    """Who says when the next request may leave."""

    @property
    def limit(self) -> int | None:
        """Requests a UTC day; None: as many as there are."""
        ...

    def withheld(self, lane: Lane) -> RakenError | None:
        """Why a lane gets none now, if so, as far as is known without asking."""
        ...

    async def reserve(self) -> float:
        """Takes the next place, and answers in how many seconds it is, or was; 0 while Raken is to be left alone."""
        ...

    async def spend(self, lane: Lane) -> None:
        """Takes one of the day's requests, which is about to be sent.

        Raises:
            RakenError: it may not be.
        """
        ...

    def depart(self) -> int:
        """Counts one that is sent now, and answers how many pauses there were before it.

        Raises:
            RakenError: Raken has asked to be left alone in the last moment.
        """
        ...

    async def answered(self, since: int) -> None:
        """Raken has let one through that was sent after so many pauses."""
        ...

    async def refused(self, refusal: Refusal, since: int) -> RakenError:
        """Raken has refused one that was sent after so many pauses: why nobody may ask now."""
        ...

    async def today(self) -> Today:
        """What was sent today, by all."""
        ...

"""Numbers by name, and where they are kept: by one process alone, or by several as one (`app/tally.py`).

One rule: what was counted stays counted, whatever becomes of who counted it.
"""

from typing import Protocol

Name = tuple[str, ...]
"What is counted, then its labels, as in reads, PROJECTS, hit."


class Tally(Protocol):
    """Where numbers are kept."""

    def add(self, name: Name, amount: float = 1) -> None:
        """Adds to a number, which never falls."""

    def hold(self, name: Name, amount: float) -> None:
        """Says how much this process has of something now; with the process, that is gone."""

    def read(self) -> dict[Name, float]:
        """Every number, each the sum over the processes that keep it here."""


class OwnTally:
    """The numbers of a process that is alone."""

    def __init__(self) -> None:
        self._numbers: dict[Name, float] = {}

    def add(self, name: Name, amount: float = 1) -> None:
        """Adds to a number."""
        self._numbers[name] = self._numbers.get(name, 0) + amount

    def hold(self, name: Name, amount: float) -> None:
        """Says how much there is of something now."""
        self._numbers[name] = amount

    def read(self) -> dict[Name, float]:
        """Every number."""
        return dict(self._numbers)

"""Seeded chance: the only source of what is made up.

The rule: each collection and day draws from a stream of its own, so that the order of questions changes nothing.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, what: str, day: date | str = "") -> Random:
    """The chance that one collection draws from on one day."""
    return Random(f"{seed}/{what}/{day}")  # noqa: S311 -- made-up data, not a secret


def uuid(chance: Random) -> str:
    """A version 4 uuid (RFC 9562) out of seeded chance."""
    digits = f"{chance.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def happens(chance: Random, share: float) -> bool:
    """Whether something is so that is so in that share of cases."""
    return chance.random() < share


def pick(chance: Random, among: Sequence[T]) -> T:
    """One of some things: `choice` in a third of its time."""
    return among[int(chance.random() * len(among))]


def midnight(day: date) -> datetime:
    """A day's first moment, UTC."""
    return datetime.combine(day, time(), UTC)


def before(chance: Random, today: date, days: int) -> datetime:
    """A moment within some days before today, and never on it: no made-up row is newer than an edit."""
    return midnight(today) - timedelta(seconds=chance.randrange(60, max(days, 1) * 86_400))

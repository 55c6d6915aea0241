"""Comparing an expected answer with the one that was given.

The rule it keeps: values are equal, in the same order, except where the expected one is a `Like` (what depends on the
run: times, counters) or a `Cursor` (opaque: learnt here, and proved by being used in later questions).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.truth.lists import Cursor

Path = tuple[str | int, ...]
Marks = dict[str, Any]


@dataclass(frozen=True)
class Like:
    """A value that is known by its properties alone, among them those that tie it to its marked siblings."""

    words: str
    holds: Callable[[Any, Marks], bool]
    mark: str = ""


@dataclass(frozen=True)
class Json:
    """A value of the scalar JSON: the order of its keys says nothing."""

    value: Any


@dataclass(frozen=True)
class Difference:
    """Where an answer departs from the expected one, and how."""

    path: Path
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"at {placed(self.path)}\n  expected {clipped(self.expected)}\n  but got  {clipped(self.got)}"


@dataclass
class Answer:
    """The data, and the errors as (path, code)."""

    data: Any
    errors: list[tuple[Path, str]] = field(default_factory=list)


def placed(path: Path) -> str:
    """A path as one would write it."""
    return "data" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def clipped(value: Any, most: int = 600) -> str:
    """A value in words, cut where it is long."""
    words = value.words if isinstance(value, Like) else repr(value)
    return words if len(words) <= most else f"{words[:most]}… ({len(words)} characters)"


def instant(text: Any) -> datetime | None:
    """A DateTime as the contract writes it, or None."""
    if not isinstance(text, str) or not text.endswith("Z"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def past(value: Any) -> bool:
    """Whether it is a DateTime that is not in the future."""
    moment = instant(value)
    return moment is not None and moment <= datetime.now(UTC)


def count(value: Any) -> bool:
    """Whether it is an integer of 0 or more."""
    return type(value) is int and value >= 0


def differences(expected: Any, got: Any, learnt: dict[str, Cursor], path: Path = ()) -> Iterator[Difference]:
    """Every difference, in the order of the answer. `learnt` gets what the gateway's cursors mean."""
    if isinstance(expected, Cursor):
        if not isinstance(got, str) or learnt.setdefault(got, expected) != expected:
            yield Difference(path, expected, (got, learnt.get(got) if isinstance(got, str) else None))
    elif isinstance(expected, dict) and isinstance(got, dict):
        yield from of_objects(expected, got, learnt, path)
    elif isinstance(expected, list) and isinstance(got, list):
        yield from of_lists(expected, got, learnt, path)
    elif not same(expected.value if isinstance(expected, Json) else expected, got):
        yield Difference(path, expected, got)


def of_lists(expected: list[Any], got: list[Any], learnt: dict[str, Cursor], path: Path) -> Iterator[Difference]:
    """The differences between two lists: their lengths, and each item."""
    for index, (one, other) in enumerate(zip(expected, got, strict=False)):
        yield from differences(one, other, learnt, (*path, index))
    if len(expected) != len(got):
        yield Difference((*path, "length"), len(expected), len(got))


def of_objects(
    expected: dict[str, Any], got: dict[str, Any], learnt: dict[str, Cursor], path: Path
) -> Iterator[Difference]:
    """The differences between two objects: their keys in order, and each value."""
    if list(expected) != list(got):
        yield Difference((*path, "keys"), list(expected), list(got))
    marks = {value.mark: got.get(key) for key, value in expected.items() if isinstance(value, Like)}
    for key in [key for key in expected if key in got]:
        value = expected[key]
        if not isinstance(value, Like):
            yield from differences(value, got[key], learnt, (*path, key))
        elif not value.holds(got[key], marks):
            yield Difference((*path, key), value, got[key])


def same(expected: Any, got: Any) -> bool:
    """Equality that tells true from 1."""
    return bool(expected == got) and isinstance(expected, bool) == isinstance(got, bool)


def expiry(value: Any, ttl: int, marks: Marks) -> bool:
    """Whether it is `fetchedAt`, where that is there too, and the ttl."""
    end, fetched = instant(value), instant(marks.get("fetchedAt"))
    return end is not None and (fetched is None or end - fetched == timedelta(seconds=ttl))


def rate(value: Any, marks: Marks) -> bool:
    """Whether it is hits / (hits + misses), where both are there too; null before the first read."""
    if not {"hits", "misses"} <= marks.keys():
        return value is None or 0 <= value <= 1
    reads = marks["hits"] + marks["misses"]
    return value is None if not reads else value is not None and abs(value - marks["hits"] / reads) < 1e-6

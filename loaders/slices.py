"""A slice: all rows of one entity for one key, immutable, indexed at first use; and the memory that holds slices.

One rule: a slice never changes. Equal rows renew its age and keep its version; other rows are another version.
"""

from bisect import bisect_left, insort
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from typing import Any, Generic, TypeVar

from loaders.entity import Entity, Row, SliceKey
from loaders.pages import Reading

R = TypeVar("R", bound=Row)
SortKey = tuple[bool | str, ...]
_ID = attrgetter("id")
DECODED = 2.25
"Bytes that a slice of time cards takes in memory, its indexes too, for each byte of its JSON; measured."
FEW = 25
"Where at most one row in so many is another, putting those in their places costs less than sorting all; measured."


@dataclass(frozen=True, eq=False)
class Slice(Generic[R]):
    """All rows of one key as one reading found them, in the order of the entity's lists."""

    key: SliceKey
    reading: Reading
    version: int
    "Grows with each change of content, and only then."
    rows: Sequence[R]
    by_id: dict[str, R]
    indexes: dict[str, dict[str, list[R]]] = field(default_factory=dict)
    "By the names of the entity's `keys`, each made at its first use."

    @classmethod
    def of(cls, key: SliceKey, reading: Reading, before: "Slice[R] | None", version: int) -> "Slice[R]":
        """The slice that a reading makes: of `before`'s version and order where it found nothing else."""
        if before is not None and reading.rows is before.reading.rows:
            return replace(before, reading=reading)
        found: dict[str, Any] = {row.id: row for row in reading.rows}
        if before is not None and found == before.by_id:
            # The rows are the reading's own, so that the old ones can go.
            return cls(key, reading, before.version, [found[id_] for id_ in map(_ID, before.rows)], found)
        exchange = _exchange(before.by_id if before is not None else {}, found, partial(sort_key, key.entity))
        if before is None or FEW * len(exchange) > len(found):
            return cls(key, reading, version, sorted(found.values(), key=exchange.place), found)
        indexes = {name: exchange.index(index, key.entity.keys[name]) for name, index in before.indexes.items()}
        return cls(key, reading, version, exchange.rows(before.rows), found, indexes)

    def find(self, index: str, value: str) -> Sequence[R]:
        """The rows that have a value under one of the entity's `keys`, in order."""
        if index not in self.indexes:
            self.indexes[index] = _grouped(self.rows, self.key.entity.keys[index])
        return self.indexes[index].get(value, ())

    @property
    def known(self) -> set[str]:
        """The uuids that Raken has here, of rows that were left out as unreadable too."""
        return {*self.by_id, *(one.id for one in self.reading.rejected if one.id is not None)}

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return round(self.reading.size * DECODED)


def sort_key(entity: Entity[Any], row: Any) -> SortKey:
    """Where a row stands in its entity's lists; the id breaks ties."""
    return (*entity.order(row), row.id)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A few rows that go and a few that come, where the others stay as they are and in their order."""

    gone: Sequence[Any]
    new: Sequence[Any]
    place: Callable[[Any], SortKey]

    def __len__(self) -> int:
        return len(self.gone) + len(self.new)

    def rows(self, before: Sequence[Any]) -> list[Any]:
        """Rows in order, after it."""
        rows = list(before)
        for row in self.gone:
            del rows[bisect_left(rows, self.place(row), key=self.place)]
        for row in self.new:
            insort(rows, row, key=self.place)
        return rows

    def index(self, before: dict[str, list[Any]], key: Callable[[Any], str | None]) -> dict[str, list[Any]]:
        """An index, after it."""
        gone, new = _grouped(self.gone, key), _grouped(self.new, key)
        own = {value: _Exchange(gone.get(value, ()), new.get(value, ()), self.place) for value in gone | new}
        return before | {value: exchange.rows(before.get(value, ())) for value, exchange in own.items()}


def _exchange(before: dict[str, Any], after: dict[str, Any], place: Callable[[Any], SortKey]) -> _Exchange:
    new = [row for id_, row in after.items() if before.get(id_) is not row]
    gone = (before.keys() - after.keys()).union(row.id for row in new if row.id in before)
    return _Exchange([before[id_] for id_ in gone], new, place)


def _grouped(rows: Iterable[Any], key: Callable[[Any], str | None]) -> dict[str, list[Any]]:
    """Rows by a value that they have, in order."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        value = key(row)
        if value is not None:
            found[value].append(row)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Difference:
    """How many rows there are that were not, that are otherwise or elsewhere, and that are gone."""

    added: int
    changed: int
    removed: int


def difference(pairs: Iterable[tuple[Slice[Any] | None, Slice[Any]]]) -> Difference:
    """Counts, by id, what the readings of some slices of one entity changed; each slice as before, and after."""
    old, new, came, went, changed = (set[str]() for _ in range(5))
    for before, after in pairs:
        had, has = (before.by_id if before is not None else {}), after.by_id
        old |= had.keys()
        new |= has.keys()
        came |= has.keys() - had.keys()
        went |= had.keys() - has.keys()
        changed |= {id_ for id_ in had.keys() & has.keys() if had[id_] != has[id_]}
    # What left one slice and came into another, as a card that has got another month, is still there.
    return Difference(len(new - old), len((changed | came & went) & old & new), len(old - new))


class Memory:
    """The slices of this process, bounded in bytes; the least recently used goes first."""

    def __init__(self, limit: int) -> None:
        """`limit` is in bytes; the newest slice is kept whatever its size."""
        self._limit = limit
        self._slices: OrderedDict[SliceKey, Slice[Any]] = OrderedDict()
        self.size = 0

    def peek(self, key: SliceKey) -> Slice[Any] | None:
        """The slice of a key, if it is held; looking does not count as use."""
        return self._slices.get(key)

    def use(self, key: SliceKey) -> Slice[Any] | None:
        """The slice of a key, if it is held, now the most recently used."""
        if key in self._slices:
            self._slices.move_to_end(key)
        return self._slices.get(key)

    def keep(self, slice_: Slice[Any]) -> None:
        """Holds a slice in the place of the one of its key, and lets others go where there is no room."""
        self._drop(slice_.key)
        self._slices[slice_.key] = slice_
        self.size += slice_.size
        while self.size > self._limit and len(self._slices) > 1:
            self._drop(next(iter(self._slices)))

    def _drop(self, key: SliceKey) -> None:
        slice_ = self._slices.pop(key, None)
        self.size -= slice_.size if slice_ is not None else 0

    def __iter__(self) -> Iterator[Slice[Any]]:
        return iter(tuple(self._slices.values()))


def total(slices: Iterable[Slice[Any]]) -> int:
    """How many distinct rows some slices of one entity hold."""
    return len({id_ for slice_ in slices for id_ in slice_.by_id})

"""A slice: all rows of one entity for one key, immutable, indexed at first use; and the memory that holds slices.

One rule: a slice never changes. Equal rows renew its age and keep its version; other rows are another version.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from loaders.entity import Entity, Row, SliceKey
from loaders.pages import Reading

R = TypeVar("R", bound=Row)
SortKey = tuple[bool | str, ...]


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
        """The slice that a reading makes: `before`'s rows, indexes and version where it found nothing else."""
        by_id = {row.id: row for row in reading.rows}
        if before is not None and by_id == before.by_id:
            return cls(key, reading, before.version, before.rows, before.by_id, before.indexes)
        return cls(key, reading, version, sorted(by_id.values(), key=lambda row: sort_key(key.entity, row)), by_id)

    def find(self, index: str, value: str) -> Sequence[R]:
        """The rows that have a value under one of the entity's `keys`, in order."""
        if index not in self.indexes:
            self.indexes[index] = self._index(index)
        return self.indexes[index].get(value, ())

    def _index(self, index: str) -> dict[str, list[R]]:
        found: dict[str, list[R]] = defaultdict(list)
        key = self.key.entity.keys[index]
        for row in self.rows:
            value = key(row)
            if value is not None:
                found[value].append(row)
        return dict(found)

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return self.reading.size


def sort_key(entity: Entity[Any], row: Any) -> SortKey:
    """Where a row stands in its entity's lists; the id breaks ties."""
    return (*entity.order(row), row.id)


@dataclass(frozen=True, slots=True)
class Difference:
    """How many rows one slice has that another had not, has otherwise, and lacks."""

    added: int
    changed: int
    removed: int


def difference(before: Slice[Any] | None, after: Slice[Any]) -> Difference:
    """Counts, by id, what a reading changed."""
    old = before.by_id if before is not None else {}
    kept = old.keys() & after.by_id.keys()
    changed = sum(old[id_] != after.by_id[id_] for id_ in kept)
    return Difference(len(after.by_id) - len(kept), changed, len(old) - len(kept))


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

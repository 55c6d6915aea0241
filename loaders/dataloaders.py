"""The DataLoaders of one request: all the keys of one level become one look-up in slices, or one SQL statement.

One rule: a set lives as long as one request, and is made anew after each mutation.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from strawberry.dataloader import DataLoader

from loaders.accounts import Account, Accounts
from loaders.audit import AuditLog
from loaders.entity import Entity, Row, SliceKey, Window
from loaders.extensions import MemberExtension, MemberExtensions, ProjectExtension, ProjectExtensions
from loaders.loader import Loader
from loaders.lookups import Wanted
from loaders.operation import Operation, Serving
from loaders.slices import sort_key

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Sourced(NamedTuple):
    """A row and the serving it came from, which knows its age."""

    row: Any
    serving: Serving


class Rows(NamedTuple):
    """Rows that are asked for: by a value under an index (None: all), in a window (None: whatever its date)."""

    under: str | None
    value: str | None
    window: Window | None = None


class Stores(NamedTuple):
    """What is read from Postgres."""

    projects: ProjectExtensions
    members: MemberExtensions
    accounts: Accounts
    audit: AuditLog


class Loaders:
    """One request's DataLoaders over one operation's pins."""

    def __init__(self, loader: Loader, stores: Stores, operation: Operation) -> None:
        self.loader = loader
        self.operation = operation
        self._many: dict[str, DataLoader[tuple[Wanted, ...], list[Sourced | None]]] = {}
        self._rows: dict[str, DataLoader[Rows, list[Sourced]]] = {}
        self.project_extension: DataLoader[str, ProjectExtension | None] = by_id(stores.projects.many)
        self.member_extension: DataLoader[str, MemberExtension | None] = by_id(stores.members.many)
        self.account: DataLoader[str, Account | None] = by_id(stores.accounts.many)
        self.assigned: DataLoader[str, list[str] | None] = by_id(stores.members.members_of)

    async def one(self, entity: Entity[Any], id_: str, since: float = float("inf")) -> Sourced | None:
        """The row of an id, if Raken has it; `since` is when what names it was read.

        Raises: RakenError.
        """
        return (await self.many(entity, (Wanted(id_, since),)))[0]

    async def many(self, entity: Entity[Any], wanted: tuple[Wanted, ...]) -> list[Sourced | None]:
        """The rows of some ids, in their order; None for each that Raken does not have.

        Raises: RakenError.
        """
        # What is at hand needs no batch: a list of a thousand cards names its workers a thousand times.
        serving = self.operation.served(SliceKey(entity))
        if serving is not None and all(one.id in serving.slice.by_id for one in wanted):
            return _found(serving, wanted)
        if entity.name not in self._many:
            self._many[entity.name] = DataLoader(lambda asked: self._look_up(entity, asked))
        return await self._many[entity.name].load(wanted)

    async def rows(self, entity: Entity[Any], asked: Rows) -> list[Sourced]:
        """The rows of an entity by index and window, in the entity's order.

        Raises: RakenError.
        """
        if entity.name not in self._rows:
            self._rows[entity.name] = DataLoader(lambda asks: self._select(entity, asks))
        return await self._rows[entity.name].load(asked)

    async def all(self, entity: Entity[Any]) -> list[Sourced]:
        """All the rows of an entity that is not dated, in its order.

        Raises: RakenError.
        """
        return await self.rows(entity, Rows(None, None))

    async def _look_up(self, entity: Entity[Any], asked: Sequence[tuple[Wanted, ...]]) -> list[list[Sourced | None]]:
        all_ = [one for wanted in asked for one in wanted]
        serving = await self.loader.read(SliceKey(entity), self.operation, all_)
        return [_found(serving, wanted) for wanted in asked]

    async def _select(self, entity: Entity[Any], asks: Sequence[Rows]) -> list[list[Sourced] | BaseException]:
        read: dict[SliceKey, Serving | BaseException] = {}
        # Reading may teach that Raken wants to be asked by project: then other slices hold what is asked for.
        while lacking := [key for ask in asks for key in self._keys(entity, ask) if key not in read]:
            read |= await self._read(lacking)
        return [self._choose(entity, ask, [read[key] for key in self._keys(entity, ask)]) for ask in asks]

    def _keys(self, entity: Entity[Any], ask: Rows) -> list[SliceKey]:
        """The slices that hold what is asked for."""
        apart = ask.under == "project" and self.loader.by_project(entity)
        project = ask.value if apart else None
        if not entity.dated or ask.window is None:
            return [SliceKey(entity, project)]
        return [SliceKey(entity, project, month) for month in ask.window.months()]

    async def _read(self, keys: Iterable[SliceKey]) -> dict[SliceKey, Serving | BaseException]:
        distinct = list(dict.fromkeys(keys))
        if any(key.project is not None for key in distinct):
            # Where the operation's share runs out, the slices that answer for every project have gone first.
            await asyncio.sleep(0)
        reads = (self.loader.read(key, self.operation) for key in distinct)
        return dict(zip(distinct, await asyncio.gather(*reads, return_exceptions=True), strict=True))

    def _choose(
        self, entity: Entity[Any], ask: Rows, servings: Sequence[Serving | BaseException]
    ) -> list[Sourced] | BaseException:
        """The rows asked for among the slices that hold them; the first error where one of them failed."""
        whole: list[Serving] = []
        for serving in servings:
            if isinstance(serving, BaseException):
                return serving
            whole.append(serving)
        return chosen(entity, ask, whole)


def _found(serving: Serving, wanted: Iterable[Wanted]) -> list[Sourced | None]:
    rows = (serving.slice.by_id.get(one.id) for one in wanted)
    return [None if row is None else Sourced(row, serving) for row in rows]


def chosen(entity: Entity[Any], ask: Rows, servings: Sequence[Serving]) -> list[Sourced]:
    """The rows asked for, in order, each id once: as the latest of the readings that have it says."""
    found: list[Sourced] = []
    later: list[Serving] = []
    for serving in sorted(servings, key=lambda one: -one.slice.reading.sent_at):
        rows = serving.slice.rows if ask.under is None else serving.slice.find(ask.under, ask.value or "")
        # Another month, another project: a later reading has the last word, also where it leads elsewhere.
        found += [
            Sourced(row, serving)
            for row in rows
            if within(entity, row, ask.window) and not (later and any(row.id in other.slice.by_id for other in later))
        ]
        later.append(serving)
    return sorted(found, key=lambda one: sort_key(entity, one.row)) if len(servings) > 1 else found


def within(entity: Entity[Any], row: Row, window: Window | None) -> bool:
    """Whether a row's dates touch a window; a row without dates is in every window of its slice."""
    if window is None or entity.span is None:
        return True
    first, last = entity.span(row)
    return (first is None or first <= window.last) and (last is None or last >= window.first)


def by_id(many: Callable[[Sequence[str]], Coroutine[Any, Any, dict[str, V]]]) -> DataLoader[str, V | None]:
    """A DataLoader over a store that finds many ids in one statement."""

    async def load(ids: list[str]) -> list[V | None]:
        found = await many(ids)
        return [found.get(id_) for id_ in ids]

    return DataLoader(load)

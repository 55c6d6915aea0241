"""What a field may reach: who asks, the loaders of this request, and the doors to what only the process can do.

One rule: a resolver that needs something outside its row asks this, and nothing else.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from strawberry.types.info import Info as StrawberryInfo

from loaders.accounts import Account
from loaders.dataloaders import Loaders, Rows, Sourced, Stores
from loaders.entity import Entity, Window
from loaders.errors import TooComplex
from loaders.freshness import State
from loaders.loader import Loader
from loaders.operation import Operation
from loaders.raken import Standing
from loaders.refresh import Refresher
from resolvers.access import Viewer
from resolvers.node import Node
from resolvers.paging import Connection, page
from resolvers.windows import window

MOST = 100_000
"Objects of Raken's in one answer."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in gives: a token, its end, and whose it is."""

    token: str
    expires_at: dt.datetime
    account: Account


@dataclass(frozen=True, slots=True)
class CacheRow:
    """What an entity's cache has done since the process started."""

    entity: str
    state: State | None
    objects: int
    ttl_seconds: int
    last_refreshed_at: dt.datetime | None
    last_error: str | None
    hits: int
    misses: int
    upstream_requests: int


class Process(Protocol):
    """What only the process can do."""

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """Raises: Unauthenticated, ExtensionsUnavailable."""

    async def caches(self) -> Sequence[CacheRow]:
        """One row an entity, in the catalogue's order."""

    async def standing(self) -> Standing:
        """How Raken is doing."""


@dataclass(slots=True)
class Context:
    """One request's view of everything."""

    viewer: Viewer | None
    today: dt.date
    process: Process
    stores: Stores
    refresher: Refresher
    catalogue: Mapping[Entity[Any], type]
    "The type that shows an entity's rows."
    loader: Loader
    operation: Operation
    loaders: Loaders = field(init=False)
    shown: int = 0
    "Objects of Raken's that the answer has so far."

    @property
    def actor(self) -> str:
        """Who is written down for a change."""
        return self.viewer.subject if self.viewer else "nobody"

    def __post_init__(self) -> None:
        self.renew()

    @property
    def excess(self) -> str | None:
        """What the answer has too much of: teams of projects of teams multiply."""
        return f"expected an answer of {MOST} objects at most, got more" if self.shown > MOST else None

    def renew(self) -> None:
        """Starts with loaders that have seen nothing yet: what a mutation did is in the very next field."""
        self.operation.renew()
        self.loaders = Loaders(self.loader, self.stores, self.operation)

    def window(self, first: dt.date | None, last: dt.date | None) -> Window:
        """The window of two arguments, either of which may be missing."""
        return window(first, last, self.today)

    def node(self, entity: Entity[Any], sourced: Sourced) -> Any:
        """A row as the graph shows it.

        Raises:
            TooComplex: the answer has more objects than anyone reads.
        """
        self.shown += 1
        if self.excess is not None:
            raise TooComplex(self.excess)
        type_ = self.catalogue[entity]
        return type_.of(sourced.row, sourced.serving) if issubclass(type_, Node) else sourced.row

    async def one(self, entity: Entity[Any], id_: str | None, since: float = float("inf")) -> Any:
        """The node of an id; None for none, and where Raken has none. `since`: when what names it was read."""
        sourced = None if id_ is None else await self.loaders.one(entity, id_, since)
        return None if sourced is None else self.node(entity, sourced)

    async def page(self, entity: Entity[Any], asked: Rows, first: int | None, after: str | None, name: str) -> Any:
        """A page of rows by index and window."""
        return self.connect(entity, await self.loaders.rows(entity, asked), first, after, name)

    def connect(
        self, entity: Entity[Any], rows: Sequence[Sourced], first: int | None, after: str | None, name: str
    ) -> Connection[Any]:
        """A page of rows that are at hand, in the entity's order."""
        return page(entity, rows, lambda one: self.node(entity, one), first, after, name)


Info: TypeAlias = StrawberryInfo[Context, None]

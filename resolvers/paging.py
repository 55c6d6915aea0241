"""Cursor pages: a cursor names a list and the sort key of a row in it, never a position.

One rule: a row that stays and keeps its sort key is neither lost nor repeated, whatever comes and goes around it.
"""

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import strawberry

from loaders.dataloaders import Sourced
from loaders.entity import Entity
from loaders.errors import BadInput
from loaders.slices import SortKey, sort_key

T = TypeVar("T")
MOST = 1000
DEFAULT = 100


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """GraphQL's Relay-style page information."""

    has_next_page: bool = strawberry.field(description="Whether rows follow the page.")
    has_previous_page: bool = strawberry.field(description="Whether rows precede the page.")
    start_cursor: str | None = strawberry.field(description="The cursor of its first row; null for an empty page.")
    end_cursor: str | None = strawberry.field(
        description="The cursor of its last row: pass it as `after` to read on; null for an empty page."
    )


@strawberry.type(description="A row in a list, with its cursor.")
class Edge(Generic[T]):
    """A node and its cursor."""

    cursor: str = strawberry.field(description="Names the list and the row's sort key.")
    node: T = strawberry.field(description="The row.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """A page, its edges made only where they are asked for."""

    nodes: list[T] = strawberry.field(description="The rows of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="How many rows the whole list has.")
    cursors: strawberry.Private[Callable[[], list[str]]]

    @strawberry.field(description="The rows of the page with their cursors.")
    def edges(self) -> list[Edge[T]]:
        """Pairs cursors and nodes."""
        return [Edge(cursor=cursor, node=node) for cursor, node in zip(self.cursors(), self.nodes, strict=True)]


def page(
    entity: Entity[Any],
    rows: Sequence[Sourced],
    node: Callable[[Sourced], T],
    first: int | None,
    after: str | None,
    name: str,
) -> Connection[T]:
    """A page of rows that are in the entity's order; `name` tells this list from every other.

    Raises: BadInput, for `first` out of range, and for a cursor that is malformed or another list's.
    """
    most = size(first)
    start = 0 if after is None or after is strawberry.UNSET else _position(entity, rows, unpack(after, name))
    chosen = rows[start : start + most]

    def cursors() -> list[str]:
        return [pack(name, sort_key(entity, one.row)) for one in chosen]

    ends = [pack(name, sort_key(entity, one.row)) for one in (chosen[0], chosen[-1])] if chosen else [None, None]
    info = PageInfo(
        has_next_page=start + len(chosen) < len(rows),
        has_previous_page=start > 0,
        start_cursor=ends[0],
        end_cursor=ends[1],
    )
    return Connection(nodes=[node(one) for one in chosen], page_info=info, total_count=len(rows), cursors=cursors)


def size(first: int | None) -> int:
    """How many rows a page has at most.

    Raises: BadInput.
    """
    most = DEFAULT if first is None else first
    if not 0 <= most <= MOST:
        raise BadInput(f"expected first between 0 and {MOST}, got {most}")
    return most


def _position(entity: Entity[Any], rows: Sequence[Sourced], key: SortKey) -> int:
    """How many rows stand at or before a key."""
    if rows and [type(part) for part in key] != [type(part) for part in sort_key(entity, rows[0].row)]:
        raise _foreign()
    return bisect_right(rows, key, key=lambda one: sort_key(entity, one.row))


def pack(name: str, key: SortKey) -> str:
    """A cursor: the list's name and a sort key, opaque to clients."""
    return base64.urlsafe_b64encode(json.dumps([name, *key], separators=(",", ":")).encode()).decode().rstrip("=")


def unpack(cursor: str, name: str) -> SortKey:
    """The sort key in a cursor of the list of that name.

    Raises: BadInput.
    """
    try:
        parts = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise BadInput("expected a cursor that this list gave out, got something else") from None
    if not isinstance(parts, list) or not all(isinstance(part, bool | str) for part in parts) or parts[:1] != [name]:
        raise _foreign()
    return tuple(parts[1:])


def _foreign() -> BadInput:
    return BadInput("expected a cursor of this list, got one of another list")

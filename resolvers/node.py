"""What every Raken-owned type is: a row, with the serving that it came from.

One rule: a plain field is an attribute of the row; only what needs arguments, a role or I/O is a method.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Self

import strawberry

from loaders.freshness import State
from loaders.operation import Serving
from resolvers.described import described

described(
    State,
    "FreshnessState",
    "How an answer stands towards its TTL.",
    FRESH="Younger than its TTL.",
    REVALIDATING="Older than its TTL; a refresh is under way.",
    DEGRADED=(
        "Older than its TTL, and Raken could not be reached, said no, or is not asked to keep the day's quota: "
        "the last known answer."
    ),
)


def plain(description: str, costs: Mapping[str, Any] | None = None) -> Any:
    """A field that is read off the row as it lies there; `costs` is for a list of objects."""
    return strawberry.field(description=description, metadata=costs)


@strawberry.type(description="How old a Raken-owned object is, and why (RFC 9111 terms).")
class Freshness:
    """A serving's age, in the schema's words."""

    state: State = strawberry.field(description="Whether the object is younger than its TTL, and if not, why.")
    fetched_at: dt.datetime = strawberry.field(
        description="When the first request of its reading was sent: it is as Raken had it then or later."
    )
    expires_at: dt.datetime = strawberry.field(description="When it ends being fresh: `fetchedAt` and the TTL.")
    age_seconds: int = strawberry.field(description="Whole seconds since `fetchedAt`.")
    ttl_seconds: int = strawberry.field(description="How long it is fresh, in seconds.")
    warning: str | None = strawberry.field(description="Set only when state is DEGRADED: what a person should be told.")

    @classmethod
    def of(cls, serving: Serving) -> "Freshness":
        """What a serving says of its age."""
        return cls(
            state=serving.state,
            fetched_at=serving.fetched_at,
            expires_at=serving.expires_at,
            age_seconds=int(serving.age),
            ttl_seconds=int(serving.lifetime.ttl),
            warning=serving.warning,
        )


@strawberry.type
class Part:
    """A row, or a part of one, and its serving; attributes that it has not are the row's."""

    row: strawberry.Private[Any]
    serving: strawberry.Private[Serving]

    @classmethod
    def of(cls, row: Any, serving: Serving) -> Self:
        """The row as the graph shows it; its plain fields stay where they lie, so the dataclass has none to take."""
        part = cls.__new__(cls)
        part.row, part.serving = row, serving
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)

    @property
    def since(self) -> float:
        """When the row was read, on the monotonic clock: what it names is as new as that."""
        return self.serving.slice.reading.sent_at


@strawberry.type
class Node(Part):
    """A row that says how old it is."""

    @strawberry.field(description="How old this object is, and why.")
    def freshness(self) -> Freshness:
        """The serving's."""
        return Freshness.of(self.serving)

"""Fields that many types have, each kind made in one place: pages of a window, ASR's own, a row's project.

One rule: the type of a field is written where the field is; here is only how it resolves.
"""

from collections.abc import Callable
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from loaders.accounts import Role
from loaders.dataloaders import Rows
from loaders.entities.projects import PROJECTS
from loaders.entity import Entity
from resolvers.access import Allowed
from resolvers.arguments import After, First, From, To
from resolvers.context import Info
from resolvers.costs import WINDOW, cost
from resolvers.node import Node
from resolvers.paging import DEFAULT
from resolvers.types.references import ProjectRef


def paged(entity: Entity[Any], index: str, description: str) -> Any:
    """A page of the rows of an entity that name this node under an index, in a window."""

    async def resolve(
        root: Any,
        info: Info,
        from_: From = strawberry.UNSET,
        to: To = strawberry.UNSET,
        first: First = DEFAULT,
        after: After = strawberry.UNSET,
    ) -> Any:
        asked = Rows(index, root.row.id, info.context.window(from_, to))
        return await info.context.page(entity, asked, first, after, f"{index}.{entity.name}:{root.row.id}")

    return strawberry.field(resolver=resolve, description=description, metadata=cost(work=WINDOW))


def ours(
    name: str, description: str, *roles: Role, absent: Any = None, shown: Callable[[Any], Any] = lambda value: value
) -> Any:
    """A field of ASR's row on this node, for some roles only where any are named; `absent` is what no row has."""

    async def resolve(root: Any, info: Info) -> Any:
        row = await root.extension(info)
        return absent if row is None else shown(getattr(row, name))

    extensions: list[FieldExtension] = [Allowed(*roles)] if roles else []
    return strawberry.field(resolver=resolve, description=description, extensions=extensions)


@strawberry.type
class OnProject(Node):
    """A node that lies on a project."""

    @strawberry.field(description="Null where Raken no longer has the project.")
    async def project(self, info: Info) -> ProjectRef | None:
        """By its id."""
        return await info.context.one(PROJECTS, self.row.project_id, self.since)

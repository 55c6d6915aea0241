"""Materials."""

import strawberry

from resolvers.node import Node, plain


@strawberry.type(description="A material that is logged.")
class Material(Node):
    """A material."""

    id: strawberry.ID = plain("Raken's uuid.")
    name: str = plain("Its name.")
    unit: str | None = plain("What it is counted in.")

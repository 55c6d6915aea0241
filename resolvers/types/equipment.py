"""Equipment."""

import strawberry

from resolvers.node import Node, plain


@strawberry.type(description="A piece of equipment.")
class Equipment(Node):
    """A piece of equipment."""

    id: strawberry.ID = plain("Raken's uuid.")
    name: str = plain("Its name.")
    equipment_id: str | None = plain("The company's own number for it.")

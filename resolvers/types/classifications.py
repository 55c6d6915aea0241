"""Classifications."""

import strawberry

from resolvers.node import plain


@strawberry.type(description="A trade or grade that a member works as.")
class Classification:
    """A classification, read off the row it lies on."""

    id: strawberry.ID = plain("Raken's uuid.")
    name: str = plain("Its name.")

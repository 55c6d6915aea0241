"""Pay types."""

import strawberry

from resolvers.node import plain


@strawberry.type(description="A kind of pay, like regular time or overtime.")
class PayType:
    """A pay type, read off the row it lies on."""

    id: strawberry.ID = plain("Raken's uuid.")
    name: str = plain("Its name.")
    code: str = plain("Its short code, like RT or OT.")

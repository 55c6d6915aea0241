"""Accounts of the gateway itself."""

import strawberry

from loaders.accounts import Account, Role
from resolvers.described import described

described(
    Role,
    "Role",
    "What a person may do.",
    VIEWER="Reads Raken's data and ASR's public fields.",
    MANAGER="Reads everything but the admin's fields, and writes projects' extensions.",
    PAYROLL="Reads everything but the admin's fields.",
    ADMIN="Everything: members' extensions, refreshes, and the admin's fields.",
)


@strawberry.type(description="A person who signs in to the gateway.")
class UserAccount:
    """An account as the graph shows it."""

    id: strawberry.ID = strawberry.field(description="The account's id; the token's subject where there is no account.")
    email: str = strawberry.field(description="The address to sign in with.")
    display_name: str = strawberry.field(description="The name to show.")
    role: Role = strawberry.field(description="What the person may do.")
    active: bool = strawberry.field(description="Whether the person may sign in.")

    @classmethod
    def of(cls, account: Account) -> "UserAccount":
        """The account as the graph shows it."""
        return cls(
            id=strawberry.ID(account.id),
            email=account.email,
            display_name=account.display_name,
            role=account.role,
            active=account.active,
        )

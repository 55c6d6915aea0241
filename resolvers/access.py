"""Who asks, and which roles a field is for.

One rule: a role is checked here and nowhere else; the field that carries the check says so in its description.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from loaders.accounts import Account, Role
from loaders.errors import ExtensionsUnavailable, Forbidden, Unauthenticated


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is signed in: the subject of the token, the role that holds, and the account where there is one."""

    subject: str
    role: Role
    account: Account
    claimed: Role | None = None
    "What the token claims, where nobody can say whether that holds: Postgres is away, and the role is the least."

    @property
    def account_id(self) -> str | None:
        """The account's id, which may be written down; a subject without an account may be anybody's email."""
        return None if self.account.id == self.account.email else self.account.id


class Allowed(FieldExtension):
    """Lets only some roles reach a field; for others it is null, with a `FORBIDDEN` error."""

    def __init__(self, *roles: Role) -> None:
        self.roles = roles

    def apply(self, field: StrawberryField) -> None:
        """Says in the field's description whom it is for."""
        field.description = f"{field.description} {self.words}"

    @property
    def words(self) -> str:
        """Whom it is for, as a sentence."""
        return f"Only for {', '.join(role.value for role in self.roles)}."

    def check(self, info: Info[Any, Any]) -> None:
        """Raises: Unauthenticated, Forbidden."""
        viewer: Viewer | None = info.context.viewer
        if viewer is None:
            raise Unauthenticated("sign in first")
        if viewer.role not in self.roles:
            if viewer.claimed is not None and viewer.claimed in self.roles:
                words = f"Postgres is away: nobody can say whether the role {viewer.claimed.value} holds"
                raise ExtensionsUnavailable(words)
            raise Forbidden(f"{info.field_name}: expected a role among {self.words[9:-1]}, got {viewer.role.value}")

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info[Any, Any], **arguments: Any) -> Any:
        """Checks, then resolves."""
        self.check(info)
        return next_(source, info, **arguments)

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info[Any, Any], **arguments: Any
    ) -> Any:
        """Checks, then resolves."""
        self.check(info)
        return await next_(source, info, **arguments)


INSIDERS = (Role.MANAGER, Role.PAYROLL, Role.ADMIN)
EDITORS = (Role.MANAGER, Role.ADMIN)
ADMINS = (Role.ADMIN,)

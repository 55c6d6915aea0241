"""Local accounts: who may sign in here, and as what.

The rule it keeps: an email address is one account, whatever its letter case.
"""

# ruff: noqa: S608 - the names in the statements are this module's, never a reader's

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import asyncpg

from loaders.audit import audit
from loaders.errors import BadInput
from loaders.inputs import UNSTORABLE, text
from loaders.postgres import COORDINATING, Postgres
from loaders.uuids import is_uuid


class Role(Enum):
    """What somebody may do, by the contract."""

    VIEWER = "VIEWER"
    MANAGER = "MANAGER"
    PAYROLL = "PAYROLL"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in, unless deactivated."""

    id: str
    email: str
    display_name: str
    role: Role
    active: bool


_COLUMNS = "id, email, display_name, role, active"
_BY_SUBJECT = f"SELECT {_COLUMNS} FROM accounts WHERE id = $1 OR lower(email) = lower($2)"
_MANY = f"SELECT {_COLUMNS} FROM accounts WHERE id = ANY($1::text[]::uuid[])"
_EVERYONE = f"SELECT {_COLUMNS} FROM accounts ORDER BY lower(email)"
_PASSWORD_HASH = "SELECT password_hash FROM accounts WHERE lower(email) = lower($1)"  # noqa: S105 - a statement, not a password
_ADD = f"""
    INSERT INTO accounts (email, role, display_name, password_hash) VALUES ($1, $2, $3, $4) RETURNING {_COLUMNS}
"""


class Accounts:
    """The accounts in Postgres; every method raises ExtensionsUnavailable where it is away."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def by_subject(self, subject: str) -> Account | None:
        """The account that a token's `sub` names: by its id, or its email without regard to case."""
        if UNSTORABLE.search(subject):
            return None
        async with self._postgres.asking(COORDINATING) as connection:
            row = await connection.fetchrow(_BY_SUBJECT, subject if is_uuid(subject) else None, subject.strip())
        return None if row is None else _account(row)

    async def many(self, ids: Sequence[str]) -> dict[str, Account]:
        """The accounts of these ids, in one statement; an unknown id is left out."""
        wanted = [id_ for id_ in ids if is_uuid(id_)]
        if not wanted:
            return {}
        async with self._postgres.asking(COORDINATING) as connection:
            rows = await connection.fetch(_MANY, wanted)
        return {account.id: account for account in map(_account, rows)}

    async def everyone(self) -> list[Account]:
        """All accounts, by email."""
        async with self._postgres.asking() as connection:
            return [_account(row) for row in await connection.fetch(_EVERYONE)]

    async def password_hash(self, email: str) -> str | None:
        """The hash that the account of this email was added with; None where there is no such account."""
        if UNSTORABLE.search(email):
            return None
        async with self._postgres.asking() as connection:
            hashed: str | None = await connection.fetchval(_PASSWORD_HASH, email.strip())
        return hashed

    async def add(
        self, email: str, role: Role, name: str | None = None, *, password_hash: str, actor: str = "command line"
    ) -> Account:
        """Adds an account; without a name it goes by its email.

        Raises:
            BadInput: no email, or one that is taken.
        """
        email = text("email", email.strip())
        if not email:
            raise BadInput("email: expected an address, got nothing")
        shown = text("name", (name or "").strip()) or email
        async with self._postgres.asking() as connection, connection.transaction():
            try:
                row = await connection.fetchrow(_ADD, email, role.value, shown, password_hash)
            except asyncpg.UniqueViolationError:
                raise BadInput(f"email: expected a new one, got {email}, which has an account") from None
            added = _account(row)
            after = {"email": email, "displayName": shown, "role": role.value}
            await audit(connection, actor, "addAccount", added.id, None, after)
        return added


def _account(row: Any) -> Account:
    return Account(str(row["id"]), row["email"], row["display_name"], Role(row["role"]), row["active"])

"""Local accounts: who may sign in here, and as what.

The rule it keeps: an email address is one account, whatever its letter case; and each change of an account is in the
audit log, and told to all processes.
"""

# ruff: noqa: S608 - the names in the statements are this module's, never a reader's

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import asyncpg

from loaders import inputs
from loaders.audit import audit
from loaders.errors import BadInput, NotFound
from loaders.inputs import UNSTORABLE
from loaders.ledger import CHANNEL
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
    session_number: int = 0
    "Sessions that were begun under a lower one have ended."


COMMAND_LINE = "command line"
"The actor where a command changes something."
_COLUMNS = "id, email, display_name, role, active, session_number"
_BY_SUBJECT = f"SELECT {_COLUMNS} FROM accounts WHERE id = $1 OR lower(email) = lower($2)"
_MANY = f"SELECT {_COLUMNS} FROM accounts WHERE id = ANY($1::text[]::uuid[])"
_EVERYONE = f"SELECT {_COLUMNS} FROM accounts ORDER BY lower(email)"
_SECRET = f"SELECT {_COLUMNS}, password_hash FROM accounts WHERE lower(email) = lower($1)"
_ADD = f"""
    INSERT INTO accounts (email, role, display_name, password_hash) VALUES ($1, $2, $3, $4) RETURNING {_COLUMNS}
"""
_LOCK = f"SELECT {_COLUMNS} FROM accounts WHERE lower(email) = lower($1) FOR UPDATE"
_ACTIVE = "active = $2, session_number = session_number + 1"
_ROLE = "role = $2"
_PASSWORD = "password_hash = $2, session_number = session_number + 1"  # noqa: S105 - a statement's part
_TELL = "SELECT pg_notify($1, 'account ' || $2)"


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

    async def secret(self, email: str) -> tuple[Account, str] | None:
        """The account of an email with the hash of its password; None where there is no such account."""
        if UNSTORABLE.search(email):
            return None
        async with self._postgres.asking() as connection:
            row = await connection.fetchrow(_SECRET, email.strip())
        return None if row is None else (_account(row), row["password_hash"])

    async def add(
        self, email: str, role: Role, name: str | None = None, *, password_hash: str, actor: str = COMMAND_LINE
    ) -> Account:
        """Adds an account; without a name it goes by its email.

        Raises:
            BadInput: no email, or one that is taken.
        """
        email = inputs.email("email", email.strip())
        shown = inputs.text("name", (name or "").strip()) or email
        async with self._postgres.asking() as connection, connection.transaction():
            try:
                row = await connection.fetchrow(_ADD, email, role.value, shown, password_hash)
            except asyncpg.UniqueViolationError:
                raise BadInput(f"email: expected a new one, got {email}, which has an account") from None
            added = _account(row)
            after = {"email": email, "displayName": shown, "role": role.value}
            await audit(connection, actor, "addAccount", added.id, None, after)
        return added

    async def deactivate(self, email: str, actor: str = COMMAND_LINE) -> Account:
        """Shuts somebody out: no sign-in, and no session goes on. Raises: NotFound."""
        return await self._change(email, actor, "deactivateAccount", _ACTIVE, value=False)

    async def activate(self, email: str, actor: str = COMMAND_LINE) -> Account:
        """Lets somebody sign in again. Raises: NotFound."""
        return await self._change(email, actor, "activateAccount", _ACTIVE, value=True)

    async def change_role(self, email: str, role: Role, actor: str = COMMAND_LINE) -> Account:
        """Gives somebody another role, sessions that go on included. Raises: NotFound."""
        return await self._change(email, actor, "changeRole", _ROLE, role.value)

    async def change_password(self, email: str, password_hash: str, actor: str = COMMAND_LINE) -> Account:
        """Replaces the password, and ends every session that was begun with the former one. Raises: NotFound."""
        return await self._change(email, actor, "changePassword", _PASSWORD, password_hash)

    async def _change(self, email: str, actor: str, action: str, assignments: str, value: object) -> Account:
        update = f"UPDATE accounts SET {assignments} WHERE id = $1 RETURNING {_COLUMNS}"
        async with self._postgres.asking() as connection, connection.transaction():
            row = None if UNSTORABLE.search(email) else await connection.fetchrow(_LOCK, email.strip())
            if row is None:
                raise NotFound(f"email: expected one that has an account, got {email!a}")
            before, after = _account(row), _account(await connection.fetchrow(update, row["id"], value))
            await audit(connection, actor, action, after.id, _unlike(before, after), _unlike(after, before))
            await connection.execute(_TELL, CHANNEL, after.id)
        return after


def _account(row: Any) -> Account:
    role, number = Role(row["role"]), row["session_number"]
    return Account(str(row["id"]), row["email"], row["display_name"], role, row["active"], number)


def _unlike(account: Account, other: Account) -> dict[str, object]:
    """What the audit log tells of an account where it is not as another is: never of its password."""
    return dict(_told(account).items() - _told(other).items())


def _told(account: Account) -> dict[str, str | bool]:
    return {"role": account.role.value, "active": account.active}

"""The audit log: who did what, when, from what to what.

The rule it keeps: a row is written in the change's own transaction, and never changed (a trigger refuses it).
"""

from collections.abc import Mapping

import msgspec

from loaders.inputs import UNSTORABLE
from loaders.postgres import Connection, Postgres

_INSERT = "INSERT INTO audit_log (actor, action, subject, before, after) VALUES ($1, $2, $3, $4, $5)"


async def audit(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Writes one row on the connection, and so in its transaction; the time is Postgres'."""
    # A token's sub may hold what Postgres cannot store; that must not undo the change.
    await connection.execute(_INSERT, UNSTORABLE.sub("\ufffd", actor), action, subject, _json(before), _json(after))


class AuditLog:
    """The audit log for what changes nothing in Postgres itself: refreshes."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def note(self, actor: str, action: str, subject: str, after: Mapping[str, object]) -> None:
        """Writes one row in a transaction of its own.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        async with self._postgres.asking() as connection:
            await audit(connection, actor, action, subject, None, after)


def _json(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()

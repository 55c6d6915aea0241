"""The audit log: who did what, when, from what to what.

The rule it keeps: a row is written in the change's own transaction, and never changed (a trigger refuses it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from loaders.inputs import UNSTORABLE
from loaders.postgres import Connection, Postgres

_INSERT = "INSERT INTO audit_log (actor, action, subject, before, after) VALUES ($1, $2, $3, $4, $5)"
_PAGE = """
    SELECT id, at, actor, action, subject, before, after FROM audit_log
    WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what, when, and what it changed from what to what."""

    id: int
    "Later rows have a higher one."
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any


async def audit(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Writes one row on the connection, and so in its transaction; the time is Postgres'."""
    # A token's sub, or an id that was asked for, may hold what Postgres cannot store; that must not undo the change.
    who, what = (UNSTORABLE.sub("\ufffd", text) for text in (actor, subject))
    await connection.execute(_INSERT, who, action, what, _json(before), _json(after))


class AuditLog:
    """The audit log to read, and for what changes nothing in Postgres itself: refreshes."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def note(self, actor: str, action: str, subject: str, after: Mapping[str, object]) -> None:
        """Writes one row in a transaction of its own.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        async with self._postgres.asking() as connection:
            await audit(connection, actor, action, subject, None, after)

    async def page(self, most: int, before: int | None = None) -> list[AuditRow]:
        """So many rows at most, the newest first; those before an id, where one is given.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        async with self._postgres.asking() as connection:
            return [_row(record) for record in await connection.fetch(_PAGE, before, most)]

    async def count(self) -> int:
        """How many rows there are.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        async with self._postgres.asking() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM audit_log"))


def _row(record: asyncpg.Record) -> AuditRow:
    given = dict(record) | {name: record[name] and msgspec.json.decode(record[name]) for name in ("before", "after")}
    return AuditRow(**given | {"at": record["at"].astimezone(UTC)})


def _json(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()

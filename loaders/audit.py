"""The audit log: who did what, when, from what to what.

The rule it keeps: a row is written in the change's own transaction, and never changed (a trigger refuses it); and
however much rows hold, a page of them is bounded, and no more is read than it has.
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
PAGE_BYTES = 2 * 1024 * 1024
"A page ends with the row that fills so much."
NAMED = 255
"Characters of an actor or a subject that are kept: a token's `sub` has no more (OpenID Connect Core, section 2)."
_NEWEST = 2**63 - 1
# From row to row: a sum over a window would unfold all the rows before it left any out.
_PAGE = """
    WITH RECURSIVE page (id, position, bytes) AS (
        VALUES ($1::bigint, 0, 0)
        UNION ALL
        SELECT next.id, page.position + 1, page.bytes + next.bytes
        FROM page, LATERAL (
            SELECT id, octet_length(concat(actor, action, subject, before, after)) AS bytes
            FROM audit_log WHERE id < page.id ORDER BY id DESC LIMIT 1
        ) AS next
        WHERE page.position < $2 AND page.bytes < $3
    )
    SELECT id, at, actor, action, subject, before, after
    FROM page JOIN audit_log USING (id) WHERE page.position > 0 ORDER BY id DESC
"""
_MORE = "SELECT EXISTS (SELECT FROM audit_log WHERE id < $1)"


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


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows, the newest first, and whether older ones follow."""

    rows: list[AuditRow]
    more: bool


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
    await connection.execute(_INSERT, _named(actor), action, _named(subject), _json(before), _json(after))


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

    async def page(self, most: int, before: int | None = None) -> AuditPage:
        """So many rows at most, those before an id where one is given; fewer where `PAGE_BYTES` are full by then.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        start = _NEWEST if before is None else before
        async with self._postgres.asking() as connection:
            rows = [_row(record) for record in await connection.fetch(_PAGE, start, most, PAGE_BYTES)]
            more = await connection.fetchval(_MORE, rows[-1].id if rows else start)
        return AuditPage(rows, more)

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


def _named(text: str) -> str:
    storable = UNSTORABLE.sub("\ufffd", text[: NAMED + 1])
    return storable if len(storable) <= NAMED else f"{storable[: NAMED - 1]}…"


def _json(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else msgspec.json.encode(values).decode()

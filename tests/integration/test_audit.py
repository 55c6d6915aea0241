"""The audit log only grows."""

import asyncpg
import pytest

from loaders.audit import AuditLog, audit
from loaders.postgres import Postgres


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET actor = 'bob'",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE false",
        "TRUNCATE audit_log",
        "MERGE INTO audit_log USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
        "SET session_replication_role = replica; DELETE FROM audit_log",
    ],
)
async def test_the_audit_log_refuses_every_change(postgres: Postgres, change: str) -> None:
    async with postgres.asking() as connection:
        await audit(connection, "ann", "refresh", "PROJECTS", after={"ok": True})
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"audit_log is append-only: [A-Z]+ is refused"):
            await connection.execute(change)
        [row] = await connection.fetch("SELECT actor, action, subject, before, after FROM audit_log")
        assert tuple(row) == ("ann", "refresh", "PROJECTS", None, '{"ok":true}')


async def test_an_audit_row_goes_with_the_change_that_it_tells_of(postgres: Postgres) -> None:
    async with postgres.asking() as connection:
        undone = connection.transaction()
        await undone.start()
        await audit(connection, "ann", "refresh", "PROJECTS")
        await undone.rollback()
        assert await connection.fetchval("SELECT count(*) FROM audit_log") == 0


async def test_what_changes_nothing_here_is_noted_by_itself(postgres: Postgres) -> None:
    await AuditLog(postgres).note("ann\ud800", "refresh", "PROJECTS", {"ok": True, "added": 2})
    async with postgres.asking() as connection:
        [row] = await connection.fetch("SELECT actor, action, subject, before, after FROM audit_log")
    assert tuple(row) == ("ann\ufffd", "refresh", "PROJECTS", None, '{"ok":true,"added":2}')

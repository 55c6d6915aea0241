"""The audit log only grows, and administrators read it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from loaders.audit import PAGE_BYTES, AuditLog, audit
from loaders.postgres import Postgres
from resolvers.paging import pack
from sandbox.running import Address
from tests.integration.conftest import Statements
from tests.integration.door import Answer, Door, opened

LOG = """
query ($first: Int, $after: String) {
  auditLog(first: $first, after: $after) {
    nodes { at actor action subject before after }
    edges { cursor node { subject } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
CHANGE = """
mutation ($id: ID!, $notes: String) {
  updateProjectExtension(input: {projectId: $id, internalNotes: $notes}) { id }
}
"""


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


async def page(door: Door, **variables: Any) -> Any:
    return (await door.ask(LOG, variables)).data["auditLog"]


async def test_an_administrator_reads_who_changed_what_the_newest_first(
    database_url: str, postgres: Postgres, sandbox: Address
) -> None:
    async with opened(sandbox, database_url) as door:
        project = (await door.ask("{projects(first: 1) {nodes {id}}}")).data["projects"]["nodes"][0]["id"]
        for notes in ("dry", "wet"):
            await door.ask(CHANGE, {"id": project, "notes": notes}, "MANAGER", "ann")
        await door.ask("mutation {refresh(entities: [PROJECTS]) {ok}}", sub="bob")
        log = await page(door)
    assert log["totalCount"] == 3
    newest, changed, _ = log["nodes"]
    assert (newest["actor"], newest["action"], newest["subject"]) == ("bob", "refresh", "PROJECTS")
    assert (changed["actor"], changed["subject"]) == ("ann", project)
    assert (changed["before"]["internalNotes"], changed["after"]["internalNotes"]) == ("dry", "wet")
    times = [one["at"] for one in log["nodes"]]
    assert times == sorted(times, reverse=True)
    assert all(time.endswith("Z") for time in times)


async def test_the_audit_log_is_read_page_by_page_while_it_grows(
    database_url: str, postgres: Postgres, sandbox: Address
) -> None:
    log = AuditLog(postgres)
    for number in range(5):
        await log.note("ann", "refresh", str(number), {})
    async with opened(sandbox, database_url) as door:
        first = await page(door, first=2)
        await log.note("ann", "refresh", "5", {})
        second = await page(door, first=3, after=first["pageInfo"]["endCursor"])
        nothing = await page(door, first=0)
    assert [one["subject"] for one in first["nodes"] + second["nodes"]] == ["4", "3", "2", "1", "0"]
    assert [edge["node"]["subject"] for edge in first["edges"]] == ["4", "3"]
    assert first["edges"][1]["cursor"] == first["pageInfo"]["endCursor"]
    ends = [(one["pageInfo"]["hasPreviousPage"], one["pageInfo"]["hasNextPage"]) for one in (first, second)]
    assert ends == [(False, True), (True, False)]
    assert (first["totalCount"], second["totalCount"], nothing["totalCount"], nothing["nodes"]) == (5, 6, 6, [])


@pytest.mark.parametrize("size", [PAGE_BYTES // 4, 3 * PAGE_BYTES])
async def test_a_page_of_the_audit_log_ends_with_the_row_that_fills_it_and_none_is_lost(
    database_url: str, postgres: Postgres, sandbox: Address, size: int
) -> None:
    log = AuditLog(postgres)
    for number in range(10):
        await log.note("ann", "refresh", str(number), {"notes": "x" * size})
    subjects, pages, after, more = [], 0, None, True
    async with opened(sandbox, database_url) as door:
        while more:
            answer = await page(door, first=1000, after=after)
            subjects += [one["subject"] for one in answer["nodes"]]
            held = [len(one["after"]["notes"]) for one in answer["nodes"]]
            assert sum(held[:-1]) < PAGE_BYTES
            assert (answer["totalCount"], len(answer["edges"])) == (10, len(held))
            after, more = answer["pageInfo"]["endCursor"], answer["pageInfo"]["hasNextPage"]
            pages += 1
    assert subjects == [str(number) for number in reversed(range(10))]
    assert pages == (3 if size < PAGE_BYTES else 10)


async def test_no_more_of_the_audit_log_is_read_than_a_page_has(postgres: Postgres, statements: Statements) -> None:
    async with postgres.asking() as connection:
        await connection.execute(
            "INSERT INTO audit_log (actor, action, subject, after) "
            "SELECT 'ann', 'refresh', '-', to_json(repeat('x', n / 3000 * 1000000)) FROM generate_series(1, 3050) n; "
            "ANALYZE audit_log"
        )
    statements.clear()
    assert len((await AuditLog(postgres).page(1000)).rows) == 3
    await asyncio.sleep(0)
    (paged, _) = statements
    async with postgres.asking() as connection:
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {paged}", 2**63 - 1, 1000, PAGE_BYTES)
    assert sum(read(json.loads(plan)[0]["Plan"])) == 3 + 3


def read(plan: dict[str, Any]) -> Iterator[int]:
    """How many rows each step of a plan has read of the audit log."""
    if plan.get("Relation Name") == "audit_log":
        yield round(plan["Actual Rows"] * plan["Actual Loops"])
    for inner in plan.get("Plans", ()):
        yield from read(inner)


@pytest.mark.parametrize("long", ["x" * 900_000, "\x00" * 256])
async def test_a_name_that_is_too_long_is_cut_where_it_is_written_down(postgres: Postgres, long: str) -> None:
    await AuditLog(postgres).note(long, "refresh", long, {})
    await AuditLog(postgres).note("a" * 255, "refresh", "é" * 255, {})
    whole, cut = (await AuditLog(postgres).page(2)).rows
    assert (whole.actor, whole.subject) == ("a" * 255, "é" * 255)
    assert cut.actor == cut.subject == long[:254].replace("\x00", "\ufffd") + "…"


async def test_the_audit_log_is_for_administrators_and_takes_its_own_cursors_alone(door: Door) -> None:
    def code(answer: Answer) -> str:
        return answer.codes["auditLog"]

    for role in ("VIEWER", "MANAGER", "PAYROLL"):
        assert code(await door.ask(LOG, role=role)) == "FORBIDDEN"
    cursors = ["x", pack("projects", ("1",)), pack("auditLog", ("one",)), pack("auditLog", ("9" * 40,))]
    wrongs: list[dict[str, Any]] = [{"first": -1}, {"first": 1001}, *({"after": cursor} for cursor in cursors)]
    for wrong in wrongs:
        assert code(await door.ask(LOG, wrong)) == "BAD_USER_INPUT"

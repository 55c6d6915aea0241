"""ASR's fields are kept to the letter, under an optimistic lock, each change in the audit log."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from loaders.accounts import Accounts, Role
from loaders.errors import BadInput, Conflict, ExtensionsUnavailable, NotFound
from loaders.extensions import MemberExtensions, Orphan, ProjectExtension, ProjectExtensions
from loaders.postgres import Postgres
from tests.hands import Hands
from tests.integration.conftest import Line, Statements

PROJECT = "3f0c4a5e-91f5-4c42-8f6a-0d3e6c1b7a10"
OTHER = "3f0c4a5e-91f5-4c42-8f6a-0d3e6c1b7a11"
MEMBER = "b7a7cb3c-0f0a-4f7d-9f59-51a1e7a0c001"
COLLEAGUE = "b7a7cb3c-0f0a-4f7d-9f59-51a1e7a0c002"


@pytest.fixture
def projects(postgres: Postgres) -> ProjectExtensions:
    return ProjectExtensions(postgres)


@pytest.fixture
def members(postgres: Postgres) -> MemberExtensions:
    return MemberExtensions(postgres)


async def told(postgres: Postgres) -> list[tuple[str, Any, Any]]:
    """The audit log: who, from what, to what."""
    async with postgres.asking() as connection:
        rows = await connection.fetch("SELECT actor, before::text, after::text FROM audit_log ORDER BY id")
    return [(actor, before and json.loads(before), after and json.loads(after)) for actor, before, after in rows]


async def test_what_is_written_is_read_to_the_letter(projects: ProjectExtensions) -> None:
    fields = {"zeta": 1e23, "alpha": -0.0, "big": 2**70, "nested": [{"é": "\\u0000 😀"}, None, True, 1.5], "": ""}
    written = await projects.update(
        PROJECT,
        {"internal_notes": " ½\r\n\t\x01'\\ ", "asr_budget_override": Decimal("-0.1"), "custom_fields": fields},
        actor="ann",
    )
    assert (await projects.many([PROJECT]))[PROJECT] == written
    assert written.internal_notes == " ½\r\n\t\x01'\\ "
    assert str(written.asr_budget_override) == "-0.10"
    assert json.dumps(written.custom_fields) == json.dumps(fields)


async def test_a_field_left_out_is_left_and_null_clears_it(projects: ProjectExtensions) -> None:
    everything = {"internal_notes": "n", "asr_budget_override": Decimal(5), "custom_fields": {"a": 1}}
    await projects.update(PROJECT, everything, actor="ann")
    kept = await projects.update(PROJECT, {"internal_notes": ""}, actor="ann")
    assert (kept.internal_notes, kept.asr_budget_override, kept.custom_fields) == ("", Decimal("5.00"), {"a": 1})
    cleared = await projects.update(PROJECT, dict.fromkeys(everything), actor="ann")
    assert (cleared.internal_notes, cleared.asr_budget_override, cleared.custom_fields) == (None, None, {})


async def test_a_member_keeps_lists_as_given_and_an_empty_one_is_not_null(
    postgres: Postgres, members: MemberExtensions
) -> None:
    ann = await Accounts(postgres).add("ann@example.com", Role.MANAGER, password_hash="-")
    given = [OTHER, PROJECT.upper(), OTHER]
    written = await members.update(
        MEMBER,
        {"assigned_project_ids": given, "permissions": ["b", "", "a"], "internal_user_id": ann.id.upper()},
        actor="ann",
    )
    assert written.assigned_project_ids == tuple(given)
    assert written.permissions == ("b", "", "a")
    assert written.internal_user_id == ann.id
    emptied = await members.update(MEMBER, {"assigned_project_ids": [], "permissions": []}, actor="ann")
    assert (emptied.assigned_project_ids, emptied.permissions) == ((), ())
    cleared = await members.update(
        MEMBER, dict.fromkeys(["assigned_project_ids", "permissions", "internal_user_id"]), actor="ann"
    )
    assert (cleared.assigned_project_ids, cleared.permissions, cleared.internal_user_id) == (None, None, None)


async def test_many_rows_are_one_statement_on_a_new_connection_too(
    postgres: Postgres, members: MemberExtensions, projects: ProjectExtensions, statements: Statements
) -> None:
    ids = [str(uuid4()) for _ in range(300)]
    assert await projects.many([*ids, "not-a-uuid", "", "\x00", f"{{{ids[0]}}}"]) == {}
    await asyncio.sleep(0)
    assert len(statements) == 1
    await members.members_of(ids)
    await Accounts(postgres).many(ids)
    await projects.orphans(ids)
    await asyncio.sleep(0)
    assert len(statements) == 4


async def test_no_id_that_could_be_found_is_no_statement(projects: ProjectExtensions, statements: Statements) -> None:
    assert await projects.many(["x", PROJECT[:-1], PROJECT.replace("-", "")]) == {}
    assert statements == []


async def test_an_id_is_found_in_either_letter_case(projects: ProjectExtensions) -> None:
    await projects.update(PROJECT, {"internal_notes": "n"}, actor="ann")
    assert list(await projects.many([PROJECT.upper(), PROJECT, PROJECT])) == [PROJECT.upper(), PROJECT]


async def test_a_writer_who_read_another_version_is_refused(projects: ProjectExtensions) -> None:
    first = await projects.update(PROJECT, {"internal_notes": "1"}, actor="ann", if_updated_at=None)
    for wrong in (None, first.updated_at - timedelta(microseconds=1), datetime(2026, 1, 1, tzinfo=UTC)):
        with pytest.raises(Conflict, match=r"expected the version 20.*\.\d{6}Z, got"):
            await projects.update(PROJECT, {"internal_notes": "2"}, actor="bob", if_updated_at=wrong)
    second = await projects.update(PROJECT, {"internal_notes": "2"}, actor="bob", if_updated_at=first.updated_at)
    assert second.updated_at > first.updated_at
    assert second.created_at == first.created_at


async def test_a_version_of_a_row_that_is_not_there_is_refused_and_makes_none(projects: ProjectExtensions) -> None:
    with pytest.raises(Conflict, match=r"expected the version null \(no row yet\), got 2026-01-01"):
        await projects.update(PROJECT, {}, actor="ann", if_updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert await projects.many([PROJECT]) == {}


async def test_of_fifty_writers_with_one_version_exactly_one_wins(projects: ProjectExtensions) -> None:
    version: datetime | None = None
    for round_ in range(3):
        answers = await asyncio.gather(
            *(
                projects.update(PROJECT, {"internal_notes": f"{round_} {n}"}, actor=str(n), if_updated_at=version)
                for n in range(50)
            ),
            return_exceptions=True,
        )
        won = [answer for answer in answers if isinstance(answer, ProjectExtension)]
        assert len(won) == 1
        assert all(isinstance(answer, Conflict) for answer in answers if answer is not won[0])
        assert (await projects.many([PROJECT]))[PROJECT] == won[0]
        version = won[0].updated_at


async def test_fifty_writers_without_a_lock_all_write_and_the_last_one_stays(
    postgres: Postgres, projects: ProjectExtensions
) -> None:
    written = await asyncio.gather(
        *(projects.update(PROJECT, {"internal_notes": str(n)}, actor=str(n)) for n in range(50))
    )
    in_order = sorted(written, key=lambda row: row.updated_at)
    assert len({row.updated_at for row in written}) == 50
    assert (await projects.many([PROJECT]))[PROJECT] == in_order[-1]
    log = await told(postgres)
    assert [actor for actor, _, _ in log] == [row.internal_notes for row in in_order]
    assert log[0][1] is None
    for (_, _, after), (_, before, _) in pairwise(log):
        assert before == after


async def test_a_version_grows_even_where_the_clock_was_set_back(
    postgres: Postgres, projects: ProjectExtensions
) -> None:
    await projects.update(PROJECT, {}, actor="ann")
    async with postgres.asking() as connection:
        await connection.execute("UPDATE project_extensions SET updated_at = '2100-01-01T00:00:00.000001Z'")
    versions = [(await projects.update(PROJECT, {}, actor="ann")).updated_at for _ in range(3)]
    assert [version.microsecond for version in versions] == [2, 3, 4]


async def test_the_audit_says_who_changed_only_what_changed_from_what_to_what(
    postgres: Postgres, projects: ProjectExtensions
) -> None:
    await projects.update(PROJECT, {"internal_notes": "n", "custom_fields": {"a": 1}}, actor="ann")
    await projects.update(
        PROJECT,
        {"internal_notes": "n", "asr_budget_override": Decimal("1.5"), "custom_fields": {"a": True}},
        actor="b\x00b\ud800",
    )
    assert await told(postgres) == [
        ("ann", None, {"internalNotes": "n", "customFields": {"a": 1}}),
        (
            "b\ufffdb\ufffd",
            {"asrBudgetOverride": None, "customFields": {"a": 1}},
            {"asrBudgetOverride": "1.50", "customFields": {"a": True}},
        ),
    ]


async def test_a_change_that_cannot_be_written_down_is_not_made(
    postgres: Postgres, projects: ProjectExtensions
) -> None:
    before = await projects.update(PROJECT, {"internal_notes": "1"}, actor="ann")
    async with postgres.asking() as connection:
        await connection.execute("ALTER TABLE audit_log ADD CHECK (actor <> 'bob')")
    for id_ in (PROJECT, OTHER):
        with pytest.raises(asyncpg.CheckViolationError):
            await projects.update(id_, {"internal_notes": "2"}, actor="bob")
    assert await projects.many([PROJECT, OTHER]) == {PROJECT: before}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"assigned_project_ids": [PROJECT, "Lakeside"]}, BadInput),
        ({"internal_user_id": str(uuid4())}, NotFound),
        ({"internal_user_id": "ann"}, NotFound),
        ({"internal_user_id": "\x00"}, BadInput),
        ({"permissions": ["\ud800"]}, BadInput),
        ({"internal_notes": "a\x00"}, BadInput),
        ({"custom_fields": [1]}, BadInput),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_changes_nothing(
    postgres: Postgres, members: MemberExtensions, changes: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await members.update(MEMBER, {"internal_notes": "n", **changes}, actor="ann")
    assert await members.many([MEMBER]) == {}
    assert await told(postgres) == []


async def test_an_id_that_is_no_uuid_is_not_found(projects: ProjectExtensions) -> None:
    with pytest.raises(NotFound, match="expected an id"):
        await projects.update("Lakeside", {}, actor="ann")


async def test_the_largest_custom_fields_go_in_and_out(projects: ProjectExtensions) -> None:
    largest = {"k": "é" * ((65_536 - len('{"k":""}')) // 2)}
    assert (await projects.update(PROJECT, {"custom_fields": largest}, actor="ann")).custom_fields == largest
    with pytest.raises(BadInput, match="got 65537"):
        await projects.update(PROJECT, {"custom_fields": {"k": largest["k"] + "x"}}, actor="ann")


async def test_a_row_that_holds_more_than_may_be_written_is_read_and_changed_as_ever(
    postgres: Postgres, members: MemberExtensions
) -> None:
    await members.update(MEMBER, {"custom_fields": {"a": 1}}, actor="ann")
    async with postgres.asking() as connection:
        await connection.execute(
            "UPDATE team_member_extensions SET internal_notes = repeat('x', 1000000), "
            "permissions = array_fill('p'::text, ARRAY[100000])"
        )
    changed = await members.update(MEMBER, {"custom_fields": {"a": 2}}, actor="ann")
    assert (changed.internal_notes, changed.permissions) == ("x" * 1_000_000, ("p",) * 100_000)
    assert await members.many([MEMBER]) == {MEMBER: changed}


async def test_custom_fields_at_the_edge_of_what_is_allowed_can_be_read_back(projects: ProjectExtensions) -> None:
    deep: Any = 1
    for _ in range(254):
        deep = [deep]
    edge = {"deep": deep, "long": int("9" * 4_300)}
    assert (await projects.update(PROJECT, {"custom_fields": edge}, actor="ann")).custom_fields == edge


def assigned(*ids: str) -> dict[str, Sequence[str]]:
    return {"assigned_project_ids": ids}


async def test_the_members_of_projects_are_those_assigned_locally(members: MemberExtensions) -> None:
    await members.update(COLLEAGUE, assigned(PROJECT, PROJECT, OTHER), actor="ann")
    await members.update(MEMBER, assigned(PROJECT), actor="ann")
    nobody = str(uuid4())
    assert await members.members_of([PROJECT, nobody]) == {PROJECT: [MEMBER, COLLEAGUE], nobody: []}
    assert await members.members_of([OTHER]) == {OTHER: [COLLEAGUE]}
    assert await members.members_of([]) == {}


async def test_an_assignment_in_capitals_is_the_same_one_and_kept_as_given(members: MemberExtensions) -> None:
    mixed = PROJECT[:9].upper() + PROJECT[9:]
    await members.update(MEMBER, assigned(mixed, PROJECT.upper()), actor="ann")
    assert await members.members_of([PROJECT]) == {PROJECT: [MEMBER]}
    assert await members.members_of([PROJECT.upper()]) == {PROJECT.upper(): [MEMBER]}
    assert (await members.many([MEMBER]))[MEMBER].assigned_project_ids == (mixed, PROJECT.upper())


async def test_assignments_are_found_by_their_index(postgres: Postgres, members: MemberExtensions) -> None:
    await members.update(MEMBER, assigned(PROJECT), actor="ann")
    async with postgres.asking() as connection:
        await connection.execute(
            "INSERT INTO team_member_extensions (raken_member_uuid, assigned_project_uuids) "
            "SELECT gen_random_uuid(), ARRAY[gen_random_uuid()::text] FROM generate_series(1, 5000); "
            "ANALYZE team_member_extensions"
        )
        plan = await connection.fetch(
            "EXPLAIN SELECT 1 FROM team_member_extensions WHERE lower_all(assigned_project_uuids) && $1", [PROJECT]
        )
    assert "team_member_extensions_assigned" in str(plan)


async def test_a_row_without_its_raken_object_is_an_orphan(projects: ProjectExtensions) -> None:
    kept = await projects.update(PROJECT, {}, actor="ann")
    await projects.update(OTHER, {}, actor="ann")
    assert await projects.orphans([OTHER.upper(), "not-a-uuid"]) == [Orphan(PROJECT, kept.updated_at)]


async def test_postgres_lost_in_a_write_is_unavailable_and_writes_work_again_afterwards(
    line: Line, clock: Hands
) -> None:
    async with Postgres(line.dsn, clock) as postgres:
        projects = ProjectExtensions(postgres)
        await projects.update(PROJECT, {"internal_notes": "1"}, actor="ann")
        await line.cut()
        with pytest.raises(ExtensionsUnavailable):
            await projects.update(PROJECT, {"internal_notes": "2"}, actor="ann")
        with pytest.raises(ExtensionsUnavailable):
            await projects.many([PROJECT])
        await line.mend()
        clock.move(1.1)
        assert (await projects.many([PROJECT]))[PROJECT].internal_notes == "1"
        assert (await projects.update(PROJECT, {"internal_notes": "3"}, actor="ann")).internal_notes == "3"

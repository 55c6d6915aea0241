"""ASR's tables, filled with made-up rows and read back whole.

The rule it keeps: whatever defaults the tables have, the evaluator is told what a select gives.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from tests.truth.company import Row, Rows

TABLES = ("project_extensions", "team_member_extensions", "accounts")
GONE = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 4)]
NOTES = ["", "crane on Tuesday", 'Überprüfen!\n"zweimal"', "🏗️ …", None]
FIELDS: list[dict[str, Any]] = [{}, {"b": 1, "a": [True, None, 1.5, "ü"]}, {"deep": {"x": [{"y": ""}]}}, {"": 0}]
BUDGETS = [None, "0", "0.01", "1234.5", "9999999999999999.99", "-12.30"]
ROLES = ("VIEWER", "MANAGER", "PAYROLL", "ADMIN")


async def fill(database_url: str, projects: Sequence[str], members: Sequence[str]) -> None:
    """Gives accounts to a few, extensions to two in three, and extensions to some that Raken has not."""
    random = Random(5)
    postgres = await asyncpg.connect(database_url)
    try:
        accounts = [
            await postgres.fetchval(ACCOUNT, f"{role.title()}.One@asr.example", f"{role} one", role) for role in ROLES
        ]
        for uuid in [*chosen(random, projects), *GONE[:2]]:
            budget, fields = random.choice(BUDGETS), json.dumps(random.choice(FIELDS))
            await postgres.execute(PROJECT, uuid, random.choice(NOTES), budget, fields, moment(random))
        for uuid in [*chosen(random, members), GONE[2]]:
            permissions = random.choice([None, [], ["payroll:read"], ["b", "a", "b"]])
            assigned = random.choice([None, [], random.sample(projects, 2), [projects[0], GONE[0]], [projects[1]] * 2])
            account, fields = random.choice([None, *accounts]), json.dumps(random.choice(FIELDS))
            row = (uuid, account, permissions, assigned, random.choice(NOTES), fields, moment(random))
            await postgres.execute(MEMBER, *row)
    finally:
        await postgres.close()


async def read(database_url: str) -> dict[str, Rows]:
    """Every row of ASR's tables, uuids as text."""
    postgres = await asyncpg.connect(database_url)
    try:
        return {table: [plain(row) for row in await postgres.fetch(f"select * from {table}")] for table in TABLES}
    finally:
        await postgres.close()


def plain(record: asyncpg.Record) -> Row:
    """A database's row as plain values."""
    row = {name: str(value) if isinstance(value, UUID) else value for name, value in record.items()}
    if isinstance(row.get("custom_fields"), str):
        row["custom_fields"] = json.loads(row["custom_fields"])
    if row.get("assigned_project_uuids") is not None:
        row["assigned_project_uuids"] = [str(uuid) for uuid in row["assigned_project_uuids"]]
    return row


def chosen(random: Random, uuids: Sequence[str]) -> list[str]:
    """Two in three."""
    return [uuid for uuid in uuids if random.random() < 0.66]


def moment(random: Random) -> datetime:
    """A time with microseconds, now and then with none."""
    return datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=random.choice([0, 5, 100_000, 999_999]))


ACCOUNT = "insert into accounts (email, display_name, role, password_hash) values ($1, $2, $3, 'x') returning id"
PROJECT = """
    insert into project_extensions (raken_project_uuid, internal_notes, asr_budget_override, custom_fields, updated_at)
    values ($1, $2, $3::text::numeric, $4::text::json, $5)
"""
MEMBER = """
    insert into team_member_extensions (raken_member_uuid, internal_user_id, permissions, assigned_project_uuids,
        internal_notes, custom_fields, updated_at)
    values ($1, $2, $3, $4, $5, $6::text::json, $7)
"""

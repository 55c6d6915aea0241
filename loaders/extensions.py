"""ASR's own fields on Raken's projects and members, in Postgres.

The rule it keeps: a row's `updated_at` strictly grows, and a change, its check against the version that the writer
has read, and its audit row are one transaction. One mechanism; a table is one declaration.
"""

# ruff: noqa: S608 - the names in the statements are the declarations', never a reader's

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import asyncpg
import msgspec

from loaders import inputs
from loaders.audit import audit
from loaders.errors import Conflict, NotFound
from loaders.postgres import COORDINATING, Connection, Postgres
from loaders.uuids import is_uuid


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """What every row of ASR's has."""

    id: str
    "The uuid of Raken's object, in lower case."
    internal_notes: str | None
    custom_fields: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    "To the microsecond, in UTC: the version that an optimistic lock names."


class ProjectExtension(Extension, frozen=True, kw_only=True):
    """ASR's fields on a project."""

    asr_budget_override: Decimal | None
    "With two decimals."


class MemberExtension(Extension, frozen=True, kw_only=True):
    """ASR's fields on a member."""

    internal_user_id: str | None
    permissions: tuple[str, ...] | None
    assigned_project_ids: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Orphan:
    """A row that no object of Raken's answers to any more."""

    id: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Column:
    """One of ASR's fields: its name in Postgres, the way in and the way out."""

    name: str
    check: Callable[[str, object], object]
    "Is given the field's name for its message and the value; raises BadInput or NotFound."
    read: Callable[[Any], object] = lambda value: value
    clears: str | None = None
    "What null becomes."

    def value(self, field: str, value: object) -> object:
        """What Postgres is given for what a writer hands in."""
        return self.clears if value is None else self.check(field, value)


R = TypeVar("R", bound=Extension)


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """A table of ASR's: what it is called, what its rows become, and its columns by the record's names."""

    name: str
    key: str
    record: type[R]
    action: str
    "What the audit log calls a change."
    columns: Mapping[str, Column]


def _unless_null(read: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda value: None if value is None else read(value)


_NOTES = Column("internal_notes", inputs.text)
_CUSTOM = Column("custom_fields", inputs.custom_fields, msgspec.json.decode, clears="{}")

PROJECT_EXTENSIONS = Table(
    name="project_extensions",
    key="raken_project_uuid",
    record=ProjectExtension,
    action="updateProjectExtension",
    columns={
        "internal_notes": _NOTES,
        "asr_budget_override": Column("asr_budget_override", inputs.budget),
        "custom_fields": _CUSTOM,
    },
)

MEMBER_EXTENSIONS = Table(
    name="team_member_extensions",
    key="raken_member_uuid",
    record=MemberExtension,
    action="updateTeamMemberExtension",
    columns={
        "internal_user_id": Column("internal_user_id", inputs.account, _unless_null(str)),
        "permissions": Column("permissions", inputs.permissions, _unless_null(tuple)),
        "assigned_project_ids": Column("assigned_project_uuids", inputs.uuids, _unless_null(tuple)),
        "internal_notes": _NOTES,
        "custom_fields": _CUSTOM,
    },
)


class Extensions(Generic[R]):
    """The rows of one table."""

    def __init__(self, postgres: Postgres, table: Table[R]) -> None:
        self._postgres = postgres
        self._table = table
        names = ", ".join(column.name for column in table.columns.values())
        row = f"{table.key}, created_at, updated_at, {names}"
        self._select = f"SELECT {row} FROM {table.name} WHERE {table.key}"
        self._update = f"UPDATE {table.name} SET {{}} WHERE {table.key} = $1 RETURNING {row}"
        self._insert = f"INSERT INTO {table.name} ({table.key}) VALUES ($1) ON CONFLICT DO NOTHING"
        self._versions = f"SELECT {table.key}::text, updated_at FROM {table.name} ORDER BY 1"

    async def many(self, ids: Sequence[str]) -> dict[str, R]:
        """The rows of these ids, by the id as asked, in one statement; an id without a row is left out.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        wanted = {id_.lower() for id_ in ids if is_uuid(id_)}
        if not wanted:
            return {}
        async with self._postgres.asking(COORDINATING) as connection:
            # As text: of a uuid[], asyncpg first asks each new connection what it is, in three statements.
            rows = await connection.fetch(f"{self._select} = ANY($1::text[]::uuid[])", list(wanted))
        found = {record.id: record for record in map(self._record, rows)}
        return {id_: found[id_.lower()] for id_ in ids if id_.lower() in found}

    async def orphans(self, known: Iterable[str]) -> list[Orphan]:
        """The rows whose id is not among the known ones, by id.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        alive = {id_.lower() for id_ in known}
        async with self._postgres.asking() as connection:
            rows = await connection.fetch(self._versions)
        return [Orphan(id_, updated_at) for id_, updated_at in rows if id_ not in alive]

    async def update(
        self,
        id_: str,
        changes: Mapping[str, object],
        *,
        actor: str,
        if_updated_at: datetime | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> R:
        """Changes the fields that are named, by the record's names; None clears one. Answers the row as it then is.

        `if_updated_at` left out is no check; None, only if there is no row yet; else only if that is its version.

        Raises:
            BadInput: a value that the field cannot hold.
            NotFound: an id without the shape of one, or an account that does not exist.
            Conflict: the row is another version than the writer has read.
            ExtensionsUnavailable: Postgres is away; whether the change was made is then not known.
        """
        if not is_uuid(id_):
            raise NotFound(f"expected an id of Raken's, got {id_[:40]!a}")
        values = {field: self._table.columns[field].value(_public(field), value) for field, value in changes.items()}
        async with self._postgres.asking() as connection:
            try:
                async with connection.transaction():
                    return await self._change(connection, id_, values, if_updated_at, actor)
            except asyncpg.ForeignKeyViolationError:
                raise NotFound(f"internalUserId: there is no account {changes['internal_user_id']}") from None

    async def _change(
        self,
        connection: Connection,
        id_: str,
        values: Mapping[str, object],
        if_updated_at: datetime | msgspec.UnsetType | None,
        actor: str,
    ) -> R:
        before = await self._locked(connection, id_)
        _check_version(if_updated_at, before)
        row = await connection.fetchrow(self._update.format(self._assignments(values)), id_, *values.values())
        after = self._record(row)
        changed = [field for field in values if _json(before, field) != _json(after, field)]
        await audit(connection, actor, self._table.action, after.id, _fields(before, changed), _fields(after, changed))
        return after

    async def _locked(self, connection: Connection, id_: str) -> R | None:
        """The row, locked until the transaction ends; None where it was made just now: then nobody else sees it."""
        # A second writer's first insert waits here until the first one has committed.
        made = await connection.execute(self._insert, id_)
        row = await connection.fetchrow(f"{self._select} = $1 FOR UPDATE", id_)
        return None if made == "INSERT 0 1" else self._record(row)

    def _assignments(self, values: Mapping[str, object]) -> str:
        columns = (self._table.columns[field].name for field in values)
        # Postgres' clock may stand still for a microsecond, or be set back.
        version = "updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')"
        return ", ".join([version, *(f"{name} = ${position}" for position, name in enumerate(columns, start=2))])

    def _record(self, row: Any) -> R:
        id_, created_at, updated_at, *values = row
        fields: dict[str, Any] = {
            field: column.read(value)
            for (field, column), value in zip(self._table.columns.items(), values, strict=True)
        }
        return self._table.record(id=str(id_), created_at=created_at, updated_at=updated_at, **fields)


def _check_version(expected: datetime | msgspec.UnsetType | None, row: Extension | None) -> None:
    version = None if row is None else row.updated_at
    if expected is not msgspec.UNSET and expected != version:
        raise Conflict(f"ifUpdatedAt: expected the version {_told(version)}, got {_told(expected)}; read it anew")


def _told(version: datetime | None) -> str:
    if version is None:
        return "null (no row yet)"
    return version.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _public(field: str) -> str:
    head, *tail = field.split("_")
    return head + "".join(word.title() for word in tail)


def _fields(row: Extension | None, names: Sequence[str]) -> dict[str, object] | None:
    return None if row is None else {_public(name): getattr(row, name) for name in names}


def _json(row: Extension | None, field: str) -> bytes:
    # Compared as written: to Python, 1, 1.0 and true are equal.
    return msgspec.json.encode(getattr(row, field, None))


class ProjectExtensions(Extensions[ProjectExtension]):
    """ASR's fields on projects."""

    def __init__(self, postgres: Postgres) -> None:
        super().__init__(postgres, PROJECT_EXTENSIONS)


class MemberExtensions(Extensions[MemberExtension]):
    """ASR's fields on members."""

    def __init__(self, postgres: Postgres) -> None:
        super().__init__(postgres, MEMBER_EXTENSIONS)

    async def members_of(self, project_ids: Sequence[str]) -> dict[str, list[str]]:
        """The members that are assigned locally to each of these projects, by the id as asked, in one statement.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        members: dict[str, list[str]] = {id_.lower(): [] for id_ in project_ids}
        if not members:
            return members
        async with self._postgres.asking(COORDINATING) as connection:
            rows = await connection.fetch(_MEMBERS_OF, list(members))
        for project, member in rows:
            members[project].append(member)
        return {id_: members[id_.lower()] for id_ in project_ids}


_MEMBERS_OF = """
    SELECT DISTINCT project, raken_member_uuid::text
    FROM team_member_extensions, unnest(lower_all(assigned_project_uuids)) AS project
    WHERE lower_all(assigned_project_uuids) && $1 AND project = ANY($1)
    ORDER BY 1, 2
"""

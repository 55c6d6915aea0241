"""A company as plain data: all of Raken's rows and all of ASR's, and the look-ups between them.

The rule it keeps: it copies what it was given and invents nothing; what an answer makes of it is in `fields`.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

Row = dict[str, Any]
Rows = list[Row]

# Without these a row cannot fill its type's non-null fields, and is left out.
NEEDED = {
    "projects": ("uuid", "name", "status", "createdAt", "updatedAt"),
    "members": ("uuid", "firstName", "lastName", "role", "status", "createdAt", "updatedAt"),
    "timeCards": ("uuid", "date", "totalHours", "approved", "createdAt", "updatedAt"),
    "equipment": ("uuid", "name"),
    "equipmentLogs": ("uuid",),
    "materials": ("uuid", "name"),
    "materialLogs": ("date", "quantity"),
    "workLogs": ("uuid", "date"),
    "dailyReports": ("reportDate",),
    "observations": ("uuid",),
    "classifications": ("uuid", "name"),
    "costCodes": ("uuid", "code"),
    "payTypes": ("uuid", "name", "code"),
}
LOGS = ("equipmentLogs", "materialLogs", "workLogs", "dailyReports", "observations")
UNDATED = tuple(name for name in NEEDED if name not in LOGS)
EXTENDS = {"project_extensions": "raken_project_uuid", "team_member_extensions": "raken_member_uuid"}


@dataclass(frozen=True)
class Log:
    """One dated row of a project: which project, from which day to which (None: open), and Raken's row."""

    id: str | None
    project: str | None
    start: str | None
    end: str | None
    row: Row


class Company:
    """Every row there is.

    `raken`: by collection, every status. `asr`: by table, uuids as text. `stamped`: by collection and project, for
    collections whose rows do not name the project that was asked for.
    """

    def __init__(
        self,
        raken: Mapping[str, Rows],
        asr: Mapping[str, Rows],
        stamped: Mapping[str, Mapping[str, Rows]] | None = None,
    ) -> None:
        self.raken, self.asr, self.stamped = raken, asr, stamped or {}
        self._found = {name: {row["uuid"]: row for row in fit(name, raken.get(name, []))} for name in UNDATED}
        self._logs = {name: list(self._dated(name)) for name in LOGS}

    def having(self, asr: Mapping[str, Rows]) -> "Company":
        """The same rows of Raken's with other ones of ASR's."""
        other = copy(self)
        other.asr = asr
        return other

    def all(self, collection: str) -> Rows:
        """Every row of a collection that is not a log, each uuid once."""
        return list(self._found[collection].values())

    def one(self, collection: str, uuid: str | None) -> Row | None:
        """The row with this uuid, of any status; None where Raken no longer has it."""
        return None if uuid is None else self._found[collection].get(uuid)

    def has(self, collection: str, uuid: str) -> bool:
        """Whether Raken has a row with this uuid, be it one that cannot be shown."""
        return any(row.get("uuid") == uuid for row in self.raken.get(collection, []))

    def logs(self, collection: str, project: str) -> list[Log]:
        """A project's dated rows."""
        return [log for log in self._logs[collection] if log.project == project]

    def name_logs(self, project: str, names: Mapping[tuple[Any, ...], list[str | None]]) -> None:
        """Gives a project's material logs their ids, which Raken has none of: equal rows take theirs in turn."""
        logs = self._logs["materialLogs"]
        self._logs["materialLogs"] = [
            replace(log, id=names[content(log)].pop(0)) if log.project == project else log for log in logs
        ]

    def materials(self, project: str) -> Rows:
        """The materials that Raken lists for a project."""
        if "materials" in self.stamped:
            return fit("materials", self.stamped["materials"].get(project, []))
        return [row for row in self.all("materials") if row.get("projectUuid") == project]

    def extension(self, table: str, uuid: str) -> Row:
        """ASR's row on a Raken object, or an empty one."""
        return next((row for row in self.asr[table] if row[EXTENDS[table]] == uuid), {})

    def account(self, account_id: str | None) -> Row | None:
        """The account with this id."""
        return next((row for row in self.asr["accounts"] if row["id"] == account_id), None)

    def _dated(self, collection: str) -> Iterator[Log]:
        for project, rows in self.stamped.get(collection, {}).items():
            yield from (dated(collection, row, project) for row in fit(collection, rows))
        seen: set[str] = set()
        for row in fit(collection, self.raken.get(collection, [])):
            if row.get("uuid") not in seen:
                yield dated(collection, row, None)
            seen |= {row["uuid"]} if "uuid" in row else set()


def fit(collection: str, rows: Rows) -> Rows:
    """Those rows that can fill every non-null field of their type."""
    return [row for row in rows if all(row.get(name) is not None for name in NEEDED[collection])]


def dated(collection: str, row: Row, stamp: str | None) -> Log:
    """A raw row with its days and its project, whatever the collection calls them."""
    project = stamp or row.get("projectUuid") or row.get("project", {}).get("uuid")
    if collection == "equipmentLogs":
        return Log(row["uuid"], project, row.get("startDate"), row.get("endDate"), row)
    if collection == "dailyReports":
        day = row["reportDate"]
        return Log(f"{project}:{day}", project, day, day, row)
    return Log(row.get("uuid"), project, row.get("date"), row.get("date"), row)


def content(log: Log) -> tuple[Any, ...]:
    """What tells one material log from another."""
    return log.start, log.row["quantity"], log.row.get("material", {}).get("uuid")

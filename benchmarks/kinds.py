"""What the graph says of Raken's rows, field by field, in a second opinion that knows nothing of the gateway's own.

The rule: nothing here imports the gateway, else one mistake would pass in both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.record import Value

Node = dict[str, Any]
Tell = Callable[[Value], Any]


@dataclass(frozen=True)
class Kind:
    """One kind of row."""

    name: str
    "Its `RakenEntity`."
    collection: str
    ttl: int
    "Seconds, by default."
    fields: Mapping[str, Tell]
    "What plain fields of the graph say of a row."
    refs: Mapping[str, tuple["Kind", Tell]] = field(default_factory=dict)
    "Fields that lead to another row, and its id by this one."
    day: str = ""
    "Raken's field for its date, where there is one."
    order: Tell = lambda row: row["uuid"]
    "The sort key of its lists, as far as it is told here."

    def agrees(self, row: Value, node: Node) -> bool:
        """Whether a node may be this row, as far as it says; a row that it leads to may be unknown as yet."""
        plain = all(name not in node or node[name] == tell(row) for name, tell in self.fields.items())
        return plain and all(
            node.get(name) is None or node[name]["id"] == tell(row) for name, (_, tell) in self.refs.items()
        )

    def month(self, row: Value) -> str:
        """The month whose slice holds a row; empty where rows have no dates."""
        return str(row[self.day])[:7] if self.day else ""


def same(name: str) -> Tell:
    """A field that both name alike."""
    return lambda row: row.get(name)


def filled(name: str) -> Tell:
    """A text; empty ones are null."""
    return lambda row: row.get(name) or None


def called(row: Value) -> tuple[str, str]:
    """The sort key of what has a name."""
    return str(row["name"]).casefold(), str(row["name"])


PROJECT = Kind(
    "PROJECTS",
    "projects",
    3600,
    {"name": same("name"), "number": filled("number"), "status": same("status")},
    order=lambda row: (*called(row), row["uuid"]),
)
MEMBER = Kind(
    "MEMBERS",
    "members",
    3600,
    {
        "firstName": same("firstName"),
        "lastName": same("lastName"),
        "fullName": lambda row: f"{row['firstName']} {row['lastName']}",
        "title": filled("title"),
        "status": same("status"),
    },
    order=lambda row: (str(row["lastName"]).casefold(), row["lastName"], str(row["firstName"]).casefold(), row["uuid"]),
)
CARD = Kind(
    "TIME_CARDS",
    "timeCards",
    300,
    {
        "date": same("date"),
        "totalHours": same("totalHours"),
        "approved": same("approved"),
        "note": filled("note"),
    },
    {
        "worker": (MEMBER, lambda row: row["worker"]["uuid"]),
        "project": (PROJECT, lambda row: row["project"]["uuid"]),
    },
    day="date",
    order=lambda row: (row["date"], row["uuid"]),
)
WORK_LOG = Kind(
    "WORK_LOGS",
    "workLogs",
    300,
    {"date": same("date"), "data": lambda row: row},
    day="date",
    order=lambda row: (row["date"], row["uuid"]),
)
DAILY_REPORT = Kind(
    "DAILY_REPORTS",
    "dailyReports",
    1800,
    {
        "date": same("reportDate"),
        "status": filled("status"),
        "signedByName": lambda row: row.get("signedBy", {}).get("name"),
    },
    day="reportDate",
    order=lambda row: (row["reportDate"], ""),
)
EQUIPMENT = Kind(
    "EQUIPMENT",
    "equipment",
    14_400,
    {"name": same("name"), "equipmentId": filled("equipmentId")},
    order=lambda row: (*called(row), row["uuid"]),
)
KINDS = (PROJECT, MEMBER, CARD, WORK_LOG, DAILY_REPORT, EQUIPMENT)

"""Work logs: manpower by company; of their fields only `uuid`, `date` and the project are known, so all are kept."""

import datetime as dt
from typing import Any

import msgspec

from loaders.entity import Entity, Located, Scope, by_date


class WorkLogRow(Located, frozen=True, kw_only=True):
    """A work log as Raken has it."""

    id: str = msgspec.field(name="uuid")
    date: dt.date
    data: dict[str, Any] = msgspec.field(default_factory=dict)


WORK_LOGS = Entity(
    name="WORK_LOGS",
    path="/workLogs",
    row=WorkLogRow,
    lifetime=300,
    scope=Scope.EITHER,
    dated=True,
    order=lambda row: by_date(row.date),
    keys={"project": lambda row: row.project_id},
    span=lambda row: (row.date, row.date),
    whole=True,
)

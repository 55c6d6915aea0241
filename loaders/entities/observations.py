"""Observations: of their fields only `uuid` is known, so all are kept."""

import datetime as dt
from typing import Any

import msgspec

from loaders.entity import Blankable, Entity, Located, Scope, by_date


class ObservationRow(Located, Blankable, frozen=True, kw_only=True):
    """An observation as Raken has it."""

    blank = ("status",)
    id: str = msgspec.field(name="uuid")
    date: dt.date | None = None
    status: str | None = None
    data: dict[str, Any] = msgspec.field(default_factory=dict)


OBSERVATIONS = Entity(
    name="OBSERVATIONS",
    path="/observations",
    row=ObservationRow,
    lifetime=1800,
    scope=Scope.EITHER,
    dated=True,
    order=lambda row: by_date(row.date),
    keys={"project": lambda row: row.project_id},
    span=lambda row: (row.date, row.date),
    whole=True,
)

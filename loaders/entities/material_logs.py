"""Material logs: by project and calendar month, for Raken's rows name neither their project nor themselves."""

import datetime as dt

import msgspec

from loaders.entities.materials import MaterialRow
from loaders.entity import Entity, Located, Scope, by_date


class MaterialLogRow(Located, frozen=True, kw_only=True, gc=False):
    """A delivery or use of a material as Raken has it."""

    id: str = msgspec.field(name="uuid", default="")
    date: dt.date
    quantity: float
    material: MaterialRow | None = None


def identity(row: MaterialLogRow) -> str:
    """What tells a log from others: all that it says."""
    material = row.material.id if row.material else ""
    return f"{row.project_id}:{row.date}:{material}:{row.quantity:g}"


MATERIAL_LOGS = Entity(
    name="MATERIAL_LOGS",
    path="/materialLogs",
    row=MaterialLogRow,
    lifetime=3600,
    scope=Scope.PROJECT,
    dated=True,
    order=lambda row: by_date(row.date),
    keys={"project": lambda row: row.project_id},
    span=lambda row: (row.date, row.date),
    identity=identity,
)

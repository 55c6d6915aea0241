"""Equipment logs: company-wide by calendar month; a row is one piece's assignment to one project."""

import datetime as dt

import msgspec

from loaders.entities.cost_codes import CostCodeRow
from loaders.entities.equipment import EquipmentRow
from loaders.entity import Blankable, Entity, Located, by_date


class EquipmentLogEntryRow(Blankable, frozen=True, kw_only=True, gc=False):
    """What one piece did on one date."""

    blank = ("status", "operator_id", "description")
    id: str = msgspec.field(name="uuid")
    date: dt.date
    hours: float
    idle_hours: float | None = None
    status: str | None = None
    operator_id: str | None = msgspec.field(name="operator", default=None)
    cost_code: CostCodeRow | None = None
    description: str | None = None


class EquipmentLogRow(Located, frozen=True, kw_only=True, gc=False):
    """An assignment as Raken has it; it may touch several months."""

    id: str = msgspec.field(name="uuid")
    equipment: EquipmentRow | None = None
    start_date: dt.date | None = None
    end_date: dt.date | None = None
    days_onsite: float | None = None
    days_not_in_use: float | None = None
    entries: tuple[EquipmentLogEntryRow, ...] = msgspec.field(name="logs", default=())


EQUIPMENT_LOGS = Entity(
    name="EQUIPMENT_LOGS",
    path="/equipmentLogs",
    row=EquipmentLogRow,
    lifetime=14400,
    dated=True,
    order=lambda row: by_date(row.start_date),
    keys={"project": lambda row: row.project_id},
    span=lambda row: (row.start_date, row.end_date),
)

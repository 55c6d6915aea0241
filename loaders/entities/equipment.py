"""Equipment: company-wide."""

import msgspec

from loaders.entity import Blankable, Entity, by_name


class EquipmentRow(Blankable, frozen=True, kw_only=True, gc=False):
    """A piece of equipment as Raken has it, listed or in a log."""

    blank = ("equipment_id",)
    id: str = msgspec.field(name="uuid")
    name: str
    equipment_id: str | None = None


EQUIPMENT = Entity(
    name="EQUIPMENT",
    path="/equipment",
    row=EquipmentRow,
    lifetime=14400,
    order=lambda row: by_name(row.name),
)

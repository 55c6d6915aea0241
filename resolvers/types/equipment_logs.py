"""Equipment logs: assignments of equipment to projects, with what was done on each date."""

import datetime as dt

import strawberry

from loaders.dataloaders import Sourced
from loaders.entities.equipment import EQUIPMENT
from loaders.entities.members import MEMBERS
from resolvers.context import Info
from resolvers.costs import cost
from resolvers.fields import OnProject
from resolvers.node import Part, plain
from resolvers.types.cost_codes import cost_code
from resolvers.types.references import CostCodeRef, EquipmentRef, TeamMemberRef


@strawberry.type(description="What a piece of equipment did on one date.")
class EquipmentLogEntry(Part):
    """An entry of a log."""

    id: strawberry.ID = plain("Raken's uuid.")
    date: dt.date = plain("The date.")
    hours: float = plain("Hours in use.")
    idle_hours: float | None = plain("Hours on site and not in use.")
    status: str | None = plain("As Raken names it: IN_USE, NOT_IN_USE.")
    description: str | None = plain("What was noted on it.")

    @strawberry.field(description="Who ran it; null where nobody is named, or Raken no longer has the member.")
    async def operator(self, info: Info) -> TeamMemberRef | None:
        """By its id."""
        return await info.context.one(MEMBERS, self.row.operator_id, self.since)

    @strawberry.field(description="What the hours are booked on.")
    async def cost_code(self, info: Info) -> CostCodeRef | None:
        """The row's, with the listed one's description."""
        return await cost_code(info.context, self.row.cost_code, self.since)


@strawberry.type(description="An assignment of one piece of equipment to one project.")
class EquipmentLog(OnProject):
    """An assignment."""

    id: strawberry.ID = plain("Raken's uuid.")
    start_date: dt.date | None = plain("When it came to the project.")
    end_date: dt.date | None = plain("When it left; null while it is there.")

    @strawberry.field(description="Days on site, as Raken counts them.")
    def days_onsite(self) -> int | None:
        """The row's, a whole number."""
        return whole(self.row.days_onsite)

    @strawberry.field(description="Days on site and not in use, as Raken has it; -1 is seen.")
    def days_not_in_use(self) -> int | None:
        """The row's, a whole number."""
        return whole(self.row.days_not_in_use)

    @strawberry.field(
        description="What it did on each date: all of the assignment's, whatever the window.", metadata=cost(rows=20)
    )
    def entries(self) -> list[EquipmentLogEntry]:
        """The row's."""
        return [EquipmentLogEntry.of(entry, self.serving) for entry in self.row.entries]

    @strawberry.field(description="The piece of equipment, as the log names it.")
    def equipment(self, info: Info) -> EquipmentRef | None:
        """The row's, as old as the row."""
        piece = self.row.equipment
        return None if piece is None else info.context.node(EQUIPMENT, Sourced(piece, self.serving))


def whole(number: float | None) -> int | None:
    """Raken's float as the whole number that it means; a fraction of a day means none."""
    return int(number) if number is not None and number.is_integer() else None

"""Time cards: what one worker did on one project on one date."""

import datetime as dt

import strawberry

from loaders.entities.members import MEMBERS
from resolvers.context import Info
from resolvers.costs import cost
from resolvers.fields import OnProject
from resolvers.node import Part, plain
from resolvers.types.cost_codes import cost_code
from resolvers.types.references import ClassificationRef, CostCodeRef, PayTypeRef, TeamMemberRef


@strawberry.type(description="A break on a time card.")
class Break:
    """A break, read off its card's row."""

    name: str = plain("What kind of break.")
    minutes: float = plain("How long, in minutes.")
    start_time: dt.time | None = plain("When it began.")


@strawberry.type(description="A part of a time card's hours.")
class TimeEntry(Part):
    """An entry of a card."""

    hours: float = plain("How many hours.")
    pay_type: PayTypeRef | None = plain("The kind of pay; null where Raken has none.")
    classification: ClassificationRef | None = plain("What the worker worked as; null where Raken has none.")

    @strawberry.field(description="What the hours are booked on; null where Raken has none.")
    async def cost_code(self, info: Info) -> CostCodeRef | None:
        """The row's, with the listed one's description."""
        return await cost_code(info.context, self.row.cost_code, self.since)


@strawberry.type(description="What one worker did on one project on one date; split shifts are several.")
class TimeCard(OnProject):
    """A time card."""

    id: strawberry.ID = plain("Raken's uuid.")
    date: dt.date = plain("The date that it counts for.")
    start_time: dt.time | None = plain("When work began; no zone.")
    end_time: dt.time | None = plain("When work ended; at or before `startTime` on the next day.")
    total_hours: float = plain("Trust this: it cannot be recomputed from the times.")
    approved: bool = plain("Whether it is approved; an approval can be taken back.")
    note: str | None = plain("What was noted on it.")
    breaks: list[Break] = plain("The breaks taken.", cost(rows=2))
    created_at: dt.datetime = plain("When Raken's row was made.")
    updated_at: dt.datetime = plain("When Raken's row last changed; an approval is a change.")

    @strawberry.field(description="The parts of its hours.", metadata=cost(rows=2))
    def entries(self) -> list[TimeEntry]:
        """The row's."""
        return [TimeEntry.of(entry, self.serving) for entry in self.row.entries]

    @strawberry.field(description="Null where Raken no longer has the member.")
    async def worker(self, info: Info) -> TeamMemberRef | None:
        """By its id."""
        return await info.context.one(MEMBERS, self.row.worker_id, self.since)

    @strawberry.field(description="Who approved it; null where nobody did, or Raken no longer has the member.")
    async def approved_by(self, info: Info) -> TeamMemberRef | None:
        """By the id that signed it."""
        signed = self.row.signed.id if self.row.signed else None
        return await info.context.one(MEMBERS, signed, self.since)

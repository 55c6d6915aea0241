"""Projects: Raken's row, ASR's fields on it, and what happened on it."""

import datetime as dt
from decimal import Decimal

import strawberry

from loaders.dataloaders import Rows
from loaders.entities.daily_reports import DAILY_REPORTS
from loaders.entities.equipment_logs import EQUIPMENT_LOGS
from loaders.entities.material_logs import MATERIAL_LOGS
from loaders.entities.materials import MATERIALS
from loaders.entities.observations import OBSERVATIONS
from loaders.entities.projects import ProjectStatus
from loaders.entities.time_cards import TIME_CARDS
from loaders.entities.work_logs import WORK_LOGS
from loaders.extensions import ProjectExtension
from resolvers.access import INSIDERS
from resolvers.arguments import From, To
from resolvers.context import Info
from resolvers.costs import WINDOW, cost
from resolvers.described import described
from resolvers.fields import ours, paged
from resolvers.node import Node, plain
from resolvers.paging import Connection
from resolvers.scalars import JSON, version
from resolvers.team import team
from resolvers.types.hours import HoursSummary, hours
from resolvers.types.references import (
    DailyReportRef,
    EquipmentLogRef,
    MaterialLogRef,
    MaterialRef,
    ObservationRef,
    TeamMemberRef,
    TimeCardRef,
    WorkLogRef,
)

described(
    ProjectStatus,
    "ProjectStatus",
    "Where a project stands, in Raken's words.",
    ACTIVE="Under way.",
    INACTIVE="Put aside.",
    DELETED="Deleted in Raken; its rows still name it.",
    UNKNOWN="A status that Raken has added since.",
)


@strawberry.type(description="Where a project lies.")
class Address:
    """An address, read off its project's row."""

    street: str | None = plain("Street and number.")
    city: str | None = plain("The city.")
    state: str | None = plain("The state or province.")
    postal_code: str | None = plain("The postal code.")
    country: str | None = plain("The country.")


@strawberry.type(description="A project: Raken's, with ASR's fields and all that happened on it.")
class Project(Node):
    """A project."""

    id: strawberry.ID = plain("Raken's uuid.")
    name: str = plain("Its name.")
    number: str | None = plain("Not unique, and null where Raken has an empty one.")
    status: ProjectStatus = plain("Where it stands.")
    start_date: dt.date | None = plain("When it begins.")
    end_date: dt.date | None = plain("When it ends.")
    address: Address | None = plain("Where it lies.")
    created_at: dt.datetime = plain("When Raken's row was made.")
    updated_at: dt.datetime = plain("When Raken's row last changed.")

    internal_notes: str | None = ours("internal_notes", "ASR's notes on the project.", *INSIDERS)
    asr_budget_override: Decimal | None = ours("asr_budget_override", "ASR's budget, with two decimals.", *INSIDERS)
    custom_fields: JSON | None = ours("custom_fields", "ASR's own fields: an object, `{}` where never set.", absent={})
    extension_updated_at: dt.datetime | None = ours(
        "updated_at", "When ASR's fields last changed, to the microsecond; null where never set.", shown=version
    )

    time_cards: Connection[TimeCardRef] | None = paged(TIME_CARDS, "project", "Its time cards, by date, then id.")
    work_logs: Connection[WorkLogRef] | None = paged(WORK_LOGS, "project", "Its work logs, by date, then id.")
    equipment_logs: Connection[EquipmentLogRef] | None = paged(
        EQUIPMENT_LOGS, "project", "The equipment assigned to it at some time of the window, by start, then id."
    )
    material_logs: Connection[MaterialLogRef] | None = paged(
        MATERIAL_LOGS, "project", "Its material logs, by date, then id."
    )
    daily_reports: Connection[DailyReportRef] | None = paged(
        DAILY_REPORTS, "project", "Its daily reports, by date, then id."
    )
    observations: Connection[ObservationRef] | None = paged(
        OBSERVATIONS,
        "project",
        "Its observations, by date, then id; one without a date is in every window of its month.",
    )

    async def extension(self, info: Info) -> ProjectExtension | None:
        """ASR's row on it."""
        return await info.context.loaders.project_extension.load(self.row.id)

    @strawberry.field(
        description="Members who worked on it in the window (by time cards), and those assigned locally. "
        "The window defaults to the last 30 days.",
        metadata=cost(rows=20, work=WINDOW),
    )
    async def team(
        self, info: Info, from_: From = strawberry.UNSET, to: To = strawberry.UNSET
    ) -> list[TeamMemberRef] | None:
        """By cards and assignments."""
        return await team(info.context, self.row.id, info.context.window(from_, to))

    @strawberry.field(description="Its materials, by name, then id.", metadata=cost(rows=20))
    async def materials(self, info: Info) -> list[MaterialRef] | None:
        """From the project's own slice."""
        rows = await info.context.loaders.rows(MATERIALS, Rows("project", self.row.id))
        return [info.context.node(MATERIALS, one) for one in rows]

    @strawberry.field(description="The hours on its time cards in the window.", metadata=cost(work=WINDOW))
    async def hours(self, info: Info, from_: From = strawberry.UNSET, to: To = strawberry.UNSET) -> HoursSummary | None:
        """Sums of its cards."""
        window = info.context.window(from_, to)
        return hours(await info.context.loaders.rows(TIME_CARDS, Rows("project", self.row.id, window)))

"""Team members: Raken's row, ASR's fields on it, and what they worked on."""

import datetime as dt

import strawberry

from loaders.dataloaders import Rows
from loaders.entities.classifications import CLASSIFICATIONS
from loaders.entities.members import MemberStatus
from loaders.entities.time_cards import TIME_CARDS
from loaders.extensions import MemberExtension
from resolvers import team
from resolvers.access import INSIDERS
from resolvers.arguments import From, To
from resolvers.context import Info
from resolvers.costs import WINDOW, cost
from resolvers.described import described
from resolvers.fields import ours, paged
from resolvers.node import Node, plain
from resolvers.paging import Connection
from resolvers.scalars import JSON, version
from resolvers.types.accounts import UserAccount
from resolvers.types.hours import HoursSummary, hours
from resolvers.types.references import ClassificationRef, ProjectRef, TimeCardRef

described(
    MemberStatus,
    "MemberStatus",
    "Where a member stands, in Raken's words.",
    ACTIVE="At work.",
    INVITED="Invited, not yet joined.",
    INACTIVE="Put aside.",
    DELETED="Deleted in Raken; old time cards still name it.",
    UNKNOWN="A status that Raken has added since.",
)


@strawberry.type(description="A person in Raken, with ASR's fields and what they worked on.")
class TeamMember(Node):
    """A member."""

    id: strawberry.ID = plain("Raken's uuid.")
    first_name: str = plain("The first name.")
    last_name: str = plain("The last name.")
    email: str | None = plain("Absent for many field workers.")
    phone_number: str | None = plain("The phone number.")
    title: str | None = plain("The job title.")
    employee_id: str | None = plain("The company's own number for the person.")
    raken_role: str = plain("As Raken names it: ROLE_WORKER, ROLE_PROJECT_MEMBER, ROLE_ADMIN, ROLE_ACCOUNT_ADMIN, …")
    status: MemberStatus = plain("Where the member stands.")
    last_login_at: dt.datetime | None = plain("When the person last signed in to Raken; field workers never do.")
    created_at: dt.datetime = plain("When Raken's row was made.")
    updated_at: dt.datetime = plain("When Raken's row last changed.")

    permissions: list[str] | None = ours("permissions", "What ASR lets the person do.", *INSIDERS)
    assigned_project_ids: list[strawberry.ID] | None = ours(
        "assigned_project_ids", "Projects that the member belongs to by ASR's word, as they were given."
    )
    internal_notes: str | None = ours("internal_notes", "ASR's notes on the member.", *INSIDERS)
    custom_fields: JSON | None = ours("custom_fields", "ASR's own fields: an object, `{}` where never set.", absent={})
    extension_updated_at: dt.datetime | None = ours(
        "updated_at", "When ASR's fields last changed, to the microsecond; null where never set.", shown=version
    )

    time_cards: Connection[TimeCardRef] | None = paged(
        TIME_CARDS, "worker", "The member's time cards, by date, then id."
    )

    async def extension(self, info: Info) -> MemberExtension | None:
        """ASR's row on the member."""
        return await info.context.loaders.member_extension.load(self.row.id)

    @strawberry.field(description="First and last name.")
    def full_name(self) -> str:
        """Both names, or the one there is."""
        return f"{self.row.first_name} {self.row.last_name}".strip()

    @strawberry.field(description="What the member works as; null where Raken has none.")
    async def classification(self, info: Info) -> ClassificationRef | None:
        """By its id."""
        return await info.context.one(CLASSIFICATIONS, self.row.classification_id, self.since)

    @strawberry.field(description="The person's account with the gateway, as ASR has linked it.")
    async def internal_user(self, info: Info) -> UserAccount | None:
        """By ASR's row."""
        row = await self.extension(info)
        id_ = row.internal_user_id if row else None
        account = await info.context.loaders.account.load(id_) if id_ else None
        return UserAccount.of(account) if account else None

    @strawberry.field(
        description="Projects that the member worked on in the window (by time cards), and those assigned locally. "
        "The window defaults to the last 30 days.",
        # Ten times what it has: with `team` it makes a circle, and each round is to cost so much more than the last.
        metadata=cost(rows=80, work=WINDOW),
    )
    async def projects(
        self, info: Info, from_: From = strawberry.UNSET, to: To = strawberry.UNSET
    ) -> list[ProjectRef] | None:
        """By cards and assignments."""
        return await team.projects(info.context, self.row.id, info.context.window(from_, to))

    @strawberry.field(description="The hours on the member's time cards in the window.", metadata=cost(work=WINDOW))
    async def hours(self, info: Info, from_: From = strawberry.UNSET, to: To = strawberry.UNSET) -> HoursSummary | None:
        """Sums of the member's cards."""
        window = info.context.window(from_, to)
        return hours(await info.context.loaders.rows(TIME_CARDS, Rows("worker", self.row.id, window)))

"""The queries: what can be asked for from the root."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import strawberry
from strawberry.tools import create_type

from loaders.dataloaders import Rows, Sourced
from loaders.entities.members import MEMBERS, MemberStatus
from loaders.entities.projects import PROJECTS, ProjectStatus
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Entity, SliceKey
from resolvers import audit
from resolvers.access import ADMINS, Allowed
from resolvers.arguments import After, First
from resolvers.context import Info
from resolvers.costs import WINDOW, cost
from resolvers.paging import DEFAULT, Connection
from resolvers.scalars import version
from resolvers.schema import CATALOGUE, RakenEntity
from resolvers.types.accounts import UserAccount
from resolvers.types.admin import AuditEntry, CacheStatus, OrphanedExtension, UpstreamStatus
from resolvers.types.projects import Project
from resolvers.types.references import TimeCardRef
from resolvers.types.team_members import TeamMember


@strawberry.input(description="Which projects; what is left out or null selects everything.")
class ProjectFilter:
    """A filter of projects."""

    statuses: list[ProjectStatus] | None = strawberry.field(
        default=None, description="Of these statuses; an empty list selects nothing."
    )
    search: str | None = strawberry.field(
        default=None, description="Any part of the name or number, without regard to case."
    )


@strawberry.input(description="Which members; what is left out or null selects everything.")
class TeamMemberFilter:
    """A filter of members."""

    statuses: list[MemberStatus] | None = strawberry.field(
        default=None, description="Of these statuses; an empty list selects nothing."
    )
    search: str | None = strawberry.field(
        default=None, description="Any part of the names, email or employee id, without regard to case."
    )
    raken_roles: list[str] | None = strawberry.field(
        default=None, description="Of these roles, as Raken names them; an empty list selects nothing."
    )


Id = Annotated[strawberry.ID, strawberry.argument(description="Raken's uuid.")]


def matching(search: str | None) -> Callable[[Iterable[str | None]], bool]:
    """Whether a search word is a part of any of some texts, without regard to case; None is a part of everything."""
    if search is None:
        return lambda _: True
    # Folded once, and not for each row: it may be as long as a request.
    word = search.casefold()
    return lambda texts: any(word in text.casefold() for text in texts if text is not None)


def among(values: Iterable[object] | None) -> Callable[[object], bool]:
    """Whether a value is one of some; None, and what is left out, are any."""
    return frozenset(values).__contains__ if isinstance(values, Iterable) else lambda _: True


def select_projects(rows: list[Sourced], chosen: ProjectFilter | None) -> list[Sourced]:
    """The projects that a filter lets through; without one, the active ones."""
    if chosen is None:
        return [one for one in rows if one.row.status is ProjectStatus.ACTIVE]
    status, text = among(chosen.statuses), matching(chosen.search)
    return [one for one in rows if status(one.row.status) and text((one.row.name, one.row.number))]


def select_members(rows: list[Sourced], chosen: TeamMemberFilter | None) -> list[Sourced]:
    """The members that a filter lets through; without one, the active ones."""
    if chosen is None:
        return [one for one in rows if one.row.status is MemberStatus.ACTIVE]
    status, role, text = among(chosen.statuses), among(chosen.raken_roles), matching(chosen.search)
    return [one for one in rows if status(one.row.status) and role(one.row.raken_role) and text(_names(one.row))]


def _names(row: Any) -> tuple[str | None, ...]:
    full = f"{row.first_name} {row.last_name}"
    return (row.first_name, row.last_name, full, row.email, row.employee_id)


def listed(entity: Entity[Any], type_: type) -> Any:
    """All the rows of an entity that is not dated, as a root field that is named for it."""

    async def resolve(info: Info) -> Any:
        return [info.context.node(entity, one) for one in await info.context.loaders.all(entity)]

    # Strawberry names the field after it; fields of one name would vanish silently.
    resolve.__name__ = entity.name.lower()
    words = entity.name.lower().replace("_", " ")
    return strawberry.field(
        resolver=resolve,
        graphql_type=list[type_] | None,  # type: ignore[valid-type] # a value here, and read at run time
        description=f"All {words}, by name or code, then id.",
        metadata=cost(rows=100),
    )


PAGED = (PROJECTS, MEMBERS)
"Undated entities that the root has as filtered pages."
Lists = create_type(
    "Lists",
    [listed(entity, type_) for entity, type_ in CATALOGUE.items() if not entity.dated and entity not in PAGED],
)


@strawberry.type(description="What can be asked.")
class Query(Lists):  # type: ignore[misc,valid-type] # a class that is made, not written
    """The root of queries."""

    @strawberry.field(description="Who is signed in.")
    def me(self, info: Info) -> UserAccount | None:
        """The viewer's account."""
        viewer = info.context.viewer
        return UserAccount.of(viewer.account) if viewer else None

    @strawberry.field(description="A project by its id, whatever its status; null where Raken has none.")
    async def project(self, info: Info, id: Id) -> Project | None:  # noqa: A002 - the contract's name
        """By its id."""
        return await info.context.one(PROJECTS, id)

    @strawberry.field(description="Without a filter: ACTIVE ones, by name.")
    async def projects(
        self,
        info: Info,
        filter: Annotated[ProjectFilter | None, strawberry.argument(description="Which ones.")] = strawberry.UNSET,  # noqa: A002 - the contract's name
        first: First = DEFAULT,
        after: After = strawberry.UNSET,
    ) -> Connection[Project] | None:
        """By name, then id."""
        rows = select_projects(await info.context.loaders.all(PROJECTS), filter or None)
        return info.context.connect(PROJECTS, rows, first, after, "projects")

    @strawberry.field(description="A member by id, whatever the status; null where Raken has none.")
    async def team_member(self, info: Info, id: Id) -> TeamMember | None:  # noqa: A002 - the contract's name
        """By its id."""
        return await info.context.one(MEMBERS, id)

    @strawberry.field(description="Without a filter: ACTIVE ones, by last name, first name, id.")
    async def team_members(
        self,
        info: Info,
        filter: Annotated[TeamMemberFilter | None, strawberry.argument(description="Which ones.")] = strawberry.UNSET,  # noqa: A002 - the contract's name
        first: First = DEFAULT,
        after: After = strawberry.UNSET,
    ) -> Connection[TeamMember] | None:
        """By last name, first name, id."""
        rows = select_members(await info.context.loaders.all(MEMBERS), filter or None)
        return info.context.connect(MEMBERS, rows, first, after, "teamMembers")

    @strawberry.field(
        description="Up to 400 dates, both ends counted; the gateway splits the window as Raken demands.",
        metadata=cost(work=WINDOW),
    )
    async def time_cards(
        self,
        info: Info,
        from_: Annotated[dt.date, strawberry.argument(name="from", description="The first date, counted.")],
        to: Annotated[dt.date, strawberry.argument(description="The last date, counted.")],
        project_ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="On these projects; null is any, an empty list none."),
        ] = strawberry.UNSET,
        worker_ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="Of these members; null is any, an empty list none."),
        ] = strawberry.UNSET,
        first: First = DEFAULT,
        after: After = strawberry.UNSET,
    ) -> Connection[TimeCardRef] | None:
        """By date, then id."""
        window = info.context.window(from_, to)
        rows = await info.context.loaders.rows(TIME_CARDS, Rows(None, None, window))
        project, worker = among(project_ids), among(worker_ids)
        chosen = [one for one in rows if project(one.row.project_id) and worker(one.row.worker_id)]
        return info.context.connect(TIME_CARDS, chosen, first, after, "timeCards")

    @strawberry.field(
        description="How each entity's cache is doing.", extensions=[Allowed(*ADMINS)], metadata=cost(rows=13)
    )
    async def cache_status(self, info: Info) -> list[CacheStatus] | None:
        """A row an entity."""
        return [CacheStatus.of(row) for row in await info.context.process.caches()]

    @strawberry.field(description="How Raken is doing.", extensions=[Allowed(*ADMINS)])
    async def upstream_status(self, info: Info) -> UpstreamStatus | None:
        """Raken's standing."""
        return UpstreamStatus.of(await info.context.process.standing())

    @strawberry.field(
        description="Who changed or refreshed what, the newest first. A page may have fewer rows than `first`: "
        "it ends with the row that fills 2 MiB.",
        extensions=[Allowed(*ADMINS)],
    )
    async def audit_log(
        self, info: Info, first: First = DEFAULT, after: After = strawberry.UNSET
    ) -> Connection[AuditEntry] | None:
        """By when it was written, backwards."""
        return await audit.entries(info.context.stores.audit, first, after)

    @strawberry.field(
        description="ASR's rows whose Raken object is gone.", extensions=[Allowed(*ADMINS)], metadata=cost(rows=20)
    )
    async def orphaned_extensions(self, info: Info) -> list[OrphanedExtension] | None:
        """Rows without an object, projects' first, by id."""
        stores = info.context.stores
        orphans = []
        for entity, store in ((PROJECTS, stores.projects), (MEMBERS, stores.members)):
            serving = await info.context.loader.read(SliceKey(entity), info.context.operation)
            orphans += [(entity, orphan) for orphan in await store.orphans(serving.slice.known)]
        return [
            OrphanedExtension(
                entity=RakenEntity[entity.name],
                id=strawberry.ID(orphan.id),
                extension_updated_at=version(orphan.updated_at),
            )
            for entity, orphan in orphans
        ]

"""The mutations: signing in, ASR's own fields, refreshes.

One rule: a mutation's effect is in the very next read; each starts with loaders that have seen nothing yet.
"""

import asyncio
import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import strawberry

from loaders.entities.members import MEMBERS
from loaders.entities.projects import PROJECTS
from loaders.entity import Entity, SliceKey
from loaders.errors import NotFound
from loaders.extensions import Extensions
from loaders.uuids import is_uuid
from resolvers.access import ADMINS, EDITORS, Allowed
from resolvers.context import Info
from resolvers.costs import cost
from resolvers.queries import Id
from resolvers.scalars import JSON
from resolvers.schema import ENTITIES, RakenEntity
from resolvers.types.accounts import UserAccount
from resolvers.types.admin import RefreshResult
from resolvers.types.projects import Project
from resolvers.types.team_members import TeamMember

LOCK = "Optimistic lock: refuse when the row changed since; null: only if there is no row yet; left out: no check."


def optional(description: str) -> Any:
    """An input field that is told apart left out and null."""
    return strawberry.field(default=strawberry.UNSET, description=description)


@strawberry.input(description="ASR's fields on a project: one left out is left as it is; null clears it.")
class ProjectExtensionInput:
    """A change of a project's row."""

    project_id: strawberry.ID = strawberry.field(description="The project.")
    internal_notes: str | None = optional("ASR's notes, kept to the letter; 64 KiB of UTF-8 at most.")
    asr_budget_override: Decimal | None = optional("ASR's budget, with two decimals at most.")
    custom_fields: JSON | None = optional("An object, replaced whole; 64 KiB at most.")
    if_updated_at: dt.datetime | None = optional(LOCK)


@strawberry.input(description="ASR's fields on a member: one left out is left as it is; null clears it.")
class TeamMemberExtensionInput:
    """A change of a member's row."""

    member_id: strawberry.ID = strawberry.field(description="The member.")
    assigned_project_ids: list[strawberry.ID] | None = optional(
        "Projects that the member belongs to by ASR's word, whatever the time cards say; 10,000 at most."
    )
    internal_user_id: strawberry.ID | None = optional("The person's account with the gateway.")
    permissions: list[str] | None = optional(
        "What ASR lets the person do: 1,000 entries at most, of 200 characters each."
    )
    internal_notes: str | None = optional("ASR's notes, kept to the letter; 64 KiB of UTF-8 at most.")
    custom_fields: JSON | None = optional("An object, replaced whole; 64 KiB at most.")
    if_updated_at: dt.datetime | None = optional(LOCK)


@strawberry.type(description="What a sign-in gives.")
class Session:
    """A token and whose it is."""

    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`.")
    expires_at: dt.datetime = strawberry.field(description="When it ends.")
    user: UserAccount = strawberry.field(description="Whose it is.")


async def _change(info: Info, entity: Entity[Any], store: Extensions[Any], id_: str, change: Any) -> Any:
    """Changes ASR's row on an object that Raken has, and answers the object as it then is."""
    context = info.context
    context.renew()
    if await context.loaders.one(entity, id_) is None:
        raise NotFound(f"expected an id that Raken has among its {entity.path[1:]}, got {id_[:40]!r}")
    changes = {name: value for name, value in vars(change).items() if value is not strawberry.UNSET}
    expected = changes.pop("if_updated_at", msgspec.UNSET)
    del changes["project_id" if entity is PROJECTS else "member_id"]
    await store.update(id_, changes, actor=context.actor, if_updated_at=expected)
    return await context.one(entity, id_)


async def _refresh_row(info: Info, entity: Entity[Any], id_: str) -> Any:
    """Refreshes the slice that an object is in, and answers the object; there is none of what cannot be an id."""
    context = info.context
    if not is_uuid(id_):
        return None
    await context.refresher.slice(SliceKey(entity), id_, context.actor, context.operation)
    context.renew()
    return await context.one(entity, id_)


@strawberry.type(description="What can be changed.")
class Mutation:
    """The root of mutations."""

    @strawberry.mutation(description="Signs in with a local account; the token is for `Authorization: Bearer`.")
    async def login(
        self,
        info: Info,
        email: Annotated[str, strawberry.argument(description="The account's address.")],
        password: Annotated[str, strawberry.argument(description="Its password.")],
    ) -> Session | None:
        """For anyone."""
        signed = await info.context.process.sign_in(email, password)
        return Session(token=signed.token, expires_at=signed.expires_at, user=UserAccount.of(signed.account))

    @strawberry.mutation(
        description="Fetches now, whatever the TTL; null means every entity.",
        extensions=[Allowed(*ADMINS)],
        metadata=cost(rows=13),
    )
    async def refresh(
        self,
        info: Info,
        entities: Annotated[
            list[RakenEntity] | None, strawberry.argument(description="Which ones; an empty list is none.")
        ] = strawberry.UNSET,
    ) -> list[RefreshResult] | None:
        """The slices in use, and the default window's."""
        context = info.context
        names = list(ENTITIES) if entities is None or entities is strawberry.UNSET else [one.name for one in entities]
        window = context.window(None, None)
        refreshed = await asyncio.gather(
            *(
                context.refresher.entity(ENTITIES[name], window, context.actor, context.operation)
                for name in dict.fromkeys(names)
            )
        )
        context.renew()
        return [RefreshResult.of(one) for one in refreshed]

    @strawberry.mutation(description="Refreshes the slice that the project is in.", extensions=[Allowed(*ADMINS)])
    async def refresh_project(self, info: Info, id: Id) -> Project | None:  # noqa: A002 - the contract's name
        """Null where Raken has none then."""
        return await _refresh_row(info, PROJECTS, id)

    @strawberry.mutation(description="Refreshes the slice that the member is in.", extensions=[Allowed(*ADMINS)])
    async def refresh_team_member(self, info: Info, id: Id) -> TeamMember | None:  # noqa: A002 - the contract's name
        """Null where Raken has none then."""
        return await _refresh_row(info, MEMBERS, id)

    @strawberry.mutation(
        description="A field left out is left as it is; null clears it.", extensions=[Allowed(*EDITORS)]
    )
    async def update_project_extension(
        self,
        info: Info,
        input: Annotated[ProjectExtensionInput, strawberry.argument(description="The change.")],  # noqa: A002 - the contract's name
    ) -> Project | None:
        """ASR's fields on a project."""
        store = info.context.stores.projects
        return await _change(info, PROJECTS, store, input.project_id, input)

    @strawberry.mutation(
        description="A field left out is left as it is; null clears it.", extensions=[Allowed(*ADMINS)]
    )
    async def update_team_member_extension(
        self,
        info: Info,
        input: Annotated[TeamMemberExtensionInput, strawberry.argument(description="The change.")],  # noqa: A002 - the contract's name
    ) -> TeamMember | None:
        """ASR's fields on a member."""
        store = info.context.stores.members
        return await _change(info, MEMBERS, store, input.member_id, input)

"""Who belongs to which project: by the time cards of a window, and by ASR's word.

One rule: a team has every member that Raken still has, whatever the status, in the order of the members' lists.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from loaders.dataloaders import Rows, Sourced
from loaders.entities.members import MEMBERS
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Entity, SliceKey, Window
from loaders.lookups import Wanted
from loaders.slices import sort_key
from resolvers.context import Context

ALWAYS = float("inf")


async def team(context: Context, project_id: str, window: Window) -> list[Any]:
    """The members with a card on a project in a window, and those assigned to it locally."""
    context.loader.expect(SliceKey(MEMBERS), context.operation)
    cards, assigned = await asyncio.gather(
        context.loaders.rows(TIME_CARDS, Rows("project", project_id, window)),
        context.loaders.assigned.load(project_id),
    )
    return await _named(context, MEMBERS, ((card.row.worker_id, _since(card)) for card in cards), assigned or ())


async def projects(context: Context, member_id: str, window: Window) -> list[Any]:
    """The projects that a member has a card on in a window, and those assigned locally."""
    context.loader.expect(SliceKey(PROJECTS), context.operation)
    cards, extension = await asyncio.gather(
        context.loaders.rows(TIME_CARDS, Rows("worker", member_id, window)),
        context.loaders.member_extension.load(member_id),
    )
    # Kept as given, letters of either case; Raken's are lower.
    assigned = [id_.lower() for id_ in (extension and extension.assigned_project_ids) or ()]
    return await _named(context, PROJECTS, ((card.row.project_id, _since(card)) for card in cards), assigned)


def _since(card: Sourced) -> float:
    return card.serving.slice.reading.sent_at


async def _named(
    context: Context, entity: Entity[Any], by_cards: Iterable[tuple[str | None, float]], assigned: Iterable[str]
) -> list[Any]:
    """The nodes of these ids, each once, without those that Raken no longer has."""
    since = dict.fromkeys(assigned, ALWAYS)
    for id_, read in by_cards:
        if id_ is not None:
            since[id_] = max(read, since.get(id_, read))
    found = await context.loaders.many(entity, tuple(Wanted(id_, at) for id_, at in since.items()))
    present = sorted((one for one in found if one is not None), key=lambda one: sort_key(entity, one.row))
    return [context.node(entity, one) for one in present]

"""Who belongs to which project: what a cold view asks of Raken, and when."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from loaders.entities.members import MEMBERS
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Window
from resolvers.team import projects, team
from tests.unit.test_dataloaders import Store, loaders
from tests.unit.world import World, settle, uuid

MAY = Window(date(2026, 5, 1), date(2026, 5, 4))
Named = Callable[[Any, str, Window], Coroutine[Any, Any, list[Any]]]


@pytest.mark.parametrize(("named", "path"), [(team, MEMBERS.path), (projects, PROJECTS.path)])
async def test_whom_the_cards_will_name_is_asked_for_together_with_the_cards(
    world: World, monkeypatch: pytest.MonkeyPatch, named: Named, path: str
) -> None:
    for statement in ("many", "members_of"):
        monkeypatch.setattr(Store, statement, nobody)
    one, _ = loaders(world)
    context = SimpleNamespace(loader=world.loader, loaders=one, operation=one.operation)
    world.raken.hold()
    answer = asyncio.create_task(named(context, uuid(1), MAY))
    await settle()
    assert sorted(asked for asked, _, _ in world.raken.asked) == sorted([path, TIME_CARDS.path])
    world.raken.let_go()
    assert await answer == []
    assert (world.requests, one.operation.share) == (2, 48)


async def nobody(_store: Store, _ids: list[str]) -> dict[str, Any]:
    return {}

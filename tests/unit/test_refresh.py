"""Refreshes that a person asked for: which slices, what they changed, and who is written down."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from loaders.entities.material_logs import MATERIAL_LOGS
from loaders.entities.materials import MATERIALS
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entities.work_logs import WORK_LOGS
from loaders.entity import Month, SliceKey, Window
from loaders.errors import ExtensionsUnavailable, RakenRefused, RakenUnavailable
from loaders.refresh import Refresher
from tests.unit.test_dataloaders import Insisting, sent_card
from tests.unit.world import COMPANY, World, sent, settle, uuid

WINDOW = Window(date(2026, 4, 4), date(2026, 5, 4))
MARCH, APRIL, MAY = (Month(2026, number) for number in (3, 4, 5))


class Log:
    """An audit log, which may be away."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, Mapping[str, object]]] = []
        self.away = False

    async def note(self, actor: str, action: str, subject: str, after: Mapping[str, object]) -> None:
        if self.away:
            raise ExtensionsUnavailable("Postgres is away")
        self.rows.append((actor, action, subject, after))


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def refresher(world: World, log: Log) -> Refresher:
    stands_for: Any = log
    return Refresher(world.loader, stands_for)


async def test_it_says_exactly_what_changed_and_who_asked_is_written_down(
    world: World, refresher: Refresher, log: Log
) -> None:
    await world.warm(sent(1), sent(2), sent(3))
    world.raken.rows[PROJECTS.path] = [sent(2, "Tunnel"), sent(3), sent(4), sent(5)]
    done = await refresher.entity(PROJECTS, WINDOW, "ann@asr.example", world.operation())
    assert (done.objects, done.added, done.changed, done.removed, done.requests) == (4, 2, 1, 1, 1)
    assert done.error is None
    assert log.rows == [("ann@asr.example", "refresh", "PROJECTS", {})]


async def test_its_requests_are_counted_as_the_operations_and_not_charged_to_its_share(
    world: World, refresher: Refresher
) -> None:
    operation = world.operation()
    await refresher.entity(TIME_CARDS, WINDOW, "ann", operation)
    await refresher.slice(COMPANY, uuid(1), "ann", operation)
    assert (operation.requests, operation.share) == (3, 50)


async def test_what_nobody_has_read_yet_is_all_new(refresher: Refresher, world: World) -> None:
    world.raken.rows[PROJECTS.path] = [sent(1), sent(2)]
    done = await refresher.entity(PROJECTS, WINDOW, "ann", world.operation())
    assert (done.objects, done.added, done.changed, done.removed) == (2, 2, 0, 0)


async def test_a_failure_leaves_what_was_cached_and_says_why(refresher: Refresher, world: World) -> None:
    before = await world.warm(sent(1))
    world.raken.errors[PROJECTS.path] = RakenUnavailable("Raken is away")
    done = await refresher.entity(PROJECTS, WINDOW, "ann", world.operation())
    assert (str(done.error), done.objects, done.removed) == ("Raken is away", 1, 0)
    assert (await world.read()).slice is before.slice


async def test_nothing_is_asked_while_nobody_can_write_down_who_asked(
    refresher: Refresher, world: World, log: Log
) -> None:
    log.away = True
    with pytest.raises(ExtensionsUnavailable):
        await refresher.entity(PROJECTS, WINDOW, "ann", world.operation())
    with pytest.raises(ExtensionsUnavailable):
        await refresher.slice(COMPANY, "an id", "ann", world.operation())
    assert world.requests == 0


async def test_a_dated_entitys_slices_are_the_windows_and_those_read_within_a_day(
    refresher: Refresher, world: World
) -> None:
    march = SliceKey(TIME_CARDS, None, MARCH)
    await world.read(march)
    months = [key.month for key in await refresher.keys(TIME_CARDS, WINDOW, world.operation())]
    assert months == [APRIL, MAY, MARCH]
    await world.move(86_401)
    assert [key.month for key in await refresher.keys(TIME_CARDS, WINDOW, world.operation())] == [APRIL, MAY]


async def test_a_card_that_moves_to_another_month_has_changed(refresher: Refresher, world: World) -> None:
    world.raken.rows[TIME_CARDS.path] = [sent_card(1, "2026-04-30", 1), sent_card(2, "2026-05-01", 1)]
    await refresher.entity(TIME_CARDS, WINDOW, "ann", world.operation())
    world.raken.rows[TIME_CARDS.path] = [sent_card(1, "2026-05-02", 1), sent_card(2, "2026-05-01", 1)]
    done = await refresher.entity(TIME_CARDS, WINDOW, "ann", world.operation())
    assert (done.objects, done.added, done.changed, done.removed) == (2, 0, 1, 0)


async def test_where_raken_insists_on_a_project_the_slices_in_use_are_refreshed_and_that_is_no_failure(
    refresher: Refresher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.raken, "page", Insisting(world).page)
    world.raken.rows[WORK_LOGS.path] = [{"uuid": uuid(5), "date": "2026-04-02"}]
    first = await refresher.entity(WORK_LOGS, WINDOW, "ann", world.operation())
    assert (first.error, first.objects) == (None, 0)
    with pytest.raises(RakenRefused):
        await world.read(SliceKey(WORK_LOGS, None, MARCH))  # somebody asked company-wide before that was known
    await world.read(SliceKey(WORK_LOGS, uuid(1), APRIL))
    second = await refresher.entity(WORK_LOGS, WINDOW, "ann", world.operation())
    assert (second.error, second.objects, second.requests) == (None, 1, 1)


async def test_what_is_learned_while_a_refresh_is_under_way_is_followed(
    refresher: Refresher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.raken.rows[WORK_LOGS.path] = [{"uuid": uuid(5), "date": "2026-05-02", "projectUuid": uuid(1)}]
    world.raken.hold()
    refresh = asyncio.create_task(refresher.entity(WORK_LOGS, WINDOW, "ann", world.operation()))
    await settle()
    monkeypatch.setattr(world.loader, "by_project", lambda _: True)
    reader = asyncio.create_task(world.read(SliceKey(WORK_LOGS, uuid(1), MAY)))
    await settle()
    world.raken.let_go()
    done = await refresh
    assert (done.error, done.objects) == (None, 1)
    assert world.raken.asked[-1][1]["projectUuid"] == uuid(1)
    await reader


async def test_what_is_asked_by_project_is_refreshed_for_each_and_where_it_is_in_use(
    refresher: Refresher, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.warm(sent(1), sent(2))
    monkeypatch.setattr(world.loader, "by_project", lambda entity: entity is WORK_LOGS)
    await world.read(SliceKey(WORK_LOGS, uuid(1), MARCH))
    assert await refresher.keys(WORK_LOGS, WINDOW, world.operation()) == [
        *(SliceKey(WORK_LOGS, uuid(number), month) for number in (1, 2) for month in (APRIL, MAY)),
        SliceKey(WORK_LOGS, uuid(1), MARCH),
    ]
    assert await refresher.keys(MATERIALS, WINDOW, world.operation()) == [SliceKey(MATERIALS)]


async def test_what_is_asked_by_project_is_not_refreshed_where_nobody_knows_the_projects(
    refresher: Refresher, world: World
) -> None:
    world.raken.errors[PROJECTS.path] = RakenUnavailable("Raken is away")
    done = await refresher.entity(MATERIAL_LOGS, WINDOW, "ann", world.operation())
    assert (str(done.error), done.objects) == ("Raken is away", 0)


async def test_a_row_is_refreshed_with_its_slice(refresher: Refresher, world: World, log: Log) -> None:
    await world.warm(sent(1))
    await refresher.slice(COMPANY, uuid(1), "ann", world.operation())
    assert log.rows == [("ann", "refresh", uuid(1), {"entity": "PROJECTS"})]
    assert world.requests == 2

"""The DataLoaders of one request: few reads for many keys, and each row as the latest reading has it."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from loaders.dataloaders import Loaders, Rows, Stores, chosen, within
from loaders.entities.equipment_logs import EQUIPMENT_LOGS, EquipmentLogRow
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS, TimeCardRow
from loaders.entities.work_logs import WORK_LOGS
from loaders.entity import Month, Scope, SliceKey, Window
from loaders.errors import RakenRefused, RakenUnavailable, StillReading
from loaders.freshness import State
from loaders.lookups import Wanted
from loaders.operation import Operation, Serving
from tests.unit.rows import Json
from tests.unit.world import LIFETIME, World, card, project, sent, settle, slice_of, uuid

MARCH, APRIL = Month(2026, 3), Month(2026, 4)
SPRING = Window(date(2026, 3, 10), date(2026, 4, 20))


class Store:
    """Rows of ASR's, and the statements that they took."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def many(self, ids: Sequence[str]) -> dict[str, Any]:
        self.asked.append(list(ids))
        return {id_: f"row of {id_}" for id_ in ids if id_ != "none"}

    members_of = many


def loaders(world: World, operation: Operation | None = None) -> tuple[Loaders, Store]:
    """One request's loaders."""
    store: Any = Store()
    return Loaders(world.loader, Stores(store, store, store, store), operation or world.operation()), store


async def test_all_the_ids_of_one_level_are_one_statement() -> None:
    store: Any = Store()
    one = Loaders(None, Stores(store, store, store, store), None)  # type: ignore[arg-type]
    rows = await asyncio.gather(*(one.project_extension.load(id_) for id_ in ("a", "none", "b", "a")))
    assert rows == ["row of a", None, "row of b", "row of a"]
    assert store.asked == [["a", "none", "b"]]
    assert await one.project_extension.load("a") == "row of a"
    await asyncio.gather(one.member_extension.load("a"), one.account.load("a"), one.assigned.load("a"))
    assert store.asked[1:] == [["a"], ["a"], ["a"]]


async def test_a_hundred_ids_are_one_request_and_never_asked_for_singly(world: World) -> None:
    world.raken.rows[PROJECTS.path] = [sent(number) for number in range(90)]
    one, _ = loaders(world)
    found = await asyncio.gather(*(one.one(PROJECTS, uuid(number)) for number in range(100)))
    assert [each is not None for each in found] == [True] * 90 + [False] * 10
    assert [params.keys() for _, params, _ in world.raken.asked] == [{"statuses", "limit", "offset"}]


async def test_what_the_first_touch_names_and_the_slice_lacks_is_found_whoever_names_it(world: World) -> None:
    await world.warm(sent(1))
    world.raken.rows[PROJECTS.path].append(sent(2, "Annex"))
    one, _ = loaders(world)
    known, new = await asyncio.gather(one.one(PROJECTS, uuid(1)), one.one(PROJECTS, uuid(2)))
    assert known is not None
    assert new is not None
    assert known.serving is new.serving


async def test_many_keeps_the_order_in_which_it_was_asked(world: World) -> None:
    await world.warm(sent(1), sent(2), sent(3))
    one, _ = loaders(world)
    wanted = tuple(Wanted(uuid(number), 0.0) for number in (3, 9, 1))
    for _ in range(2):
        found = await one.many(PROJECTS, wanted)
        assert [each and each.row.id for each in found] == [uuid(3), None, uuid(1)]


# Windows, months, readings

LOG = {"start_date": date(2026, 3, 1), "end_date": date(2026, 3, 9)}


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        (date(2026, 3, 1), date(2026, 3, 9), False),
        (date(2026, 3, 1), date(2026, 3, 10), True),
        (date(2026, 4, 20), None, True),
        (date(2026, 4, 21), None, False),
        (None, date(2026, 3, 9), False),
        (None, None, True),
    ],
)
def test_a_row_is_in_a_window_that_its_dates_touch(start: date | None, end: date | None, inside: bool) -> None:  # noqa: FBT001 - a parameter of the test
    row = EquipmentLogRow(id=uuid(1), start_date=start, end_date=end)
    assert within(EQUIPMENT_LOGS, row, SPRING) is inside
    assert within(EQUIPMENT_LOGS, row, None)


def test_what_has_no_dates_is_in_every_window() -> None:
    assert within(PROJECTS, project(1), SPRING)


def serving(month: Month, rows: Sequence[TimeCardRow], sent_at: float) -> Serving:
    return Serving(slice_of(SliceKey(TIME_CARDS, None, month), rows, sent_at), State.FRESH, 0.0, LIFETIME)


@pytest.mark.parametrize("later", [MARCH, APRIL])
def test_a_row_in_two_months_is_there_once_as_the_latest_reading_has_it(later: Month) -> None:
    before, moved = card(1, date(2026, 3, 31), hours=1.0), card(1, date(2026, 4, 1), hours=2.0)
    servings = [
        serving(MARCH, [before, card(2, date(2026, 3, 12))], 1010.0 if later is MARCH else 1000.0),
        serving(APRIL, [moved, card(3, date(2026, 4, 1))], 1000.0 if later is MARCH else 1010.0),
    ]
    rows = chosen(TIME_CARDS, Rows(None, None, SPRING), servings)
    assert [one.row.id for one in rows] == ([uuid(2), uuid(1), uuid(3)])
    assert rows[1].row.total_hours == (1.0 if later is MARCH else 2.0)
    assert rows[1].serving is servings[later is APRIL]


def test_a_row_that_a_later_reading_has_outside_the_window_is_not_there() -> None:
    servings = [
        serving(MARCH, [card(1, date(2026, 3, 31))], 1000.0),
        serving(APRIL, [card(1, date(2026, 4, 30))], 1010.0),
    ]
    assert chosen(TIME_CARDS, Rows(None, None, SPRING), servings) == []


def test_a_row_that_a_later_reading_has_on_another_project_is_on_that_one_alone() -> None:
    servings = [
        serving(MARCH, [card(1, date(2026, 3, 31), on=1)], 1000.0),
        serving(APRIL, [card(1, date(2026, 4, 1), on=2)], 1010.0),
    ]
    on = [chosen(TIME_CARDS, Rows("project", uuid(number), SPRING), servings) for number in (1, 2)]
    assert [len(rows) for rows in on] == [0, 1]


def sent_card(number: int, day: str, on: int) -> Json:
    return {
        "uuid": uuid(number),
        "date": day,
        "totalHours": 8.0,
        "approved": False,
        "project": {"uuid": uuid(on)},
        "worker": {"uuid": uuid(1)},
        "createdAt": "2026-05-04T12:00:00Z",
        "updatedAt": "2026-05-04T12:00:00Z",
    }


async def test_the_windows_of_two_hundred_projects_are_a_slice_a_month(world: World) -> None:
    world.raken.rows[TIME_CARDS.path] = [sent_card(number, "2026-04-01", number % 200) for number in range(400)]
    one, _ = loaders(world)
    asks = [Rows("project", uuid(number), SPRING) for number in range(200)]
    rows = await asyncio.gather(*(one.rows(TIME_CARDS, ask) for ask in asks))
    assert [len(each) for each in rows] == [2] * 200
    windows = sorted((params["fromDate"], params["toDate"]) for _, params, _ in world.raken.asked)
    assert windows == [("2026-03-01", "2026-03-31"), ("2026-04-01", "2026-04-30")]


async def test_a_month_that_cannot_be_had_is_the_error_of_each_list_that_needs_it(world: World) -> None:
    world.raken.errors[TIME_CARDS.path] = RakenUnavailable("Raken is away")
    one, _ = loaders(world)
    for ask in (Rows("project", uuid(1), SPRING), Rows(None, None, SPRING)):
        with pytest.raises(RakenUnavailable):
            await one.rows(TIME_CARDS, ask)


# By project where Raken insists


class Insisting:
    """A Raken that answers work logs by project only."""

    def __init__(self, world: World) -> None:
        self._world, self._page = world, world.raken.page

    async def page(self, path: str, params: Any, *more: Any, **named: Any) -> Any:
        refused = RakenRefused("projectUuid is required", 400)
        if path == WORK_LOGS.path and "projectUuid" not in params:
            self._world.raken.errors[path] = refused
        try:
            return await self._page(path, params, *more, **named)
        finally:
            self._world.raken.errors.pop(path, None)


async def test_where_raken_insists_it_is_asked_once_company_wide_and_then_by_project(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.raken, "page", Insisting(world).page)
    world.raken.rows[WORK_LOGS.path] = [{"uuid": uuid(5), "date": "2026-04-02"}]
    one, _ = loaders(world)
    april = Window(date(2026, 4, 1), date(2026, 4, 2))
    asks = [Rows("project", uuid(number), april) for number in (1, 2)]
    found = await asyncio.gather(*(one.rows(WORK_LOGS, ask) for ask in asks))
    assert [[each.row.project_id for each in rows] for rows in found] == [[uuid(1)], [uuid(2)]]
    asked = [params.get("projectUuid") for _, params, _ in world.raken.asked]
    assert asked == [None, uuid(1), uuid(2)]
    other, _ = loaders(world)
    await other.rows(WORK_LOGS, Rows("project", uuid(3), april))
    assert world.raken.asked[-1][1]["projectUuid"] == uuid(3)
    assert world.requests == 4


async def test_what_somebody_elses_reading_teaches_reaches_who_waits_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """April is there company-wide; May is being read for somebody else, and Raken answers 400."""
    april, may = (SliceKey(WORK_LOGS, None, Month(2026, number)) for number in (4, 5))
    world.raken.rows[WORK_LOGS.path] = []
    await world.read(april)
    world.raken.rows[WORK_LOGS.path] = [{"uuid": uuid(month), "date": f"2026-0{month}-01"} for month in (4, 5)]
    monkeypatch.setattr(world.raken, "page", Insisting(world).page)
    world.raken.hold()
    somebody = asyncio.create_task(world.read(may))
    await settle()
    one, _ = loaders(world)
    window = Window(date(2026, 4, 1), date(2026, 5, 1))
    reader = asyncio.create_task(one.rows(WORK_LOGS, Rows("project", uuid(1), window)))
    await settle()
    world.raken.let_go()
    with pytest.raises(RakenRefused):
        await somebody
    assert [each.row.project_id for each in await reader] == [uuid(1), uuid(1)]
    asked = [(params.get("projectUuid"), params["fromDate"]) for _, params, _ in world.raken.asked]
    assert asked == [(None, "2026-04-01"), (None, "2026-05-01"), (uuid(1), "2026-04-01"), (uuid(1), "2026-05-01")]


async def test_where_the_share_runs_out_what_answers_for_every_project_has_gone_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, WORK_LOGS=Scope.PROJECT)
    one, _ = loaders(world, world.operation(share=2))
    april = Window(date(2026, 4, 1), date(2026, 4, 2))
    logs = [one.rows(WORK_LOGS, Rows("project", uuid(number), april)) for number in range(4)]
    cards = one.rows(TIME_CARDS, Rows("project", uuid(1), april))
    results = await asyncio.gather(*logs, cards, return_exceptions=True)
    assert [isinstance(each, StillReading) for each in results] == [False, True, True, True, False]

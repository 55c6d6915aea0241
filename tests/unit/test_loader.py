"""The path of one read: every cell of the freshness table, and what one operation sees and may spend."""

import asyncio
from typing import Any

import pytest

from loaders.entities.members import MEMBERS
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entities.work_logs import WORK_LOGS
from loaders.entity import Month, Scope, SliceKey
from loaders.errors import QuotaExhausted, RakenError, RakenForbidden, RakenRefused, RakenUnavailable, StillReading
from loaders.freshness import Lifetime, State
from loaders.lookups import Wanted
from loaders.raken import Lane
from tests.unit.world import COMPANY, DEADLINE, World, sent, settle, uuid

FRESH, REVALIDATING, DEGRADED = State.FRESH, State.REVALIDATING, State.DEGRADED
AWAY = RakenUnavailable("Raken cannot be reached")
PATH = PROJECTS.path
WARNING = "the last known answer, for Raken could not be read anew: Raken cannot be reached"


def names(serving: Any) -> list[str]:
    return [row.name for row in serving.slice.rows]


def outcome(task: "asyncio.Task[Any]") -> Any:
    """What a reader got; None where it waits."""
    if not task.done():
        return None
    return task.exception() or task.result()


async def reading(world: World) -> "asyncio.Task[Any]":
    """A reader that has gone as far as it can without time passing."""
    task = asyncio.create_task(world.read())
    await settle()
    return task


# The table, with nothing known against Raken


@pytest.mark.parametrize("age", [0.0, 299.9])
async def test_younger_than_its_ttl_is_served_fresh_and_nobody_is_asked(world: World, age: float) -> None:
    await world.warm(sent(1))
    await world.move(age)
    serving = await world.read()
    assert (serving.state, serving.age, serving.warning, world.requests) == (FRESH, pytest.approx(age), None, 1)


@pytest.mark.parametrize("age", [300.0, 599.9])
async def test_past_its_ttl_it_is_served_at_once_while_one_flight_refreshes_it(world: World, age: float) -> None:
    await world.warm(sent(1))
    await world.move(age)
    world.raken.hold()
    world.raken.rows[PATH] = [sent(1, "Tunnel")]
    servings = [outcome(await reading(world)) for _ in range(3)]
    assert [(one.state, names(one), one.warning) for one in servings] == [(REVALIDATING, ["Bridge"], None)] * 3
    assert world.requests == 2
    world.raken.let_go()
    await settle()
    after = await world.read()
    assert (after.state, names(after), world.requests) == (FRESH, ["Tunnel"], 2)


async def test_further_past_the_reader_waits_and_has_the_new_rows_if_they_come_within_a_second(world: World) -> None:
    await world.warm(sent(1))
    await world.move(600)
    world.raken.hold()
    world.raken.rows[PATH] = [sent(1, "Tunnel")]
    reader = await reading(world)
    await world.move(0.9)
    assert outcome(reader) is None
    world.raken.let_go()
    serving = await reader
    assert (serving.state, names(serving)) == (FRESH, ["Tunnel"])


async def test_a_flight_that_crashes_costs_no_reader_what_is_held(world: World) -> None:
    await world.warm(sent(1))
    await world.move(600)
    world.raken.errors[PATH] = RuntimeError("broken")
    serving = await world.read()
    assert (serving.state, names(serving)) == (DEGRADED, ["Bridge"])
    assert serving.warning is not None
    assert "broken" not in serving.warning


async def test_a_reading_that_took_longer_than_its_ttl_is_stale_as_it_lands(world: World) -> None:
    world.raken.rows[PATH] = [sent(1)]
    world.raken.hold()
    operation = world.operation()
    operation.deadline += 900
    reader = asyncio.create_task(world.read(operation=operation))
    await settle()
    await world.move(301)
    world.raken.let_go()
    assert (await reader).state is REVALIDATING


async def test_further_past_the_reader_waits_one_second_at_most_and_the_flight_goes_on(world: World) -> None:
    await world.warm(sent(1))
    await world.move(86_400)
    world.raken.hold()
    world.raken.rows[PATH] = [sent(1, "Tunnel")]
    reader = await reading(world)
    await world.move(0.9)
    assert outcome(reader) is None
    await world.move(0.2)
    assert (outcome(reader).state, names(outcome(reader)), outcome(reader).warning) == (REVALIDATING, ["Bridge"], None)
    world.raken.let_go()
    await settle()
    assert names(await world.read()) == ["Tunnel"]
    assert world.requests == 2


async def test_a_flight_that_fails_within_that_second_leaves_the_reader_degraded_and_told_why(world: World) -> None:
    await world.warm(sent(1))
    await world.move(600)
    world.raken.hold()
    world.raken.errors[PATH] = AWAY
    reader = await reading(world)
    await world.move(0.5)
    world.raken.let_go()
    serving = await reader
    assert (serving.state, names(serving)) == (DEGRADED, ["Bridge"])
    assert serving.warning == WARNING


async def test_beyond_the_oldest_age_the_reader_waits_for_the_flight(world: World) -> None:
    await world.warm(sent(1))
    await world.move(86_400.1)
    world.raken.hold()
    world.raken.rows[PATH] = [sent(1, "Tunnel")]
    reader = await reading(world)
    await world.move(DEADLINE - 0.1)
    assert outcome(reader) is None
    world.raken.let_go()
    serving = await reader
    assert (serving.state, names(serving)) == (FRESH, ["Tunnel"])


@pytest.mark.parametrize("old", [False, True])
async def test_with_nothing_that_may_be_served_the_wait_ends_at_the_querys_deadline(world: World, old: bool) -> None:  # noqa: FBT001 - a parameter of the test
    if old:
        await world.warm(sent(1))
        await world.move(86_400.1)
    world.raken.rows[PATH] = [sent(1, "Tunnel")]
    world.raken.hold()
    reader = await reading(world)
    await world.move(DEADLINE - 0.01)
    assert outcome(reader) is None
    await world.move(0.02)
    assert isinstance(outcome(reader), StillReading)
    assert str(outcome(reader)) == "PROJECTS is still being read from Raken; ask again in a moment"
    world.raken.let_go()
    await settle()
    assert names(await world.read()) == ["Tunnel"]


async def test_with_nothing_cached_the_flights_failure_is_the_readers(world: World) -> None:
    world.raken.errors[PATH] = AWAY
    with pytest.raises(RakenUnavailable, match="cannot be reached"):
        await world.read()
    assert world.outcomes() == {"error": 1}


# The table, with Raken known to fail


@pytest.mark.parametrize(
    ("age", "state"),
    [(0.0, FRESH), (299.9, FRESH), (300.0, DEGRADED), (599.9, DEGRADED), (600.0, DEGRADED), (86_400.0, DEGRADED)],
)
async def test_while_raken_fails_what_is_cached_is_served_at_once(world: World, age: float, state: State) -> None:
    await world.warm(sent(1))
    await world.move(age)
    world.raken.known = AWAY
    serving = outcome(await reading(world))
    warning = None if state is FRESH else WARNING
    assert (serving.state, names(serving), world.requests) == (state, ["Bridge"], 1)
    assert serving.warning == warning


@pytest.mark.parametrize("old", [False, True])
async def test_while_raken_fails_what_is_too_old_or_absent_is_an_error_at_once(world: World, old: bool) -> None:  # noqa: FBT001 - a parameter of the test
    if old:
        await world.warm(sent(1))
        await world.move(86_400.1)
    world.raken.known = AWAY
    before = world.requests
    assert outcome(await reading(world)) is AWAY
    assert world.requests == before


async def test_a_failure_is_remembered_per_slice_so_that_raken_is_not_asked_once_a_read(world: World) -> None:
    world.raken.errors[PATH] = AWAY
    for _ in range(5):
        with pytest.raises(RakenUnavailable):
            await world.read()
    assert world.requests == 1
    await world.read(SliceKey(MEMBERS))  # another slice is not held to blame
    await world.move(1.0)
    with pytest.raises(RakenUnavailable):
        await world.read()
    assert world.requests == 3
    await world.move(1.9)
    with pytest.raises(RakenUnavailable):
        await world.read()
    assert world.requests == 3
    del world.raken.errors[PATH]
    await world.move(0.1)
    assert (await world.read()).state is FRESH


async def test_a_stale_slice_whose_refresh_fails_behind_is_degraded_from_then_on(world: World) -> None:
    await world.warm(sent(1))
    await world.move(300)
    world.raken.errors[PATH] = AWAY
    assert (await world.read()).state is REVALIDATING
    await settle()
    serving = await world.read()
    assert (serving.state, world.requests) == (DEGRADED, 2)
    assert serving.warning is not None


async def test_who_joins_another_lanes_flight_does_not_share_its_quota(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = world.raken.page

    async def page(path: str, params: Any, lane: Lane, *more: Any, **named: Any) -> Any:
        answer = await really(path, params, lane, *more, **named)
        if lane is Lane.AHEAD:
            raise QuotaExhausted("the last requests are kept for people who wait")
        return answer

    monkeypatch.setattr(world.raken, "page", page)
    world.raken.hold()
    ahead = asyncio.create_task(world.read(operation=world.operation(lane=Lane.AHEAD)))
    await settle()
    person = asyncio.create_task(world.read())
    await settle()
    world.raken.let_go()
    assert (await person).state is FRESH
    with pytest.raises(QuotaExhausted):
        await ahead
    assert [lane for _, _, lane in world.raken.asked] == [Lane.AHEAD, Lane.PEOPLE]


async def test_a_persons_own_quota_is_met_once(world: World) -> None:
    world.raken.errors[PATH] = QuotaExhausted("the day's requests are spent")
    with pytest.raises(QuotaExhausted):
        await world.read()
    assert world.requests == 1


async def test_what_the_quota_withholds_from_one_lane_is_not_held_against_another(world: World) -> None:
    world.raken.errors[PATH] = QuotaExhausted("the last requests are kept for people who wait")
    with pytest.raises(QuotaExhausted):
        await world.read(operation=world.operation(lane=Lane.AHEAD))
    del world.raken.errors[PATH]
    assert (await world.read()).state is FRESH


async def test_what_nobody_foresaw_is_told_and_not_met_once_a_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes: list[BaseException] = []
    monkeypatch.setattr(world.usages, "crashed", crashes.append)
    world.raken.errors[PATH] = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        await world.read()
    with pytest.raises(RakenError, match="PROJECTS could not be read; the log says why"):
        await world.read()
    assert world.requests == 1
    assert [str(crash) for crash in crashes] == ["a bug"]


# Single flight, and giving up


async def test_three_hundred_readers_of_nothing_cached_ask_as_often_as_one(world: World) -> None:
    world.raken.rows[PATH] = [sent(number) for number in range(2500)]
    world.raken.hold()
    readers = [asyncio.create_task(world.read()) for _ in range(300)]
    await settle()
    world.raken.let_go()
    servings = await asyncio.gather(*readers)
    assert world.requests == 3
    assert {id(one.slice) for one in servings} == {id(servings[0].slice)}
    assert world.outcomes() == {"miss": 300}


async def test_a_reader_that_gives_up_ends_neither_the_flight_nor_its_own_operations_other_readers(
    world: World,
) -> None:
    world.raken.hold()
    operation = world.operation()
    impatient = asyncio.create_task(world.read(operation=operation))
    patient = asyncio.create_task(world.read(operation=operation))
    await settle()
    impatient.cancel()
    await settle()
    world.raken.let_go()
    assert (await patient).state is FRESH
    assert world.requests == 1


# One operation


async def test_an_operation_sees_one_version_of_a_slice_however_often_it_looks(world: World) -> None:
    await world.warm(sent(1))
    operation = world.operation()
    before = await world.read(operation=operation)
    world.raken.rows[PATH] = [sent(1, "Tunnel")]
    await world.loader.refresh(COMPANY, 10)
    await world.move(400)
    again = await world.read(operation=operation)
    assert again is before
    assert names(await world.read()) == ["Tunnel"]
    assert world.outcomes() == {"miss": 1, "hit": 1, "stale": 1}  # one count a slice and operation


async def test_an_operation_that_looks_anew_counts_a_slice_once_and_knows_what_it_was_served(world: World) -> None:
    await world.warm(sent(1))
    await world.move(300)
    operation = world.operation()
    assert (await world.read(operation=operation)).state is REVALIDATING
    await settle()
    operation.renew()
    assert (await world.read(operation=operation)).state is FRESH
    assert [serving.state for serving in operation.servings()] == [REVALIDATING, FRESH]
    assert world.outcomes() == {"miss": 1, "stale": 1}
    assert dict(operation.outcomes) == {"stale": 1}


async def test_what_is_expected_is_on_its_way_before_it_is_asked_for(world: World) -> None:
    operation = world.operation()
    world.loader.expect(COMPANY, operation)
    await settle()
    assert (world.requests, operation.share, operation.pins) == (1, 49, {})
    assert (await world.read(operation=operation)).state is FRESH
    assert (world.requests, operation.share) == (1, 49)
    assert world.outcomes() == {"miss": 1}  # the operation has waited for it all the same


async def test_what_is_held_or_failing_is_not_fetched_for_being_expected(world: World) -> None:
    await world.warm(sent(1))
    await world.move(400)
    world.loader.expect(COMPANY, world.operation())
    world.raken.known = AWAY
    world.loader.expect(SliceKey(MEMBERS), world.operation())
    await settle()
    assert world.requests == 1


async def test_an_operation_that_was_refused_a_slice_is_refused_it_to_its_end(world: World) -> None:
    world.raken.errors[PATH] = AWAY
    operation = world.operation()
    with pytest.raises(RakenUnavailable):
        await world.read(operation=operation)
    del world.raken.errors[PATH]
    await world.move(5)
    with pytest.raises(RakenUnavailable):
        await world.read(operation=operation)


def months(count: int) -> list[SliceKey]:
    keys, month = [], Month(2020, 1)
    for _ in range(count):
        keys.append(SliceKey(TIME_CARDS, None, month))
        month = month.next
    return keys


async def test_an_operation_that_has_spent_its_share_is_told_so_and_the_rest_fills_behind_it(world: World) -> None:
    operation, keys = world.operation(share=50), months(60)
    results = await asyncio.gather(*(world.read(key, operation=operation) for key in keys), return_exceptions=True)
    late = [one for one in results if isinstance(one, StillReading)]
    assert len(late) == 10
    assert "still being read" in str(late[0])
    await settle()
    await settle()
    assert world.requests == 60
    assert {lane for _, _, lane in world.raken.asked[50:]} == {Lane.AHEAD}
    servings = [await world.read(key, operation=world.operation(share=0)) for key in keys]
    assert {one.state for one in servings} == {FRESH}


async def test_what_was_not_served_does_not_count_as_used(world: World) -> None:
    world.raken.hold()
    with pytest.raises(StillReading):
        await world.read(months(1)[0], operation=world.operation(share=0))
    assert world.loader.used(TIME_CARDS, 60) == []
    world.raken.let_go()
    await world.read(months(1)[0])
    assert world.loader.used(TIME_CARDS, 60) == months(1)


async def test_what_fills_behind_outlives_a_moment_in_which_raken_fails(world: World) -> None:
    world.raken.errors[TIME_CARDS.path] = AWAY
    for key in months(3):
        with pytest.raises(StillReading):
            await world.read(key, operation=world.operation(share=0))
    await settle()
    del world.raken.errors[TIME_CARDS.path]
    for _ in range(3):
        await world.move(3)
    assert [world.memory.peek(key) is not None for key in months(3)] == [True] * 3


async def test_what_raken_refuses_is_not_asked_for_behind_again(world: World) -> None:
    world.raken.errors[TIME_CARDS.path] = RakenRefused("no such thing", 404)
    with pytest.raises(StillReading):
        await world.read(months(1)[0], operation=world.operation(share=0))
    for _ in range(5):
        await world.move(60)
    assert world.requests == 1


async def test_what_somebody_else_reads_meanwhile_is_not_read_behind_again(world: World) -> None:
    world.raken.hold()
    first, second, third = months(3)
    poor = world.operation(share=0)
    for key in (first, second, third):
        with pytest.raises(StillReading):
            await world.read(key, operation=poor)
    reader = asyncio.create_task(world.read(third))
    await settle()
    world.raken.let_go()
    await reader
    await settle()
    assert world.requests == 3


async def test_who_joins_a_flight_is_not_charged_for_it(world: World) -> None:
    world.raken.hold()
    one, other = world.operation(), world.operation(share=0)
    readers = [asyncio.create_task(world.read(operation=each)) for each in (one, other)]
    await settle()
    world.raken.let_go()
    await asyncio.gather(*readers)
    assert (one.share, one.requests) == (49, 1)
    assert (other.share, other.requests) == (0, 0)


async def test_every_page_is_charged(world: World) -> None:
    world.raken.rows[PATH] = [sent(number) for number in range(2500)]
    operation = world.operation()
    await world.read(operation=operation)
    assert (operation.share, operation.requests) == (47, 3)


async def test_a_stale_slice_is_served_also_when_the_share_is_spent(world: World) -> None:
    await world.warm(sent(1))
    for age in (300.0, 300.0):
        await world.move(age)
        assert (await world.read(operation=world.operation(share=0))).state is REVALIDATING
        await settle()
    assert world.requests == 3


# Ids that a slice lacks


async def test_what_a_person_asks_for_and_is_new_is_found_by_an_early_refresh(world: World) -> None:
    await world.warm(sent(1))
    world.raken.rows[PATH].append(sent(2, "Annex"))
    serving = await world.read(COMPANY, Wanted(uuid(2)))
    assert uuid(2) in serving.slice.by_id
    assert (serving.state, world.requests) == (FRESH, 2)


async def test_what_is_still_missing_is_looked_for_once(world: World) -> None:
    await world.warm(sent(1))
    for _ in range(5):
        serving = await world.read(COMPANY, Wanted(uuid(9)))
        assert uuid(9) not in serving.slice.by_id
    await world.move(299)
    await world.read(COMPANY, Wanted(uuid(9)))
    assert world.requests == 2


async def test_what_is_new_is_found_in_a_stale_slice_too(world: World) -> None:
    await world.warm(sent(1))
    await world.move(300)
    world.raken.rows[PATH].append(sent(2, "Annex"))
    serving = await world.read(COMPANY, Wanted(uuid(2)))
    assert (serving.state, uuid(2) in serving.slice.by_id) == (FRESH, True)


async def test_an_early_refresh_that_fails_leaves_the_fresh_slice_fresh(world: World) -> None:
    await world.warm(sent(1))
    world.raken.errors[PATH] = AWAY
    serving = await world.read(COMPANY, Wanted(uuid(2)))
    assert (serving.state, serving.warning, names(serving)) == (FRESH, None, ["Bridge"])
    del world.raken.errors[PATH]
    world.raken.rows[PATH].append(sent(2, "Annex"))
    await world.move(299)
    assert uuid(2) not in (await world.read(COMPANY, Wanted(uuid(2)))).slice.by_id
    await world.loader.refresh(COMPANY, 10)  # else it is stale by now
    await world.move(1)
    assert uuid(2) in (await world.read(COMPANY, Wanted(uuid(2)))).slice.by_id


async def test_whoever_asks_for_a_new_id_while_it_is_looked_for_finds_it_too(world: World) -> None:
    await world.warm(sent(1))
    await world.move(10)
    world.raken.rows[PATH].append(sent(2, "Annex"))
    world.raken.hold()
    readers = [asyncio.create_task(world.read(COMPANY, Wanted(uuid(2))))]
    await settle()
    readers.append(asyncio.create_task(world.read(COMPANY, Wanted(uuid(2)))))
    await settle()
    world.raken.let_go()
    assert [uuid(2) in (await reader).slice.by_id for reader in readers] == [True, True]
    assert world.requests == 2


async def test_what_was_looked_for_in_vain_is_not_waited_for_when_the_slice_is_read_again(world: World) -> None:
    await world.warm(sent(1))
    await world.move(10)
    await world.read(COMPANY, Wanted(uuid(9)))
    await world.move(300)
    world.raken.hold()
    readers = [asyncio.create_task(world.read(COMPANY, Wanted(uuid(9)))) for _ in range(2)]
    await settle()
    assert [outcome(reader).state for reader in readers] == [REVALIDATING] * 2
    world.raken.let_go()


async def test_a_failing_raken_is_not_asked_for_what_is_missing(world: World) -> None:
    await world.warm(sent(1))
    world.raken.known = AWAY
    operation = world.operation()
    for _ in range(2):
        assert (await world.read(COMPANY, Wanted(uuid(2)), operation=operation)).state is FRESH
    assert world.requests == 1


@pytest.mark.parametrize("together", [False, True])
async def test_what_a_later_touch_finds_missing_is_there_for_the_next_operation(world: World, together: bool) -> None:  # noqa: FBT001 - a parameter of the test
    await world.warm(sent(1))
    world.raken.rows[PATH].append(sent(2, "Annex"))
    operation = world.operation()
    touches = [world.read(operation=operation), world.read(COMPANY, Wanted(uuid(2)), operation=operation)]
    servings = await asyncio.gather(*touches) if together else [await touch for touch in touches]
    assert servings[0] is servings[1]  # one answer never mixes two versions
    await settle()
    assert uuid(2) in (await world.read()).slice.by_id
    assert world.requests == 2


# Refreshes that a person asked for


async def test_a_refresh_asks_anew_whatever_the_age_and_in_its_own_lane(world: World) -> None:
    await world.warm(sent(1), sent(2))
    world.raken.rows[PATH] = [sent(1, "Tunnel")]
    landing = await world.loader.refresh(COMPANY, 10)
    assert landing.before is not None
    assert [len(landing.before.rows), len(landing.after.rows)] == [2, 1]
    assert world.raken.asked[-1][2] is Lane.ASKED


async def test_a_refresh_never_joins_a_reading_that_began_before_it(world: World) -> None:
    world.raken.rows[PATH] = [sent(1)]
    world.raken.hold()
    early = asyncio.create_task(world.read())
    await settle()
    late = [asyncio.create_task(world.loader.refresh(COMPANY, 10)) for _ in range(10)]
    await settle()
    world.raken.let_go()
    landings = await asyncio.gather(*late)
    assert world.requests == 2
    assert {landing.before for landing in landings} == {(await early).slice}


async def test_a_refresh_that_fails_leaves_the_old_slice_standing(world: World) -> None:
    await world.warm(sent(1))
    world.raken.errors[PATH] = RakenForbidden("data access is not enabled")
    with pytest.raises(RakenForbidden):
        await world.loader.refresh(COMPANY, 10)
    assert (await world.read()).state is FRESH
    world.raken.known = AWAY
    with pytest.raises(RakenUnavailable):
        await world.loader.refresh(COMPANY, 10)
    assert world.requests == 2


async def test_a_refresh_is_waited_for_so_long_and_goes_on_behind(world: World) -> None:
    world.raken.hold()
    early = asyncio.create_task(world.read())
    await settle()
    refresh = asyncio.create_task(world.loader.refresh(COMPANY, 10))
    await settle()
    await world.move(10.01)
    with pytest.raises(StillReading, match="took longer than 10 s and goes on behind"):
        await refresh
    world.raken.let_go()
    await asyncio.gather(early, return_exceptions=True)


# How Raken is asked where that is open

MAY = SliceKey(WORK_LOGS, None, Month(2026, 5))
LOG = {"uuid": uuid(1), "date": "2026-05-04", "projectUuid": uuid(7)}


async def test_rows_that_name_their_project_are_read_company_wide(world: World) -> None:
    assert len((await world.warm(LOG, key=MAY)).slice.rows) == 1
    assert world.loader.scope(WORK_LOGS) is Scope.EITHER
    assert not world.loader.by_project(WORK_LOGS)


async def test_a_row_that_lies_on_no_project_says_nothing_of_the_others(world: World) -> None:
    stray = LOG | {"uuid": uuid(2), "projectUuid": None}
    serving = await world.warm(LOG, stray, key=MAY)
    assert [row.project_id for row in serving.slice.rows] == [uuid(7), None]
    assert not world.loader.by_project(WORK_LOGS)


@pytest.mark.parametrize("how", ["refused", "unnamed"])
async def test_a_400_or_rows_without_a_project_are_remembered_and_are_no_failure(world: World, how: str) -> None:
    if how == "refused":
        world.raken.errors[WORK_LOGS.path] = RakenRefused("projectUuid is required", 400)
    else:
        world.raken.rows[WORK_LOGS.path] = [LOG | {"projectUuid": None}]
    with pytest.raises(RakenRefused):
        await world.read(MAY)
    assert world.loader.by_project(WORK_LOGS)
    assert world.usages.of("WORK_LOGS").last_error is None


async def test_another_refusal_says_nothing_of_how_to_ask(world: World) -> None:
    world.raken.errors[WORK_LOGS.path] = RakenRefused("no such endpoint", 404)
    with pytest.raises(RakenRefused):
        await world.read(MAY)
    assert not world.loader.by_project(WORK_LOGS)
    assert "no such endpoint" in str(world.usages.of("WORK_LOGS").last_error)


async def test_a_setting_fixes_it_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(monkeypatch, WORK_LOGS=Scope.PROJECT).loader.by_project(WORK_LOGS)
    fixed = World(monkeypatch, WORK_LOGS=Scope.COMPANY)
    fixed.raken.errors[WORK_LOGS.path] = RakenRefused("projectUuid is required", 400)
    with pytest.raises(RakenRefused):
        await fixed.read(MAY)
    assert not fixed.loader.by_project(WORK_LOGS)
    assert "projectUuid is required" in str(fixed.usages.of("WORK_LOGS").last_error)


# What is told of a slice


async def test_its_state_is_what_a_person_would_be_served(world: World) -> None:
    slice_ = (await world.warm(sent(1))).slice
    assert world.loader.state(COMPANY, world.loader.age(slice_)) is FRESH
    await world.move(300)
    assert world.loader.state(COMPANY, world.loader.age(slice_)) is REVALIDATING
    world.raken.known = AWAY
    assert world.loader.state(COMPANY, world.loader.age(slice_)) is DEGRADED


async def test_slices_are_in_use_for_as_long_as_was_asked_since_their_last_read(world: World) -> None:
    await world.warm(sent(1))
    await world.read(SliceKey(MEMBERS))
    await world.move(60)
    assert world.loader.used(PROJECTS, 60) == [COMPANY]
    assert world.loader.used(PROJECTS, 59) == []


async def test_an_age_is_never_negative_and_ends_with_the_ttl(world: World) -> None:
    serving = await world.warm(sent(1))
    assert (serving.expires_at - serving.fetched_at).total_seconds() == 300
    world.clock.move(-5)
    assert (await world.read()).age == 0.0


async def test_without_a_ttl_each_operation_waits_for_rows_of_its_own(world: World) -> None:
    world.lifetimes["PROJECTS"] = Lifetime(ttl=0, stale_while_revalidate=0, max_stale=86_400)
    await world.warm(sent(1))
    world.raken.rows[PATH] = [sent(1, "Tunnel")]
    assert names(await world.read()) == ["Tunnel"]

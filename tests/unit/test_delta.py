"""Delta: months that are merged with what changed are what a whole reading finds, or are read whole."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.changes import changes
from loaders.delta import DAY, SLACK, Changes, merged, since, window
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Month, SliceKey
from loaders.errors import DeltaUnsupported, RakenRefused, RakenUnsettled
from loaders.pages import read
from loaders.raken import Lane
from loaders.slices import Slice
from tests.unit.remembering import ORDERS, Edit, Remembering

MARCH, APRIL, MAY = (SliceKey(TIME_CARDS, None, Month(2026, number)) for number in (3, 4, 5))
MONTHS = (MARCH, APRIL, MAY)
DAYS = [date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 30), date(2026, 5, 1)]
KINDS = ["add", "change", "approve", "unapprove", "move", "delete", "restore"]
APRIL_DAY, MAY_DAY = date(2026, 4, 3), date(2026, 5, 3)
LATER = 300.0


class Reader:
    """Holds months as the loader does, and has them brought up to date."""

    def __init__(self, raken: Remembering, held: Sequence[SliceKey] = MONTHS) -> None:
        self.raken = raken
        self.held = held
        self.months: dict[SliceKey, Slice[Any]] = {}
        self.whole: list[SliceKey] = []
        "What was read whole."

    async def begin(self) -> "Reader":
        for key in self.held:
            await self.read(key)
        self.whole.clear()
        self.raken.asked.clear()
        return self

    async def read(self, key: SliceKey) -> None:
        """Reads a month whole."""
        held = self.months.get(key)
        self.whole.append(key)
        self.keep(key, await read(self.raken, key, held.reading if held else None))

    def keep(self, key: SliceKey, reading: Any) -> None:
        held = self.months.get(key)
        self.months[key] = Slice.of(key, reading, held, held.version + 1 if held else 1)

    async def changes(self) -> Changes:
        asked = window(self.months.values(), self.raken.hands.monotonic())
        assert asked is not None
        return await changes(self.raken, TIME_CARDS, *asked)

    async def refresh(self) -> None:
        """Brings all months up to date."""
        changed = await self.changes()
        for key, month in self.months.items():
            reading = merged(month, changed)
            if reading is None:
                await self.read(key)
            else:
                self.keep(key, reading)

    def hours(self, key: SliceKey = APRIL) -> dict[str, float]:
        return {row.id: row.total_hours for row in self.months[key].rows}


async def reader(*edits: Edit, **options: Any) -> Reader:
    """A reader of three months, which these edits have made a while ago."""
    raken = Remembering(**options)
    raken.do(*edits)
    raken.hands.move(LATER)
    begun = await Reader(raken).begin()
    raken.hands.move(LATER)
    return begun


def later(reader: Reader, *edits: Edit) -> None:
    """Edits, and time for them to lie in the past."""
    reader.raken.do(*edits)
    reader.raken.hands.move(LATER)


def a(number: int) -> Edit:
    """A card of April."""
    return ("add", number, APRIL_DAY)


edits = st.tuples(st.sampled_from(KINDS), st.integers(1, 7), st.sampled_from(DAYS))
several = st.lists(edits, min_size=1, max_size=3)
waits = st.sampled_from([0.5, 1.0, 100.0, 125.0, 400.0])
readings = st.tuples(
    st.sampled_from(["refresh", "refresh", "refresh", *MONTHS]), st.lists(st.lists(edits, max_size=2), max_size=9)
)
stories = st.lists(st.one_of(several, waits, readings, readings), min_size=8, max_size=30)


@settings(max_examples=100, deadline=None)
@given(
    stories,
    st.sampled_from(sorted(ORDERS)),
    st.integers(2, 4),
    st.booleans(),
    st.lists(edits, min_size=5),
)
def test_after_any_edits_at_any_moment_the_merged_months_are_what_a_whole_reading_finds(
    story: list[Any],
    order: str,
    cap: int,
    forgiving: bool,  # noqa: FBT001 - hypothesis hands it in
    first: list[Edit],
) -> None:
    """What nobody can know of is left out: rows that vanish untold, and values that change without an updatedAt."""
    asyncio.run(_live(story, Remembering(cap, order, forgiving=forgiving), first))


async def _live(story: list[Any], raken: Remembering, first: list[Edit]) -> None:
    raken.do(*first)
    reader = await Reader(raken).begin()
    for step in story:
        if isinstance(step, float):
            raken.hands.move(step)
        elif isinstance(step, list):
            raken.do(*step)
        else:
            await _step(reader, *step)
    raken.before.clear()
    raken.hands.move(1.0)
    await reader.refresh()
    for key in MONTHS:
        expected: Slice[Any] = Slice.of(key, await read(raken, key), None, 1)
        assert list(reader.months[key].rows) == list(expected.rows)
        assert reader.months[key].by_id == expected.by_id
        for index in ("project", "worker"):
            assert list(reader.months[key].find(index, f"{index}-1")) == list(expected.rows)


async def _step(reader: Reader, what: Any, meanwhile: list[list[Edit]]) -> None:
    """A reading, with edits before its requests; each row is then as Raken had it when it began, or later."""
    raken, began = reader.raken, reader.raken.edits
    raken.before = list(meanwhile)
    before = dict(reader.months)
    try:
        await (reader.refresh() if what == "refresh" else reader.read(what))
    except RakenUnsettled:
        return
    finally:
        raken.before.clear()
    for key, month in reader.months.items():
        month.find("project", "project-1")
        # What is deleted, and added back while one reads, a Raken that then forgets the deletion tells a reading later.
        for uuid in raken.states if month is not before[key] and not raken.forgiving else ():
            had = [
                row if row and Month.of(row.date) == key.month else None for row in raken.had(uuid, began, raken.edits)
            ]
            assert month.by_id.get(uuid) in had


async def test_one_question_for_changes_and_one_for_deletions_renew_every_month() -> None:
    one = await reader(a(1), ("add", 2, MAY_DAY))
    before = dict(one.months)
    await one.refresh()
    assert [sorted(asked)[:2] for asked in one.raken.asked] == [
        ["changedSince", "changedUntil"],
        ["deletedFrom", "deletedTo"],
    ]
    for key, month in one.months.items():
        assert (month.version, month.rows) == (before[key].version, before[key].rows)
        assert month.reading.sent_at > before[key].reading.sent_at
        assert month.reading.whole_at == pytest.approx(before[key].reading.sent_at)
    assert len({month.reading.sent_at for month in one.months.values()}) == 1


@pytest.mark.parametrize("kind", ["change", "approve", "unapprove"])
async def test_a_card_that_changed_is_another_and_the_others_are_the_same_objects(kind: str) -> None:
    one = await reader(*[a(number) for number in range(1, 9)], ("approve", 3, APRIL_DAY))
    before = one.months[APRIL]
    later(one, (kind, 3, APRIL_DAY))
    await one.refresh()
    after = one.months[APRIL]
    assert [row.id for row in before.rows if row is not after.by_id[row.id]] == ["card-3"]
    assert after.by_id["card-3"].approved is (kind != "unapprove")
    assert (after.version, one.whole) == (before.version + 1, [])


async def test_a_card_that_is_told_of_again_and_is_still_the_same_makes_no_new_version() -> None:
    one = await reader(a(1), a(2))
    one.raken.do(("change", 1, APRIL_DAY))
    await one.refresh()
    before = one.months[APRIL]
    one.raken.hands.move(1.0)
    await one.refresh()
    assert one.months[APRIL].reading.rows is before.reading.rows
    assert (one.months[APRIL].version, one.hours()) == (before.version, {"card-1": 9.0, "card-2": 8.0})


async def test_an_overnight_card_stays_on_the_day_that_it_began() -> None:
    one = await reader(("add", 1, date(2026, 3, 31)))
    one.raken.cards["card-1"] |= {"startTime": "22:00:00", "endTime": "06:00:00"}
    later(one, ("change", 1, APRIL_DAY))
    await one.refresh()
    assert (one.hours(MARCH), one.hours(APRIL)) == ({"card-1": 9.0}, {})


async def test_a_card_that_moves_leaves_its_month_and_joins_the_other() -> None:
    one = await reader(a(1), a(2), a(3))
    later(one, ("move", 2, MAY_DAY))
    await one.refresh()
    assert (set(one.hours(APRIL)), set(one.hours(MAY))) == ({"card-1", "card-3"}, {"card-2"})
    assert one.whole == []


async def test_a_card_that_was_deleted_goes() -> None:
    one = await reader(a(1), a(2))
    later(one, ("delete", 1, APRIL_DAY))
    await one.refresh()
    assert (one.hours(), one.whole) == ({"card-2": 8.0}, [])


async def test_a_card_both_changed_and_deleted_has_its_months_read_whole_and_no_others() -> None:
    one = await reader(a(1), a(2))
    later(one, ("move", 1, MAY_DAY), ("restore", 1, MAY_DAY))
    await one.refresh()
    assert (one.whole, one.hours(APRIL), one.hours(MAY)) == ([APRIL, MAY], {"card-2": 8.0}, {"card-1": 8.0})


async def test_a_card_added_back_where_it_was_never_seen_has_its_month_read_whole() -> None:
    one = await reader(a(1))
    later(one, a(2), ("restore", 2, APRIL_DAY))
    await one.refresh()
    assert (one.whole, one.hours()) == ([APRIL], {"card-1": 8.0, "card-2": 8.0})


async def test_what_goes_while_the_changes_are_read_is_neither_lost_nor_left_as_it_was() -> None:
    one = await reader(a(1), a(2))
    later(one, ("change", 1, APRIL_DAY))
    one.raken.before = [[], [("delete", 1, APRIL_DAY)]]
    await one.refresh()
    assert (one.whole, one.hours()) == ([APRIL], {"card-2": 8.0})


@pytest.mark.parametrize("behind", [0, 60, 119])
async def test_raken_may_stamp_a_change_up_to_two_minutes_before_the_reading_that_missed_it(behind: int) -> None:
    one = await reader(a(1))
    await one.refresh()
    one.raken.ahead -= timedelta(seconds=behind)
    one.raken.do(("change", 1, APRIL_DAY))
    one.raken.ahead += timedelta(seconds=behind)
    one.raken.hands.move(LATER)
    await one.refresh()
    assert one.hours() == {"card-1": 9.0}


@pytest.mark.parametrize("ahead", [timedelta(hours=-9), timedelta(0), timedelta(days=3)])
async def test_whose_clock_is_right_does_not_matter(ahead: timedelta) -> None:
    one = await reader(a(1))
    one.raken.ahead += ahead
    for key in MONTHS:
        await one.read(key)
    one.whole.clear()
    for hours in (9.0, 10.0):
        later(one, ("change", 1, APRIL_DAY))
        await one.refresh()
        assert (one.hours(), one.whole) == ({"card-1": hours}, [])


async def test_what_changes_in_the_second_of_the_question_or_while_it_is_answered_is_in_the_window() -> None:
    one = await reader(a(1), a(2), a(3), cap=2)
    later(one, *[("change", number, APRIL_DAY) for number in (1, 2, 3)])
    one.raken.before = [[("change", 1, APRIL_DAY)], [("change", 3, APRIL_DAY)]]
    await one.refresh()
    assert one.hours() == {"card-1": 10.0, "card-2": 9.0, "card-3": 10.0}


@pytest.mark.parametrize(
    "leap", [timedelta(minutes=10), timedelta(days=40), -timedelta(minutes=10), -timedelta(days=40)]
)
async def test_where_rakens_clock_leaps_the_months_are_read_whole(leap: timedelta) -> None:
    one = await reader(a(1))
    one.raken.ahead += leap
    later(one, ("change", 1, APRIL_DAY))
    await one.refresh()
    assert (one.whole, one.hours()) == (list(MONTHS), {"card-1": 9.0})
    later(one, ("change", 1, APRIL_DAY))
    await one.refresh()
    assert (len(one.whole), one.hours()) == (3, {"card-1": 10.0})


async def test_without_rakens_clock_there_is_nothing_to_build_on() -> None:
    one = await reader(a(1))
    one.raken.dates = False
    await one.refresh()
    assert one.whole == list(MONTHS)
    assert window(one.months.values(), one.raken.hands.monotonic()) is None


async def test_a_window_ends_after_rakens_now_and_begins_before_the_oldest_reading() -> None:
    one = await reader(a(1))
    oldest = min(month.reading.date for month in one.months.values() if month.reading.date)
    begin, end = window(one.months.values(), one.raken.hands.monotonic()) or (None, None)
    assert (begin, since(oldest)) == (oldest - SLACK, oldest - SLACK)
    assert end is not None
    assert timedelta(seconds=-1) <= end - one.raken.now - SLACK <= timedelta(seconds=1)


async def test_a_month_is_read_whole_once_a_day_however_often_it_was_merged() -> None:
    one = await reader(a(1))
    for _ in range(4):
        one.raken.hands.move(DAY / 5)
        await one.refresh()
    assert one.whole == []
    one.raken.hands.move(DAY / 5)
    await one.read(APRIL)
    one.whole.clear()
    await one.refresh()
    assert one.whole == [MARCH, MAY]


async def test_a_month_that_lacks_more_than_31_days_is_not_asked_for_and_read_whole() -> None:
    one = await reader(a(1))
    march = one.months[MARCH]
    assert march.reading.date is not None
    old = replace(march.reading, date=march.reading.date - timedelta(days=31))
    one.months[MARCH] = replace(march, reading=old)
    begin, end = window(one.months.values(), one.raken.hands.monotonic()) or (one.raken.now, one.raken.now)
    assert timedelta(0) < end - begin <= timedelta(days=1)
    await one.refresh()
    assert one.whole == [MARCH]


async def test_a_month_that_was_read_before_the_window_is_read_whole() -> None:
    one = await reader(a(1))
    now = one.raken.hands.monotonic()
    changed = await one.changes()
    short = replace(changed, since=changed.since + timedelta(seconds=LATER))
    assert [merged(month, short) for month in one.months.values()] == [None] * 3
    assert changed.sent_at == now


async def test_a_month_that_was_read_after_the_changes_stands() -> None:
    one = await reader(a(1))
    changed = await one.changes()
    await one.read(APRIL)
    assert merged(one.months[APRIL], changed) is one.months[APRIL].reading


async def test_a_month_that_loses_more_than_half_of_its_cards_is_read_whole() -> None:
    one = await reader(*[a(number) for number in range(1, 8)])
    later(one, *[("delete", number, APRIL_DAY) for number in range(1, 4)])
    await one.refresh()
    assert one.whole == []
    later(one, *[("delete", number, APRIL_DAY) for number in range(4, 7)])
    await one.refresh()
    assert (one.whole, one.hours()) == ([APRIL], {"card-7": 8.0})


async def test_what_cannot_be_read_of_the_changes_has_all_months_read_whole() -> None:
    one = await reader(a(1))
    later(one, ("change", 1, APRIL_DAY))
    del one.raken.cards["card-1"]["totalHours"]
    changed = await one.changes()
    assert not changed.whole
    assert [merged(month, changed) for month in one.months.values()] == [None] * 3


async def test_a_deletion_without_a_uuid_has_all_months_read_whole() -> None:
    one = await reader(a(1))
    later(one, ("delete", 1, APRIL_DAY))
    one.raken.deleted[0] = (one.raken.deleted[0][0], "")
    assert not (await one.changes()).whole


async def test_what_was_left_out_stays_so_until_it_changes() -> None:
    one = await reader(a(1), a(2))
    one.raken.cards["card-2"]["breaks"] = [{"name": 7}]
    del one.raken.cards["card-1"]["totalHours"]
    await one.read(APRIL)
    left_out = one.months[APRIL].reading.rejected
    assert {rejected.id for rejected in left_out} == {"card-1", "card-2"}
    one.whole.clear()
    one.raken.hands.move(LATER)
    await one.refresh()
    assert one.months[APRIL].reading.rejected == left_out
    one.raken.cards["card-1"]["totalHours"] = 7.0
    later(one, ("change", 1, APRIL_DAY))
    await one.refresh()
    assert (one.whole, one.hours()) == ([], {"card-1": 8.0, "card-2": 8.0})
    assert {rejected.id for rejected in one.months[APRIL].reading.rejected} == {"card-2"}
    later(one, ("change", 2, APRIL_DAY))
    await one.refresh()
    assert [(rejected.id, rejected.row) for rejected in one.months[APRIL].reading.rejected] == [("card-2", False)]


async def test_the_pages_of_the_last_whole_reading_are_confirmed_by_304_after_a_merge() -> None:
    one = await reader(*[a(number) for number in range(1, 10)])
    later(one, ("change", 9, APRIL_DAY))
    await one.refresh()
    merged_rows = list(one.months[APRIL].rows)
    await one.read(APRIL)
    assert one.raken.confirmed == 3
    assert list(one.months[APRIL].rows) == merged_rows
    assert one.months[APRIL].reading.whole_for == 0.0


@pytest.mark.parametrize("name", ["changedSince", "deletedFrom"])
async def test_a_refusal_of_either_question_says_that_delta_is_not_supported(name: str) -> None:
    one = await reader(a(1))
    one.raken.refuses[name] = 400
    with pytest.raises(DeltaUnsupported):
        await one.refresh()
    one.raken.refuses[name] = 404
    with pytest.raises(RakenRefused):
        await one.refresh()


@pytest.mark.parametrize("name", ["changedSince", "deletedFrom"])
async def test_a_raken_that_takes_no_notice_of_the_window_is_not_believed(name: str) -> None:
    one = await reader(*[a(number) for number in range(1, 8)])
    one.raken.heeds.remove(name)
    with pytest.raises(DeltaUnsupported):
        await one.refresh()
    assert len(one.hours()) == 7


async def test_a_raken_that_refuses_to_look_far_back_has_taken_notice_of_the_window() -> None:
    one = await reader(a(1), a(2))
    later(one, ("delete", 1, APRIL_DAY))
    one.raken.oldest = datetime(2020, 1, 1, tzinfo=UTC)
    await one.refresh()
    assert one.hours() == {"card-2": 8.0}


async def test_each_request_is_told_of_and_counted_in_its_lane() -> None:
    one = await reader(a(1), a(2))
    later(one, ("delete", 1, APRIL_DAY))
    told = 0

    async def tell() -> None:
        nonlocal told
        told += 1

    asked = window(one.months.values(), one.raken.hands.monotonic())
    assert asked is not None
    changed = await changes(one.raken, TIME_CARDS, *asked, Lane.AHEAD, tell)
    assert told == changed.requests == len(one.raken.asked) == 3
    assert one.raken.lanes[-3:] == [Lane.AHEAD] * 3

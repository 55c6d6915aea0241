"""Slices: their order, versions and differences; and the memory that holds them."""

import gc
import random
import tracemalloc
import weakref
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from loaders.decode import Rejected, page
from loaders.entities.equipment_logs import EQUIPMENT_LOGS, EquipmentLogRow
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS, TimeCardRow
from loaders.entity import Month, SliceKey
from loaders.pages import Part, Reading
from loaders.prune import Loss
from loaders.slices import DECODED, Difference, Memory, Slice, difference, total
from tests.unit.rows import body
from tests.unit.rows import card as sent_card
from tests.unit.world import card, project, reading, slice_of, uuid

KEY = SliceKey(PROJECTS)
MARCH, APRIL = (SliceKey(TIME_CARDS, None, Month(2026, number)) for number in (3, 4))
DAY = date(2026, 3, 2)
HUNDRED = round(100 * DECODED)
"What slices of 100 bytes of JSON take."


def test_rows_are_ordered_by_casefold_then_code_point_then_id() -> None:
    rows = [
        project(8, "Zoo"),
        project(7, "Strasz"),
        project(6, "straße"),
        project(5, "Strasse"),
        project(4, "alpha"),
        project(3, "Alpha"),
        project(2, "alpha"),
        project(1, "Äcker"),
    ]
    random.Random(1).shuffle(rows)
    names = [(row.name, row.id) for row in slice_of(KEY, rows).rows]
    ids = [3, 2, 4, 5, 6, 7, 8, 1]
    assert names == [
        (name, uuid(number))
        for name, number in zip(
            ["Alpha", "alpha", "alpha", "Strasse", "straße", "Strasz", "Zoo", "Äcker"], ids, strict=True
        )
    ]


def test_what_could_not_be_read_is_known_all_the_same() -> None:
    loss = Loss("name", "expected text, got none")
    rejected = [Rejected("PROJECTS", id_, loss, row=True) for id_ in (uuid(2), None)]
    slice_ = Slice.of(KEY, replace(reading([project(1)]), rejected=tuple(rejected)), None, 1)
    assert slice_.known == {uuid(1), uuid(2)}


def test_a_null_stands_last() -> None:
    logs = [
        EquipmentLogRow(id=uuid(1)),
        EquipmentLogRow(id=uuid(2), start_date=date(9999, 12, 31)),
        EquipmentLogRow(id=uuid(3), start_date=date(2026, 1, 1)),
    ]
    rows = slice_of(SliceKey(EQUIPMENT_LOGS, None, Month(2026, 1)), logs).rows
    assert [row.id for row in rows] == [uuid(3), uuid(2), uuid(1)]


def test_equal_rows_keep_the_version_and_renew_the_age() -> None:
    before = slice_of(KEY, [project(1), project(2, "Annex")], version=4)
    after = Slice.of(KEY, reading([project(2, "Annex"), project(1)], 1300.0), before, 9)
    assert (after.version, after.reading.sent_at) == (4, 1300.0)
    assert list(after.rows) == list(before.rows)


@pytest.mark.parametrize(
    "rows", [[project(1, "Tunnel")], [project(1), project(2)], []], ids=["changed", "added", "removed"]
)
def test_other_rows_are_another_version(rows: list[object]) -> None:
    before = slice_of(KEY, [project(1)], version=4)
    assert Slice.of(KEY, reading(rows), before, 9).version == 9


def test_a_renewed_slice_does_not_hold_on_to_the_old_rows() -> None:
    before = slice_of(KEY, [project(1)], version=4)
    old = weakref.ref(before)
    rows = [project(1)]
    after = Slice.of(KEY, reading(rows), before, 9)
    del before
    gc.collect()
    assert old() is None
    assert after.rows[0] is rows[0] is after.by_id[uuid(1)]


def test_an_index_finds_rows_in_order() -> None:
    cards = [card(3, DAY, by=7), card(2, DAY, by=8), card(1, date(2026, 3, 9), by=7)]
    month = slice_of(MARCH, cards)
    assert [row.id for row in month.find("worker", uuid(7))] == [uuid(3), uuid(1)]
    assert list(month.find("worker", uuid(9))) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_few_other_rows_are_put_where_sorting_all_would_put_them(seed: int) -> None:
    chance = random.Random(seed)

    def some(numbers: Iterable[int]) -> dict[str, TimeCardRow]:
        rows = [card(number, date(2026, 3, chance.randint(1, 9)), by=chance.randint(1, 5)) for number in numbers]
        return {row.id: row for row in rows}

    before = slice_of(MARCH, some(range(250)).values())
    before.find("worker", uuid(1))
    gone = chance.sample(sorted(before.by_id), 2)
    others = before.by_id | some(chance.sample(range(250), 2)) | some(range(250, 252))
    read = reading([row for id_, row in others.items() if id_ not in gone])
    after: Slice[Any] = Slice.of(MARCH, read, before, 2)
    anew: Slice[Any] = Slice.of(MARCH, read, None, 2)
    assert (list(after.rows), after.by_id, after.version) == (list(anew.rows), anew.by_id, 2)
    assert set(after.indexes) == {"worker"}
    for by in range(1, 6):
        assert list(after.find("worker", uuid(by))) == list(anew.find("worker", uuid(by)))


def test_the_very_rows_of_before_keep_its_version_and_its_indexes() -> None:
    before = slice_of(MARCH, [card(1, DAY)], version=4)
    before.find("worker", uuid(1))
    after = Slice.of(MARCH, replace(before.reading, sent_at=1300.0), before, 9)
    assert (after.version, after.rows, after.indexes) == (4, before.rows, before.indexes)
    assert after.reading.sent_at == 1300.0


def test_a_difference_is_exact() -> None:
    before = slice_of(KEY, [project(1), project(2), project(3)])
    after = slice_of(KEY, [project(2, "Tunnel"), project(3), project(4), project(5)])
    assert difference([(before, after)]) == Difference(added=2, changed=1, removed=1)
    assert difference([(None, after)]) == Difference(added=4, changed=0, removed=0)
    assert difference([]) == Difference(0, 0, 0)


def test_a_row_that_moves_to_another_slice_has_changed_and_is_neither_added_nor_removed() -> None:
    march = slice_of(MARCH, [card(1, DAY), card(2, DAY)]), slice_of(MARCH, [card(1, DAY)])
    april = slice_of(APRIL, []), slice_of(APRIL, [card(2, date(2026, 4, 2))])
    assert difference([march, april]) == Difference(added=0, changed=1, removed=0)


def test_a_row_in_two_slices_counts_once() -> None:
    row, longer = card(1, DAY), card(1, DAY, hours=9.0)
    both = [(slice_of(key, [row]), slice_of(key, [longer])) for key in (MARCH, APRIL)]
    assert difference(both) == Difference(added=0, changed=1, removed=0)
    assert total(after for _, after in both) == 1


def held(memory: Memory) -> list[object]:
    return [one.key for one in memory]


def test_memory_is_bounded_in_bytes_and_the_least_recently_used_goes_first() -> None:
    memory = Memory(HUNDRED)
    keys = [SliceKey(TIME_CARDS, None, Month(2026, number)) for number in range(1, 6)]
    for key in keys[:3]:
        memory.keep(slice_of(key, [], size=30))
    assert memory.use(keys[0]) is not None
    assert memory.peek(keys[1]) is not None  # looking does not count as use
    memory.keep(slice_of(keys[3], [], size=30))
    assert held(memory) == [keys[2], keys[0], keys[3]]
    memory.keep(slice_of(keys[4], [], size=65))
    assert held(memory) == [keys[3], keys[4]]
    assert memory.size == slice_of(MARCH, [], size=30).size + slice_of(MARCH, [], size=65).size
    assert memory.use(keys[0]) is None


def test_the_newest_slice_is_kept_whatever_its_size() -> None:
    memory = Memory(HUNDRED)
    memory.keep(slice_of(MARCH, [], size=10))
    memory.keep(slice_of(APRIL, [], size=1000))
    assert held(memory) == [APRIL]
    memory.keep(slice_of(MARCH, [], size=10))
    assert (held(memory), memory.size) == ([MARCH], slice_of(MARCH, [], size=10).size)


def test_a_slice_takes_the_place_of_the_one_of_its_key() -> None:
    memory = Memory(HUNDRED)
    for size in (80, 90, 70):
        memory.keep(slice_of(MARCH, [], size=size))
    assert (held(memory), memory.size) == ([MARCH], slice_of(MARCH, [], size=70).size)


def test_the_bytes_that_a_slice_is_said_to_take_are_about_those_it_takes() -> None:
    json = body([sent_card(number) for number in range(1000)])
    tracemalloc.start()
    try:
        found = page(json, MARCH)
        part = Part(0, None, found.rows, found.total, found.size)
        whole = Reading(found.rows, (part,), (), datetime(2026, 3, 2, tzinfo=UTC), 0.0, None, requests=1)
        slice_ = Slice.of(MARCH, whole, None, 1)
        slice_.find("project", "project-1")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / 2 < slice_.size < taken * 2

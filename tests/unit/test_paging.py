"""Cursor pages: whatever comes, goes and moves, a row that stays and keeps its sort key is met once."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from loaders.dataloaders import Sourced
from loaders.entities.equipment_logs import EQUIPMENT_LOGS, EquipmentLogRow
from loaders.entities.projects import PROJECTS, ProjectRow
from loaders.errors import BadInput
from loaders.slices import sort_key
from resolvers.paging import Connection, pack, page, unpack
from tests.unit.world import project, uuid

NAME = "projects"


def listed(rows: Sequence[ProjectRow]) -> list[Sourced]:
    """The list of these rows, in its order."""
    serving: Any = None
    return sorted((Sourced(row, serving) for row in rows), key=lambda one: sort_key(PROJECTS, one.row))


def asked(rows: Sequence[ProjectRow], first: int | None = None, after: str | None = None) -> Connection[str]:
    """A page of the ids of these rows."""
    return page(PROJECTS, listed(rows), lambda one: one.row.id, first, after, NAME)


ROWS = [project(number, name) for number, name in enumerate(["Annex", "annex", "Bridge", "Élan", "Tunnel"])]
IDS = [one.row.id for one in listed(ROWS)]
MIDDLE = pack(NAME, sort_key(PROJECTS, listed(ROWS)[1].row))

names = st.text("aAbßäÄİ\U0001f3d7\ud800", max_size=2)
companies = st.lists(st.dictionaries(st.integers(0, 20), names, max_size=12), min_size=1, max_size=12)


@given(companies, st.integers(1, 5))
def test_a_row_that_stays_and_keeps_its_sort_key_is_neither_lost_nor_repeated(
    moments: list[dict[int, str]], size: int
) -> None:
    """Walks a list that is another at each page."""
    met: list[str] = []
    after: str | None = None
    for moment in [*moments, *[moments[-1]] * 20]:
        each = asked([project(number, name) for number, name in moment.items()], size, after)
        met += each.nodes
        after = each.page_info.end_cursor or after
        if not each.page_info.has_next_page and moment is moments[-1]:
            break
    stayed = {number: moments[0][number] for number in moments[0] if len({one.get(number) for one in moments}) == 1}
    for number in stayed:
        assert met.count(uuid(number)) == 1


@given(st.dictionaries(st.integers(0, 20), names, max_size=12), st.integers(0, 13), st.integers(0, 13))
def test_a_page_says_exactly_what_lies_around_it(company: dict[int, str], size: int, at: int) -> None:
    rows = [project(number, name) for number, name in company.items()]
    ids = [one.row.id for one in listed(rows)]
    start = min(at, len(ids))
    after = pack(NAME, sort_key(PROJECTS, listed(rows)[start - 1].row)) if start else None
    each = asked(rows, size, after)
    assert each.nodes == ids[start : start + size]
    assert each.total_count == len(ids)
    assert each.page_info.has_previous_page == (start > 0)
    assert each.page_info.has_next_page == (start + size < len(ids))
    assert [edge.node for edge in each.edges()] == each.nodes
    cursors = [edge.cursor for edge in each.edges()]
    assert [each.page_info.start_cursor, each.page_info.end_cursor] == (
        [cursors[0], cursors[-1]] if cursors else [None] * 2
    )


def test_a_cursor_holds_its_place_when_its_own_row_is_gone() -> None:
    without = [row for row in ROWS if row.id != IDS[1]]
    assert asked(without, after=MIDDLE).nodes == IDS[2:]


def test_rows_precede_a_page_only_while_they_are_there() -> None:
    assert asked(ROWS, after=MIDDLE).page_info.has_previous_page
    assert not asked(ROWS[2:], after=MIDDLE).page_info.has_previous_page
    assert not asked([], after=MIDDLE).page_info.has_previous_page


@pytest.mark.parametrize("after", [None, MIDDLE])
def test_first_0_gives_counts_only(after: str | None) -> None:
    each = asked(ROWS, 0, after)
    assert (each.nodes, each.total_count, each.page_info.end_cursor) == ([], 5, None)
    assert (each.page_info.has_next_page, each.page_info.has_previous_page) == (True, after is not None)


def test_without_first_a_page_has_a_hundred_rows() -> None:
    rows = [project(number) for number in range(150)]
    assert len(asked(rows).nodes) == len(asked(rows, None).nodes) == 100
    assert len(asked(rows, 1000).nodes) == 150


@pytest.mark.parametrize("first", [-1, 1001])
def test_a_page_of_another_size_is_refused(first: int) -> None:
    with pytest.raises(BadInput, match=f"expected first between 0 and 1000, got {first}"):
        asked(ROWS, first)


@pytest.mark.parametrize("nothing", [None, strawberry.UNSET])
def test_without_a_cursor_a_list_begins_at_its_beginning(nothing: Any) -> None:
    assert asked(ROWS, after=nothing).nodes == IDS


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


MALFORMED = [
    "",
    " ",
    "x",
    "!!",
    "é",
    "\x00",
    "a" * 9,
    packed(None),
    packed("projects"),
    packed({}),
    packed([]),
    "W" * 9999,
]
SHAPELESS = [[NAME], [NAME, True], [NAME, False, "a"], [NAME, False, "a", "a", "b", "c"], [NAME, "a", False, "b", "c"]]


@pytest.mark.parametrize("cursor", MALFORMED + [packed(parts) for parts in SHAPELESS] + [packed([NAME, 1, None, {}])])
def test_a_malformed_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput, match="expected a cursor"):
        asked(ROWS, after=cursor)


@pytest.mark.parametrize("name", ["teamMembers", "project.TIME_CARDS:1", "", "projects "])
def test_a_cursor_of_another_list_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="expected a cursor of this list, got one of another list"):
        asked(ROWS, after=pack(name, sort_key(PROJECTS, ROWS[0])))


def test_a_cursor_says_its_key_again() -> None:
    key = sort_key(EQUIPMENT_LOGS, EquipmentLogRow(id=uuid(1)))
    assert unpack(pack("name", key), "name") == key == (True, "", uuid(1))

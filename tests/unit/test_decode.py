"""One page of JSON: rows, what was left out and why, and what is no page at all."""

import json
import time
from datetime import date
from enum import Enum
from typing import Any

import msgspec
import pytest

from loaders.decode import Page, identify, page
from loaders.entities.members import MEMBERS, MemberStatus
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Entity, Located, Month, Row, SliceKey
from loaders.errors import RakenGarbled
from loaders.prune import Loss, fill
from resolvers.scalars import print_datetime
from tests.unit.rows import Json, body, card

CARDS = SliceKey(TIME_CARDS, None, Month(2026, 3))


class LogRow(Located, frozen=True, kw_only=True, gc=False):
    """A log without a uuid of Raken's."""

    id: str | None = msgspec.field(name="uuid", default=None)
    date: date
    quantity: float
    count: int | None = None


class WholeRow(Row, frozen=True, kw_only=True, gc=False):
    """A row whose Raken's whole is shown."""

    id: str = msgspec.field(name="uuid")
    name: str
    day: date | None = None
    data: dict[str, Any]


LOGS = Entity(
    name="LOGS",
    path="/logs",
    row=LogRow,
    lifetime=1,
    order=lambda row: (row.date.isoformat(),),
    identity=lambda row: f"{row.project_id}:{row.date}",
)
WHOLES = Entity(name="WHOLES", path="/wholes", row=WholeRow, lifetime=1, order=lambda row: (row.name,), whole=True)


def read(*rows: object, key: SliceKey = CARDS, **more: Any) -> Page:
    return page(body(rows, **more), key)


def said(result: Page) -> list[str]:
    return [str(rejected) for rejected in result.rejected]


def test_a_page_becomes_rows() -> None:
    result = read(card(1), card(2), total=7, next="/timeCards?offset=2", nextOffset="2")
    first = result.rows[0]
    assert (first.id, first.date, first.total_hours, first.worker_id) == ("card-1", date(2026, 3, 2), 8.0, "worker-1")
    assert first.entries[0].pay_type.code == "RT"
    assert (result.marks, result.rejected) == (("card-1", "card-2"), ())
    assert (result.total, result.more) == (7, True)
    assert result.size > 1000


def test_the_last_page_says_that_there_is_no_more() -> None:
    assert read(card()).more is False


def test_an_empty_page_has_no_rows() -> None:
    result = read()
    assert (result.rows, result.total) == ((), 0)


def test_unknown_fields_are_ignored() -> None:
    assert read(card(crew={"uuid": "x"}, timeEntries=[{"hours": 1, "shift": {}}])).rejected == ()


def test_integers_and_floats_stand_for_each_other() -> None:
    (row,) = page(body([{"date": "2026-03-02", "quantity": 3, "count": 4.0}]), SliceKey(LOGS)).rows
    assert (row.quantity, row.count, type(row.count)) == (3.0, 4, int)


def test_a_total_may_be_a_float() -> None:
    assert read(card(), total=1.0).total == 1


def test_a_date_time_without_an_offset_is_in_utc() -> None:
    (row,) = read(card(createdAt="2026-03-02T15:31:00")).rows
    assert print_datetime(row.created_at) == "2026-03-02T15:31:00Z"


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_where_a_time_is_expected_is_absent_and_not_named(blank: object) -> None:
    row = card() | {"startTime": blank}
    result = read(row)
    assert (result.rows[0].start_time, result.rejected) == (None, ())


def test_a_blank_text_is_none_where_there_may_be_none() -> None:
    assert read(card(note="")).rows[0].note is None


def test_a_null_list_is_an_empty_one() -> None:
    result = read(card() | {"breaks": None})
    assert (result.rows[0].breaks, result.rejected) == ((), ())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"date": None}, "TIME_CARDS card-2: date: expected a value, got none; the row is left out"),
        ({"date": ""}, "TIME_CARDS card-2: date: expected a value, got none; the row is left out"),
        ({"totalHours": "many"}, "TIME_CARDS card-2: totalHours: expected `float`, got `str`; the row is left out"),
        ({"approved": []}, "TIME_CARDS card-2: approved: expected `bool`, got `array`; the row is left out"),
        ({"createdAt": "1 May"}, "TIME_CARDS card-2: createdAt: invalid RFC3339 encoded datetime; the row is left out"),
        ({"uuid": None}, "TIME_CARDS (no uuid): uuid: expected a value, got none; the row is left out"),
        ({"uuid": ""}, "TIME_CARDS (no uuid): uuid: expected a value, got none; the row is left out"),
        ({"uuid": 7}, "TIME_CARDS (no uuid): uuid: expected `str`, got `int`; the row is left out"),
    ],
)
def test_a_row_that_lacks_what_it_cannot_be_without_is_left_out_and_named(wrong: Json, message: str) -> None:
    result = read(card(1), card(2, **wrong), card(3))
    assert [row.id for row in result.rows] == ["card-1", "card-3"]
    assert said(result) == [message]
    assert len(result.marks) == 3


@pytest.mark.parametrize("row", [None, 7, "card", [], [card()]])
def test_a_row_that_is_no_object_is_left_out_and_named(row: object) -> None:
    result = read(card(1), row)
    assert [found.id for found in result.rows] == ["card-1"]
    assert said(result) == [
        "TIME_CARDS (no uuid): the row: expected a JSON object, got something else; the row is left out"
    ]


def test_an_optional_field_that_cannot_be_read_is_absent_and_named() -> None:
    result = read(card(startTime="seven", worker={"uuid": 5}, note=3))
    (row,) = result.rows
    assert (row.start_time, row.worker_ref, row.note) == (None, None, None)
    assert sorted(said(result)) == [
        "TIME_CARDS card-1: note: expected `str | null`, got `int`; it is left out",
        "TIME_CARDS card-1: startTime: invalid RFC3339 encoded time; it is left out",
        "TIME_CARDS card-1: worker.uuid: expected `str`, got `int`; it is left out",
    ]


def test_an_object_that_cannot_be_without_what_it_lacks_costs_only_itself() -> None:
    entries = [{"hours": 3, "payType": {"uuid": "pay-1"}, "costCode": {"uuid": "cost-1", "code": "03-100"}}]
    result = read(card(timeEntries=entries))
    assert result.rows[0].entries[0].pay_type is None
    assert result.rows[0].entries[0].cost_code.code == "03-100"
    assert said(result) == ["TIME_CARDS card-1: timeEntries[].payType.name: expected a value, got none; it is left out"]


def test_an_element_that_cannot_be_read_is_dropped_from_its_list_and_named() -> None:
    breaks = [{"duration": 5}, {"name": "Lunch", "duration": 30}, {"duration": 7}, {"name": "Tea", "duration": "x"}, 4]
    result = read(card(breaks=breaks))
    assert [found.name for found in result.rows[0].breaks] == ["Lunch"]
    assert said(result) == [
        "TIME_CARDS card-1: breaks[].name: expected a value, got none; it is left out",
        "TIME_CARDS card-1: breaks[].name: expected a value, got none; it is left out",
        "TIME_CARDS card-1: breaks[].duration: expected `float`, got `str`; it is left out",
        "TIME_CARDS card-1: breaks[]: expected `object`, got `int`; it is left out",
    ]


def test_a_status_that_nobody_knows_yet_is_unknown() -> None:
    member = {
        "uuid": "m",
        "firstName": "Ada",
        "lastName": "Ash",
        "role": "ROLE_WORKER",
        "createdAt": "2026-03-02T15:31:00Z",
        "updatedAt": "2026-03-02T15:31:00Z",
    }
    result = read(member | {"status": "ON_LEAVE"}, member | {"status": 5}, key=SliceKey(MEMBERS))
    assert [row.status for row in result.rows] == [MemberStatus.UNKNOWN]
    assert said(result) == ["MEMBERS m: status: expected `str`, got `int`; the row is left out"]


def test_a_value_outside_a_closed_list_is_named_without_itself() -> None:
    class Shade(Enum):
        DARK = "DARK"

    class Shaded(Row, frozen=True, kw_only=True, gc=False):
        shade: Shade | None = None

    assert fill({"shade": "Grace Hopper"}, Shaded) == (Shaded(), (Loss("shade", "not one of the known values"),))


def test_what_is_named_holds_no_value_of_a_row() -> None:
    secret = "Grace Hopper"  # made up
    result = read(card(uuid=None, note={"by": secret}, totalHours=secret, signed=secret, project=[secret]))
    assert secret not in str(said(result))
    assert secret not in str(result.marks)


def test_equal_rows_that_are_left_out_are_recognised_from_page_to_page() -> None:
    row = card(uuid=None)
    assert read(row).marks == read(card(2), row).marks[1:]
    assert read(row).marks != read(card(uuid=None, note="other")).marks


def test_text_that_is_not_utf8_costs_its_row() -> None:
    sent = body([card(1, note="AAAA"), card(2)]).replace(b"AAAA", b"\xff\xfe")
    assert [row.id for row in page(sent, CARDS).rows] == ["card-2"]


def test_a_row_that_names_no_project_is_stamped_with_the_one_asked_for() -> None:
    key = SliceKey(TIME_CARDS, "project-9")
    rows = read(card(1, project=None), card(2), card(3, project=None, startTime=""), key=key).rows
    assert [row.project_id for row in rows] == ["project-9", "project-1", "project-9"]
    assert read(card(1, project=None)).rows[0].project_id is None


def test_a_row_that_lies_on_no_project_is_not_stamped() -> None:
    assert read(key=SliceKey(PROJECTS, "project-9")).rows == ()


def test_a_whole_row_is_kept_as_raken_sent_it() -> None:
    row = {"uuid": "w", "name": "Wall", "day": "", "data": 3, "more": {"n": 5.0, "list": [None, "", {}]}}
    (found,) = page(body([row]), SliceKey(WHOLES)).rows
    assert found.data == row
    assert (found.id, found.day) == ("w", None)


def test_a_whole_row_is_kept_whole_where_part_of_it_cannot_be_read() -> None:
    result = page(body([{"uuid": "w", "name": "Wall", "day": "soon"}]), SliceKey(WHOLES))
    assert result.rows[0].data == {"uuid": "w", "name": "Wall", "day": "soon"}
    assert said(result) == ["WHOLES w: day: invalid RFC3339 encoded date; it is left out"]


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        (b"<!DOCTYPE html><html><body>Grace Hopper", "got HTML (<!DOCTYPE…)"),
        (b"\n <html lang='en'>", "got HTML (<html…)"),
        (b"", "got an empty body"),
        (b" \n", "got an empty body"),
        (body([card()])[:-30], "got JSON that is cut short after"),
        (body([card()])[:-1], "got JSON that is cut short after"),
        (b"Grace Hopper", "got 12 bytes that are not JSON"),
        (body([card()]) + b"{}", "bytes that are not JSON"),
        (b"[]", "got JSON of another shape: Expected `object`, got `array`"),
        (b"[" * 100_000, "got JSON of another shape: Expected `object`, got `array`"),
        (b'{"page": ' + b"[" * 100_000, "got JSON of another shape"),
        (b'{"x": ' + b"[" * 100_000, "bytes that are not JSON"),
        (b'{"collection": []}', "got JSON of another shape: Object missing required field `page`"),
        (b'{"page": {"totalElements": 0}}', "got JSON of another shape: Object missing required field `collection`"),
        (b'{"page": {}, "collection": []}', "Object missing required field `totalElements` - at `$.page`"),
        (b'{"page": {"totalElements": 1}, "collection": {}}', "Expected `array`, got `object` - at `$.collection`"),
        (
            b'{"page": {"totalElements": "9"}, "collection": []}',
            "expected page.totalElements as a whole number, got str",
        ),
        (b'{"page": {"totalElements": true}, "collection": []}', "totalElements as a whole number, got bool"),
        (b'{"page": {"totalElements": null}, "collection": []}', "totalElements as a whole number, got NoneType"),
        (b'{"page": {"totalElements": -1}, "collection": []}', "as a whole number, got -1"),
        (b'{"page": {"totalElements": 1.5}, "collection": []}', "as a whole number, got 1.5"),
        (b'{"page": {"totalElements": 1e999}, "collection": []}', "Number out of range - at `$.page.totalElements`"),
    ],
)
def test_what_is_no_page_is_garbled_and_says_what_was_expected_and_what_came(sent: bytes, got: str) -> None:
    with pytest.raises(RakenGarbled) as garbled:
        page(sent, CARDS)
    message = str(garbled.value)
    assert message.startswith("Raken's answer to /timeCards: expected")
    assert got in message
    assert "Hopper" not in message


def logs(*rows: Json, project: str | None = "p") -> list[Any]:
    read = list(page(body(rows), SliceKey(LOGS, project)).rows)
    identify(read, LOGS)
    return read


def test_rows_without_a_uuid_get_one_and_equal_ones_are_numbered() -> None:
    row = {"date": "2026-03-02", "quantity": 3}
    assert [found.id for found in logs(row, row, row, row | {"date": "2026-03-03"})] == [
        "p:2026-03-02",
        "p:2026-03-02#2",
        "p:2026-03-02#3",
        "p:2026-03-03",
    ]


def test_numbered_rows_keep_their_ids_in_whatever_order_raken_gives_them() -> None:
    rows = [{"date": "2026-03-02", "quantity": quantity} for quantity in (3, 1, 2)]
    once = {found.quantity: found.id for found in logs(*rows)}
    assert once == {found.quantity: found.id for found in logs(*reversed(rows))}


def test_a_row_that_has_an_id_keeps_it_and_others_are_numbered_around_it() -> None:
    kept = logs({"date": "2026-03-02", "quantity": 3})
    fresh = list(page(body([{"date": "2026-03-02", "quantity": 3}] * 2), SliceKey(LOGS, "p")).rows)
    identify([*kept, *fresh], LOGS)
    assert [found.id for found in [*kept, *fresh]] == ["p:2026-03-02", "p:2026-03-02#2", "p:2026-03-02#3"]
    own = logs({"uuid": "own", "date": "2026-03-02", "quantity": 3})
    assert own[0].id == "own"


def test_rows_that_have_a_uuid_are_not_touched() -> None:
    rows = read(card(1)).rows
    identify(rows, TIME_CARDS)
    assert rows[0].id == "card-1"


def test_one_bad_row_among_a_thousand_costs_little_more() -> None:
    good = [card(number) for number in range(1000)]
    bad = [*good[:500], card(500, date=""), *good[501:]]

    def seconds(sent: bytes) -> float:
        began = time.thread_time()
        page(sent, CARDS)
        return time.thread_time() - began

    fast = min(seconds(body(good)) for _ in range(5))
    slow = min(seconds(body(bad)) for _ in range(5))
    assert slow < 10 * fast


def test_the_envelope_of_json_is_not_held_against_its_order() -> None:
    sent = json.dumps({"collection": [card()], "page": {"totalElements": 1}}).encode()
    assert len(page(sent, CARDS).rows) == 1


def test_half_a_character_costs_itself_alone() -> None:
    member = {"firstName": "A", "lastName": "B", "role": "R", "status": "ACTIVE", "createdAt": DAY, "updatedAt": DAY}
    rows = [member | {"uuid": f"m{n}", "firstName": name} for n, name in enumerate(ODD)]
    read = page(body(rows), SliceKey(MEMBERS))
    assert [row.first_name for row in read.rows] == [
        "Cut \ufffd",
        "\ufffd cut",
        "\U0001f600",
        "\\ud83d",
        "\ufffd\ufffd",
    ]
    assert read.rejected == ()


DAY = "2026-03-02T15:31:00Z"
ODD = ["Cut \ud83d", "\udc00 cut", "\U0001f600", "\\ud83d", "\udc00\ud83d"]

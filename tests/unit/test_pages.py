"""Reading pages while rows move: a reading is whole, or it is none."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from math import ceil
from random import Random
from typing import Any, TypeVar

import pytest

from loaders.entities.pay_types import PAY_TYPES
from loaders.entity import Entity, Row, SliceKey
from loaders.errors import RakenError, RakenGarbled, RakenRefused, RakenUnsettled
from loaders.pages import Reading, read
from loaders.raken import Answer, Lane, OnSend, unheard
from tests.hands import Hands
from tests.unit.rows import Json, body

T = TypeVar("T")
KEY = SliceKey(PAY_TYPES)


class LogRow(Row, frozen=True, kw_only=True, gc=False):
    """A log that has no uuid."""

    id: str | None = None
    date: date
    quantity: float


LOGS = Entity(
    name="LOGS",
    path="/logs",
    row=LogRow,
    lifetime=1,
    order=lambda row: (row.date.isoformat(),),
    identity=lambda row: f"{row.date}:{row.quantity}",
)


def pay_types(*numbers: int, name: str = "Regular") -> list[Json]:
    return [{"uuid": f"pay-{number}", "name": name, "code": "RT"} for number in numbers]


def logs(*quantities: float) -> list[Json]:
    return [{"date": "2026-03-02", "quantity": quantity} for quantity in quantities]


class Moving:
    """A Raken in memory, whose rows may move before it answers: `before[n]` is done before the n-th request."""

    def __init__(self, rows: Sequence[Json] = (), cap: int = 10) -> None:
        self.rows = list(rows)
        self.cap = cap
        self.hands = Hands()
        self.asked: list[int] = []
        self.etags: list[str | None] = []
        self.lanes: set[Lane] = set()
        self.before: dict[int, Callable[[], object]] = {}
        self.each: Callable[[], object] = lambda: None
        self.total: Callable[[], int] = lambda: len(self.rows)
        self.next_lies = False
        self.with_etags = False
        self.confirms_wrongly: set[int] = set()
        self.room = asyncio.Semaphore(8)
        self.out = self.most = 0

    async def page(
        self,
        path: str,
        params: Mapping[str, str],
        lane: Lane,
        parse: Callable[[bytes], T],
        *,
        etag: str | None = None,
        on_send: OnSend = unheard,
    ) -> Answer[T]:
        assert (params["limit"], path) in {("1000", "/payTypes"), ("1000", "/logs")}
        async with self.room:
            return await self._answer(params, lane, parse, etag, on_send)

    async def _answer(
        self,
        params: Mapping[str, str],
        lane: Lane,
        parse: Callable[[bytes], T],
        etag: str | None,
        on_send: OnSend,
    ) -> Answer[T]:
        self.before.get(len(self.asked), lambda: None)()
        self.each()
        self.asked.append(int(params["offset"]))
        self.etags.append(etag)
        self.lanes.add(lane)
        self.hands.move(1)
        sent = self.hands.now(), self.hands.monotonic()
        await on_send()
        content = self._content(int(params["offset"]))
        await self._under_way()
        tag = f'"{hash(content)}"' if self.with_etags else None
        if etag is not None and (tag == etag or int(params["offset"]) in self.confirms_wrongly):
            return Answer(None, tag, None, *sent)
        return Answer(parse(content), tag, None, *sent)

    def _content(self, offset: int) -> bytes:
        given = self.rows[offset : offset + self.cap]
        more = offset + len(given) < self.total() or self.next_lies
        return body(given, self.total(), **({"next": "/payTypes?offset=…"} if more else {}))

    async def _under_way(self) -> None:
        self.out += 1
        self.most = max(self.most, self.out)
        for _ in range(3):
            await asyncio.sleep(0)
        self.out -= 1

    def failing(self, lane: Lane) -> RakenError | None:
        return None

    async def read(self, previous: Reading | None = None, key: SliceKey = KEY) -> Reading:
        self.asked.clear()
        self.etags.clear()
        return await read(self, key, previous)


def numbers(reading: Reading) -> list[int]:
    return sorted(int(row.id.removeprefix("pay-")) for row in reading.rows)


async def test_one_page_is_one_request() -> None:
    raken = Moving(pay_types(*range(10)))
    reading = await raken.read()
    assert (numbers(reading), raken.asked, reading.requests) == (list(range(10)), [0], 1)
    assert reading.size == len(body(raken.rows))


async def test_an_empty_slice_is_one_request() -> None:
    reading = await Moving().read()
    assert (reading.rows, reading.requests) == ((), 1)


@pytest.mark.parametrize("cap", [2, 3, 10, 999])
@pytest.mark.parametrize("total", [1, 2, 3, 9, 10, 11, 19, 20, 21, 28, 29, 100, 1000])
async def test_every_row_is_read_once_with_no_more_requests_than_there_are_steps(cap: int, total: int) -> None:
    raken = Moving(pay_types(*range(total)), cap)
    reading = await raken.read()
    assert numbers(reading) == list(range(total))
    assert len(raken.asked) == reading.requests <= max(1, ceil(total / (cap - 1)))


async def test_each_page_begins_with_the_last_row_of_the_page_before_it() -> None:
    raken = Moving(pay_types(*range(30)))
    await raken.read()
    assert raken.asked == [0, 9, 18, 27]


async def test_a_raken_that_gives_one_row_a_request_is_read_too() -> None:
    assert numbers(await Moving(pay_types(*range(5)), cap=1).read()) == [0, 1, 2, 3, 4]


async def test_the_first_page_goes_out_first_and_the_others_at_once() -> None:
    raken = Moving(pay_types(*range(50)))
    await raken.read()
    assert raken.most == len(raken.asked) - 1 == 5


async def test_a_reading_is_as_old_as_its_first_request() -> None:
    raken = Moving(pay_types(*range(50)))
    began = raken.hands.now(), raken.hands.monotonic()
    reading = await raken.read()
    assert (reading.fetched_at.timestamp(), reading.sent_at) == (began[0].timestamp() + 1, began[1] + 1)


async def test_each_request_is_told_and_carries_its_lane() -> None:
    raken, sent = Moving(pay_types(*range(50))), []

    async def tell() -> None:
        sent.append(1)

    await read(raken, KEY, None, Lane.AHEAD, tell)
    assert (len(sent), raken.lanes) == (6, {Lane.AHEAD})


async def test_a_row_inserted_in_front_between_pages_is_seen_in_a_rereading() -> None:
    raken = Moving(pay_types(*range(30)))
    raken.before[2] = lambda: raken.rows.insert(0, pay_types(99)[0])
    reading = await raken.read()
    assert numbers(reading) == [*range(30), 99]
    assert reading.requests == len(raken.asked) > 4


async def test_a_row_deleted_between_pages_hides_no_other() -> None:
    raken = Moving(pay_types(*range(30)))
    raken.before[2] = lambda: raken.rows.pop(0)
    assert numbers(await raken.read()) == list(range(1, 30))


async def test_a_row_deleted_and_one_inserted_leave_the_total_and_are_seen_by_the_overlap() -> None:
    def swap() -> None:
        raken.rows.pop(0)
        raken.rows.append(pay_types(99)[0])

    raken = Moving(pay_types(*range(30)))
    raken.before[1] = swap
    assert numbers(await raken.read()) == [*range(1, 30), 99]


async def test_a_rereading_is_as_old_as_its_own_first_request() -> None:
    raken = Moving(pay_types(*range(30)))
    raken.before[1] = lambda: raken.rows.pop(0)
    reading = await raken.read()
    assert reading.sent_at == 1000.0 + raken.asked.index(0, 1) + 1


async def test_rows_that_keep_moving_leave_no_reading_after_two_rereadings() -> None:
    raken = Moving(pay_types(*range(30)))
    raken.each = lambda: raken.rows.insert(0, pay_types(100 + len(raken.asked))[0])
    with pytest.raises(
        RakenUnsettled, match=r"PAY_TYPES/\*/\*: rows kept moving between pages in 3 readings, at last: "
    ):
        await raken.read()
    assert raken.asked.count(0) == 3


async def test_a_mismatch_ends_the_reading_before_all_its_pages_are_asked_for() -> None:
    raken = Moving(pay_types(*range(1000)))
    raken.each = lambda: raken.rows.insert(0, pay_types(10_000 + len(raken.asked))[0])
    with pytest.raises(RakenUnsettled, match="expected totalElements"):
        await raken.read()
    assert len(raken.asked) < 3 * 20


async def test_an_unstable_order_is_good_when_the_distinct_ids_number_the_total() -> None:
    raken = Moving(pay_types(*range(11)), cap=9)
    # The two pages overlap in a row in the middle, not in the last one of the first.
    raken.before[1] = lambda: raken.rows.insert(8, raken.rows.pop(4))
    reading = await raken.read()
    assert (numbers(reading), reading.requests) == (list(range(11)), 2)


async def test_an_unstable_order_that_hides_a_row_is_no_reading() -> None:
    raken, random = Moving(pay_types(*range(200))), Random(7)
    raken.each = lambda: random.shuffle(raken.rows)
    with pytest.raises(RakenUnsettled, match="expected each page to begin with the last row of the one before"):
        await raken.read()
    assert raken.asked.count(0) == 3


async def test_rows_without_ids_are_never_good_in_an_unstable_order() -> None:
    raken = Moving(logs(*range(11)), cap=9)
    raken.each = lambda: raken.rows.insert(8, raken.rows.pop(4))
    with pytest.raises(RakenUnsettled):
        await raken.read(key=SliceKey(LOGS))


async def test_a_row_that_raken_lists_twice_is_kept_once() -> None:
    raken = Moving([*pay_types(*range(14)), *pay_types(3), *pay_types(5, name="newer")])
    reading = await raken.read()
    assert numbers(reading) == list(range(14))
    assert next(row.name for row in reading.rows if row.id == "pay-5") == "newer"


async def test_equal_rows_without_ids_are_all_kept_over_pages() -> None:
    reading = await Moving(logs(*[1.0] * 25, 2.0)).read(key=SliceKey(LOGS))
    assert len({row.id for row in reading.rows}) == 26
    assert {"2026-03-02:1.0", "2026-03-02:1.0#2", "2026-03-02:1.0#25", "2026-03-02:2.0"} <= {r.id for r in reading.rows}


async def test_a_total_that_lies_high_is_no_reading() -> None:
    raken = Moving(pay_types(*range(25)))
    raken.total = lambda: 40
    with pytest.raises(RakenUnsettled, match="expected 10 rows at offset 18 of 40, got 7"):
        await raken.read()


async def test_a_total_with_no_rows_at_all_is_no_reading() -> None:
    raken = Moving()
    raken.total = lambda: 40
    with pytest.raises(RakenUnsettled, match="expected 40 rows at offset 0 of 40, got 0"):
        await raken.read()


async def test_a_total_that_lies_low_is_no_reading() -> None:
    raken = Moving(pay_types(*range(25)))
    raken.total = lambda: 4
    with pytest.raises(RakenUnsettled, match="expected 4 rows at offset 0 of 4, got 10"):
        await raken.read()


async def test_a_next_page_after_the_last_one_is_no_reading() -> None:
    raken = Moving(pay_types(*range(10)))
    raken.next_lies = True
    with pytest.raises(RakenUnsettled, match="expected no next page after row 10 of 10, got one"):
        await raken.read()


async def test_a_total_beyond_all_reason_is_not_followed() -> None:
    raken = Moving(pay_types(*range(10)))
    raken.total = lambda: 10**9
    with pytest.raises(RakenGarbled, match="expected at most 1000000 rows, got totalElements 1000000000"):
        await raken.read()
    assert raken.asked == [0]


async def test_rows_left_out_count_for_the_total_and_for_the_overlap() -> None:
    rows: list[Any] = pay_types(*range(30))
    rows[9] = {"uuid": "pay-9"}
    rows[18] = {"name": "no uuid"}
    rows[20] = 7
    raken = Moving(rows)
    reading = await raken.read()
    assert numbers(reading) == [n for n in range(30) if n not in (9, 18, 20)]
    assert reading.requests == 4
    assert [str(rejected) for rejected in reading.rejected] == [
        "PAY_TYPES pay-9: name: expected a value, got none; the row is left out",
        "PAY_TYPES (no uuid): uuid: expected a value, got none; the row is left out",
        "PAY_TYPES (no uuid): the row: expected a JSON object, got something else; the row is left out",
    ]


async def test_pages_that_did_not_change_are_confirmed_by_304_and_their_rows_reused() -> None:
    raken = Moving(pay_types(*range(30)))
    raken.with_etags = True
    first = await raken.read()
    assert raken.etags == [None] * 4
    raken.rows[20] = pay_types(20, name="Overtime")[0]
    second = await raken.read(first)
    assert None not in raken.etags
    assert numbers(second) == list(range(30))
    before, after = ({row.id: row for row in reading.rows} for reading in (first, second))
    assert [id_ for id_ in before if before[id_] is not after[id_]] == [f"pay-{n}" for n in range(19, 28)]
    assert second.sent_at > first.sent_at
    assert (await raken.read(second)).rows == second.rows


async def test_a_page_of_which_something_was_left_out_is_read_again_and_named_again() -> None:
    raken = Moving([*pay_types(1), {"uuid": "pay-2"}])
    raken.with_etags = True
    first = await raken.read()
    second = await raken.read(first)
    assert raken.etags == [None]
    assert second.rejected == first.rejected != ()


async def test_pages_confirmed_that_no_longer_fit_are_read_anew() -> None:
    raken = Moving(pay_types(*range(30)))
    raken.with_etags = True
    first = await raken.read()
    raken.rows.insert(0, pay_types(99)[0])
    raken.confirms_wrongly = {0}
    second = await raken.read(first)
    assert numbers(second) == [*range(30), 99]
    assert raken.etags[-4:] == [None] * 4


async def test_equal_rows_without_ids_stay_apart_over_confirmed_pages() -> None:
    raken = Moving(logs(*[1.0] * 15))
    raken.with_etags = True
    first = await raken.read(key=SliceKey(LOGS))
    raken.rows[-1] = logs(2.0)[0]
    second = await raken.read(first, key=SliceKey(LOGS))
    assert len({row.id for row in second.rows}) == 15
    assert [row.quantity for row in first.rows].count(1.0) == 15


async def test_a_slice_that_shrinks_by_more_than_half_is_confirmed_by_one_rereading() -> None:
    raken = Moving(pay_types(*range(8)))
    first = await raken.read()
    raken.rows = pay_types(1, 2, 3)
    second = await raken.read(first)
    assert (numbers(second), raken.asked, second.requests) == ([1, 2, 3], [0, 0], 2)


async def test_a_slice_that_seems_to_shrink_is_whole_when_the_rereading_says_so() -> None:
    raken = Moving(pay_types(*range(8)))
    first = await raken.read()
    raken.rows = []
    raken.before[1] = lambda: raken.rows.extend(pay_types(*range(8)))
    assert numbers(await raken.read(first)) == list(range(8))


async def test_a_slice_that_shrinks_by_half_or_less_is_believed() -> None:
    raken = Moving(pay_types(*range(8)))
    first = await raken.read()
    raken.rows = pay_types(1, 2, 3, 4)
    await raken.read(first)
    assert raken.asked == [0]


async def test_a_refusal_of_any_page_is_raised_as_it_is() -> None:
    def refuse() -> None:
        raise RakenRefused("Raken answered /payTypes with 400", 400)

    for page in (0, 2):
        raken = Moving(pay_types(*range(50)))
        raken.before[page] = refuse
        with pytest.raises(RakenRefused) as refused:
            await raken.read()
        assert refused.value.status == 400
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_others_get_their_turn_while_many_pages_are_merged() -> None:
    raken, turns = Moving(pay_types(*range(500))), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await raken.read()
    task.cancel()
    assert turns > 50

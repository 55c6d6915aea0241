"""A slice's content survives its encoding, whatever it is; and nothing else is taken for one."""

import asyncio
import copy
import datetime as dt
import gc
import random
import time
import zlib
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from loaders import encoding
from loaders.decode import Rejected, identify, page
from loaders.encoding import Content, Unreadable, decode, encode, fingerprint
from loaders.entities.observations import OBSERVATIONS, ObservationRow
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Entity, Month, Scope, SliceKey
from loaders.pages import Part
from loaders.prune import Loss
from resolvers.schema import CATALOGUE
from tests.contract.samples import DAY, SAMPLES, UUID
from tests.unit.rows import body, card

T = TypeVar("T")
EACH = pytest.mark.parametrize("entity", CATALOGUE, ids=lambda entity: entity.name)
ZONES = st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=2, minutes=30)), dt.timezone(-dt.timedelta(hours=7))])
PLAIN: dict[type, st.SearchStrategy[Any]] = {
    inspect.StrType: st.text(),
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
    inspect.DateType: st.dates(),
    inspect.TimeType: st.times(),
    inspect.DateTimeType: st.datetimes(timezones=ZONES | st.none()),
    inspect.DictType: st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=3,
    ),
}


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Any value that a field of a type may have."""
    match kind:
        case inspect.StructType():
            fields = {field.name: values(field.type) for field in kind.fields}
            return st.fixed_dictionaries(fields).map(lambda given: kind.cls(**given))
        case inspect.EnumType():
            return st.sampled_from(list(kind.cls))
        case inspect.UnionType():
            return st.one_of([values(one) for one in kind.types])
        case inspect.VarTupleType():
            return st.lists(values(kind.item_type), max_size=2).map(tuple)
    return PLAIN[type(kind)]


def contents(entity: Entity[Any]) -> st.SearchStrategy[Content]:
    """Any content of an entity; its pages are of its rows, and of some that are none of it."""

    def cut(rows: list[Any]) -> st.SearchStrategy[Content]:
        own = st.lists(st.sampled_from(rows), max_size=4) if rows else st.just([])
        numbers = st.integers(0, 10**9)
        parts = st.builds(Part, numbers, st.none() | st.text(), own.map(tuple), numbers, numbers)
        held = st.integers(0, len(rows)).map(lambda count: tuple(rows[:count]))
        losses = st.builds(Rejected, st.just(entity.name), st.none() | st.text(), LOSSES, st.booleans())
        return st.builds(Content, held, st.lists(parts, max_size=3).map(tuple), st.lists(losses, max_size=2).map(tuple))

    return st.lists(values(inspect.type_info(entity.row)), max_size=4).flatmap(cut)


LOSSES = st.builds(Loss, st.text(), st.text())


def sample(entity: Entity[Any]) -> Content:
    """A slice of the entity's sample, thrice, as it is read: an overlap of pages, and something left out."""
    project = f"{UUID}1" if entity.scope is Scope.PROJECT else None
    key = SliceKey(entity, project, Month.of(dt.date.fromisoformat(DAY)) if entity.dated else None)
    named = {} if entity.identity else {"uuid": f"{UUID}f"}
    rows = [SAMPLES[entity.name], SAMPLES[entity.name] | named]
    first, second = page(body(rows, 3), key).rows, page(body(rows[1:], 3), key).rows
    identify(first, entity)
    parts = (Part(0, '"a"', first, 3, 99), Part(1, 'W/"b\udce4"', second, 3, 98), Part(2, None, (), 3, 97))
    left_out = Rejected(entity.name, None, Loss("the row", "expected a JSON object, got something else"), row=True)
    return Content(tuple(first), parts, (left_out,))


@EACH
async def test_its_content_survives(entity: Entity[Any]) -> None:
    content = sample(entity)
    again = await decode(entity, await encode(entity, content))
    assert again == content
    assert repr(again) == repr(content) or entity.whole


@EACH
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
async def test_whatever_its_content_is_it_survives(entity: Entity[Any], data: st.DataObject) -> None:
    content = data.draw(contents(entity))
    encoded = await encode(entity, content)
    assert await decode(entity, encoded) == content
    assert await encode(entity, copy.deepcopy(content)) == encoded
    assert await encode(entity, await decode(entity, encoded)) == encoded


async def test_what_equals_something_else_survives_as_what_it_is() -> None:
    odd = b'{"uuid": "1", "a": 1, "b": 1.0, "c": true, "d": -0.0, "e": 1180591620717411303424, "f": 1e-320}'
    (row,) = page(b'{"page": {"totalElements": 1}, "collection": [%b]}' % odd, SliceKey(OBSERVATIONS)).rows
    (again,) = (await decode(OBSERVATIONS, await encode(OBSERVATIONS, Content((row,), (), ())))).rows
    assert repr(sorted(again.data.items())) == repr(sorted(row.data.items()))
    (row,) = page(body([card(1, createdAt="2026-03-02T07:00:00.123456+02:30")]), SliceKey(TIME_CARDS)).rows
    (again,) = (await decode(TIME_CARDS, await encode(TIME_CARDS, Content((row,), (), ())))).rows
    assert repr(again) == repr(row)


async def test_a_pages_rows_are_the_very_rows_of_the_slice_and_are_written_once() -> None:
    rows = read(2500)
    parts = (Part(0, '"a"', rows[:1000], 2500, 1), Part(999, '"b"', (read(1000)[999], *rows[1000:]), 2500, 1))
    content = Content(rows, parts, ())
    encoded = await encode(TIME_CARDS, content)
    again = await decode(TIME_CARDS, encoded)
    assert again == content
    own = (*again.pages[0].rows, *again.pages[1].rows[1:])
    assert [id(row) for row in own] == [id(row) for row in again.rows]
    assert again.pages[1].rows[0] is again.rows[999]
    assert len(encoded) - len(await encode(TIME_CARDS, replace(content, pages=()))) < 100


async def test_a_pages_row_that_is_none_of_the_slices_comes_along() -> None:
    rows, others = read(3), read(3, note="moved")
    parts = (Part(0, '"a"', (rows[0], others[1], others[1]), 3, 1), Part(2, '"b"', (others[1], rows[2]), 3, 1))
    again = await decode(TIME_CARDS, await encode(TIME_CARDS, Content(rows, parts, ())))
    assert again == Content(rows, parts, ())
    assert again.pages[1].rows[0] is again.pages[0].rows[1]


async def test_equal_content_gives_equal_bytes_however_it_came_about() -> None:
    rows = read(3)
    shared = Content(rows, (Part(0, '"a"', rows, 3, 1),), ())
    apart = Content(rows, (Part(0, '"a"', read(3), 3, 1),), ())
    assert await encode(TIME_CARDS, shared) == await encode(TIME_CARDS, apart)
    one, other = ({"uuid": "1", "b": {"c": 1, "d": 2}, "a": 3}, {"a": 3, "b": {"d": 2, "c": 1}, "uuid": "1"})
    key = SliceKey(OBSERVATIONS)
    contents = [Content(page(body([each]), key).rows, (), ()) for each in (one, other)]
    assert len({await encode(OBSERVATIONS, content) for content in contents}) == 1


def read(count: int, **more: Any) -> tuple[Any, ...]:
    """So many time cards, each of its own."""
    return page(body([card(number, **more) for number in range(count)]), SliceKey(TIME_CARDS)).rows


def test_another_row_type_is_another_encoding() -> None:
    marks = {fingerprint(entity) for entity in CATALOGUE}
    assert len(marks) == len(CATALOGUE)
    assert all(len(mark) == 8 and int(mark, 16) >= 0 for mark in marks)


def test_what_an_encoding_depends_on_is_the_rows_shape() -> None:
    fields: list[Any] = [("id", str, msgspec.field(name="uuid")), ("note", str | None, None)]
    like = mark(fields)
    assert like == mark([fields[0], ("note", str | None, "another default")])
    assert like != mark([("id", str, msgspec.field(name="id")), fields[1]])
    assert like != mark([("key", str, msgspec.field(name="uuid")), fields[1]])
    assert like != mark([fields[0], ("note", str, "")])
    assert like != mark([*fields, ("more", int, 0)])
    assert mark([("inner", made(fields))]) != mark([("inner", made(fields[:1]))])


def made(fields: list[Any]) -> Any:
    return msgspec.defstruct("Row", fields)


def mark(fields: list[Any]) -> str:
    """The fingerprint of an entity whose rows have these fields."""
    return fingerprint(replace(TIME_CARDS, row=made(fields)))


def forged(*pieces: bytes, entity: Entity[Any] = TIME_CARDS) -> bytes:
    """A body whose pieces are made up."""
    framed = b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)
    return fingerprint(entity).encode() + zlib.compress(framed, 1)


ROW = msgspec.json.encode([read(1)[0]])
FORGED = {
    "nothing": b"",
    "a fingerprint alone": fingerprint(TIME_CARDS).encode(),
    "another entity's": b"00000000" + forged(b"[0,0,[],[]]")[8:],
    "no compression": fingerprint(TIME_CARDS).encode() + b"[0,0,[],[]]",
    "no pieces": forged(),
    "no head": forged(b"{}"),
    "a head alone": forged(b"[1,0,[],[]]"),
    "fewer rows": forged(b"[2,0,[],[]]", ROW),
    "more pieces": forged(b"[1,0,[],[]]", ROW, ROW),
    "something behind": forged(b"[1,0,[],[]]", ROW) + b"x",
    "rows of another shape": forged(b"[1,0,[],[]]", b'[{"uuid": 1}]'),
    "rows that are no text": forged(b"[1,0,[],[]]", b'[{"uuid": "\xff"}]'),
    "a negative count": forged(b"[-1,0,[],[]]"),
    "a count beyond all": forged(b"[999999999999,0,[],[]]", ROW),
    "places that are not there": forged(b"[1,0,[[0,null,1,1,[[0,2]]]],[]]", ROW),
    "places before the first": forged(b"[1,0,[[0,null,1,1,[[-1,1]]]],[]]", ROW),
    "pages beyond all": forged(b"[1,0,[[0,null,1,1,[%b]]],[]]" % b",".join([b"[0,999999]"] * 5), ROW),
    "a piece beyond all": fingerprint(TIME_CARDS).encode() + zlib.compress(b"\xff" * 4 + b"[0,0,[],[]]"),
    "a bomb": forged(b"[" * 10**7),
    "a bomb of zeros": fingerprint(TIME_CARDS).encode() + zlib.compress(bytes(10**7)),
}


@pytest.mark.parametrize("wrong", FORGED.values(), ids=FORGED)
async def test_what_was_not_encoded_is_unreadable(wrong: bytes) -> None:
    with pytest.raises(Unreadable):
        await decode(TIME_CARDS, wrong)


async def test_the_forger_could_have_made_a_right_one() -> None:
    assert await decode(TIME_CARDS, forged(b"[1,0,[],[]]", ROW)) == Content(read(1), (), ())


async def test_a_body_that_is_cut_short_anywhere_is_unreadable() -> None:
    encoded = await encode(TIME_CARDS, sample(TIME_CARDS))
    for at in range(len(encoded)):
        with pytest.raises(Unreadable):
            await decode(TIME_CARDS, encoded[:at])


async def test_a_body_that_is_changed_anywhere_is_unreadable_or_says_the_same() -> None:
    content = sample(TIME_CARDS)
    encoded = await encode(TIME_CARDS, content)
    readable = 0
    for at in random.Random(7).sample(range(len(encoded)), 200):
        with suppress(Unreadable):
            # A few bits say nothing: deflate fills its last byte up.
            assert await decode(TIME_CARDS, encoded[:at] + bytes([encoded[at] ^ 0x10]) + encoded[at + 1 :]) == content
            readable += 1
    assert readable <= 1


async def test_what_would_be_larger_than_is_decoded_is_not_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = await encode(TIME_CARDS, Content(read(20), (), ()))
    monkeypatch.setattr(encoding, "LARGEST", 1000)
    for attempt in (decode(TIME_CARDS, encoded), encode(TIME_CARDS, Content(read(20), (), ()))):
        with pytest.raises(Unreadable, match="at most 1000 bytes"):
            await attempt


async def test_a_row_that_is_nested_too_deeply_is_not_encoded() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"in": deep}
    with pytest.raises(Unreadable, match="nested too deeply"):
        await encode(OBSERVATIONS, Content((ObservationRow(id="1", data=deep),), (), ()))


async def test_no_step_of_twelve_thousand_cards_holds_the_loop_for_long() -> None:
    rows = read(12_000)
    again = read(12_000)
    parts = tuple([Part(at, '"e"', again[at : at + 1000], 12_000, 1) for at in range(0, 12_000, 999)])
    content = Content(rows, parts, ())
    encoded, longest = await watched(encode(TIME_CARDS, content))
    assert longest < 0.02
    decoded, longest = await watched(decode(TIME_CARDS, encoded))
    assert longest < 0.02
    assert decoded == content


async def watched(work: Coroutine[Any, Any, T]) -> tuple[T, float]:
    """What came of some work, and the longest step of the loop meanwhile, in seconds of this thread's own time."""
    task, longest = asyncio.ensure_future(work), 0.0
    gc.disable()  # what other tests have left behind is not collected on this one's time
    try:
        while not task.done():
            began = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - began)
    finally:
        gc.enable()
    return task.result(), longest

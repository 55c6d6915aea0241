"""What a writer may hand in is taken to the letter or refused, never mended."""

import json
import unicodedata
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.errors import BadInput, NotFound
from loaders.inputs import EMAIL_LENGTH, account, budget, custom_fields, email, permissions, text, uuids

ID = "3f0c4a5e-91f5-4c42-8f6a-0d3e6c1b7a10"


def nested(levels: int) -> Any:
    return {"k": nested(levels - 1)} if levels > 1 else {}


@pytest.mark.parametrize("amount", ["0", "-0.00", "1.5", "12.34", "1E+3", "120E-2", "9999999999999999.99"])
def test_an_amount_of_two_decimals_is_kept(amount: str) -> None:
    assert budget("asrBudgetOverride", Decimal(amount)) == Decimal(amount)


@pytest.mark.parametrize(
    "amount",
    [
        *map(
            Decimal, ["1.234", "1.000", "1E-3", "NaN", "sNaN", "-Infinity", "1E+16", "-10000000000000000", "1E+999999"]
        ),
        1,
        1.5,
        "1.5",
        True,
    ],
)
def test_an_amount_that_would_be_rounded_or_overflow_is_refused(amount: object) -> None:
    with pytest.raises(BadInput, match=r"asrBudgetOverride: expected .*, got"):
        budget("asrBudgetOverride", amount)


WORDS = st.text(st.characters() | st.sampled_from("\x00\ud800\udfff\\u"), max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)


def storable(value: object) -> bool:
    return not any(
        unicodedata.category(letter) == "Cs" or letter == "\x00" for piece in pieces(value) for letter in piece
    )


def pieces(value: object) -> list[str]:
    """Every text in a value, keys too."""
    if isinstance(value, dict):
        return [*value, *(piece for inner in value.values() for piece in pieces(inner))]
    if isinstance(value, list):
        return [piece for inner in value for piece in pieces(inner)]
    return [value] if isinstance(value, str) else []


@given(st.dictionaries(WORDS, json_values, max_size=4))
def test_an_object_is_kept_exactly_or_refused_for_what_postgres_cannot_hold(value: dict[str, object]) -> None:
    if storable(value):
        assert json.dumps(json.loads(custom_fields("customFields", value))) == json.dumps(value)
    else:
        with pytest.raises(BadInput):
            custom_fields("customFields", value)


@pytest.mark.parametrize(
    "value",
    [
        [],
        "{}",
        1,
        {"k": float("nan")},
        {"k": [float("inf")]},
        {"k\x00": 1},
        {"k": ["\\\x00"]},
        {"k": {"\udfff": 1}},
        {"k": "\ud83d"},
        {"k": Decimal(1)},
        {"k": 10**4_300},
        nested(257),
    ],
)
def test_custom_fields_that_json_or_postgres_cannot_say_are_refused(value: object) -> None:
    with pytest.raises(BadInput, match=r"customFields: expected .*, got"):
        custom_fields("customFields", value)


def test_a_backslash_before_u0000_is_a_text_like_others() -> None:
    assert json.loads(custom_fields("customFields", {"\\u0000": "\\\\u0000"})) == {"\\u0000": "\\\\u0000"}


def test_custom_fields_are_bounded_in_bytes_not_in_characters() -> None:
    room = 65_536 - len('{"k":""}')
    assert len(custom_fields("customFields", {"k": "😀" * (room // 4)}).encode()) == 65_536
    with pytest.raises(BadInput, match="at most 65536 bytes as compact JSON, got 65537"):
        custom_fields("customFields", {"k": "x" * (room + 1)})
    with pytest.raises(BadInput, match="got 65540"):
        custom_fields("customFields", {"k": "😀" * (room // 4 + 1)})


@pytest.mark.parametrize("value", [{str(n): 0 for n in range(40_000)}, {"k": [0] * 500_000}, {"k": [[[]] * 40_000]}])
def test_custom_fields_of_too_many_entries_are_refused_before_they_are_written(
    value: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.inputs.json.dumps", None)
    with pytest.raises(BadInput, match="at most 65536 bytes as compact JSON, got more"):
        custom_fields("customFields", value)


def test_as_many_entries_as_65_536_bytes_hold_are_kept() -> None:
    entries = [0] * ((65_536 - len('{"k":[]}')) // 2)
    assert json.loads(custom_fields("customFields", {"k": entries})) == {"k": entries}


def test_custom_fields_may_be_nested_deeply_but_not_without_end() -> None:
    assert json.loads(custom_fields("customFields", nested(256))) == nested(256)


def test_no_custom_fields_are_an_empty_object() -> None:
    assert custom_fields("customFields", {}) == "{}"


@pytest.mark.parametrize("value", ["", " \n ", "é😀", "\x01\x7f\uffff", "\\u0000"])
def test_a_text_is_kept_to_the_letter(value: str) -> None:
    assert text("internalNotes", value) == value


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", "x\udfff", 1, ["a"], b"a"])
def test_a_text_that_postgres_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match="internalNotes: expected a text"):
        text("internalNotes", value)


def test_a_text_is_bounded_in_bytes_not_in_characters() -> None:
    for letter in ("x", "é", "😀"):
        largest = letter * (65_536 // len(letter.encode()))
        assert text("internalNotes", largest) == largest
        with pytest.raises(BadInput, match=r"internalNotes: expected at most 65536 bytes of UTF-8, got 65537"):
            text("internalNotes", largest + "x")
    with pytest.raises(BadInput, match="got 300000"):
        text("internalNotes", "\ud800" * 100_000)


def test_lists_have_so_many_entries_at_most() -> None:
    assert permissions("permissions", ["é" * 200] * 1_000) == ["é" * 200] * 1_000
    assert uuids("assignedProjectIds", [ID] * 10_000) == [ID] * 10_000
    with pytest.raises(BadInput, match="permissions: expected at most 1000 entries, got 1001"):
        permissions("permissions", ["a"] * 1_001)
    with pytest.raises(BadInput, match="permissions: expected texts of at most 200 characters, got one of 201"):
        permissions("permissions", ["a", "é" * 201])
    with pytest.raises(BadInput, match="assignedProjectIds: expected at most 10000 entries, got 10001"):
        uuids("assignedProjectIds", [ID] * 10_001)


def test_lists_keep_their_order_and_repeats() -> None:
    assert permissions("permissions", ["b", "a", "b", ""]) == ["b", "a", "b", ""]
    assert uuids("assignedProjectIds", (ID.upper(), ID, ID)) == [ID.upper(), ID, ID]


@pytest.mark.parametrize("value", [ID, {"a": 1}, [1], [None], [ID, "\x00"]])
def test_a_list_of_something_else_is_refused(value: object) -> None:
    with pytest.raises(BadInput):
        permissions("permissions", value)


@pytest.mark.parametrize(
    "id_", ["", "Lakeside", ID[:-1], ID + "0", ID.replace("-", ""), f"{{{ID}}}", f"{ID}\n", ID.replace("3", "٣")]
)
def test_an_assigned_id_that_is_not_shaped_like_a_uuid_is_refused(id_: str) -> None:
    with pytest.raises(BadInput, match="assignedProjectIds: expected ids of the shape of a UUID, got"):
        uuids("assignedProjectIds", [ID, id_])
    with pytest.raises(NotFound):
        account("internalUserId", id_)


LONG = "a" * (EMAIL_LENGTH - len("@asr.example"))


@pytest.mark.parametrize(
    "value", ["a@b", "Ann.Lee+1@asr.example", "o'neil@asr.example", "ä@bücher.example", f"{LONG}@asr.example"]
)
def test_an_address_is_kept_as_it_is_written(value: str) -> None:
    assert email("email", value) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ann",
        "@",
        "@asr.example",
        "ann@",
        "ann@asr@example",
        "ann lee@asr.example",
        " ann@asr.example",
        "ann@asr.example\n",
        "ann\t@asr.example",
        "ann\u00a0@asr.example",
        "ann\u200b@asr.example",
        "ann\x00@asr.example",
        "\ud800@asr.example",
        f"a{LONG}@asr.example",
    ],
    ids=ascii,
)
def test_what_is_no_address_is_refused_and_told_what_one_is(value: str) -> None:
    with pytest.raises(BadInput, match=r"^email: expected an address like .*; got '[ -~]*'$"):
        email("email", value)

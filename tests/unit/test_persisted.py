"""What a name stands for: the texts that clients have sent are kept, and are bounded."""

import hashlib

import pytest

from app import persisted
from app.persisted import AutomaticTexts, Unknown
from app.requests import Asked, WrongRequest


def asked(query: str | None, name: str | None = None) -> Asked:
    return Asked(query, None, None, name)


def named(query: str) -> Asked:
    return asked(query, digest(query))


def digest(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()


def test_a_text_is_there_once_it_is_kept_and_not_before() -> None:
    texts = AutomaticTexts()
    assert texts.text(named("{ é }")) == "{ é }"
    with pytest.raises(Unknown):
        texts.text(asked(None, digest("{ é }")))
    texts.keep(named("{ é }"))
    assert texts.text(asked(None, digest("{ é }"))) == "{ é }"


def test_a_text_that_came_without_a_hash_is_not_kept() -> None:
    texts = AutomaticTexts()
    texts.keep(asked("{ x }"))
    texts.keep(asked(None, digest("{ x }")))
    assert texts._size == len(texts._kept) == 0


@pytest.mark.parametrize("name", ["", "x", digest("{ y }"), digest("{ x }").upper(), digest("{ x }")[:-1]])
def test_a_hash_is_its_texts_own(name: str) -> None:
    with pytest.raises(WrongRequest) as wrong:
        AutomaticTexts().text(asked("{ x }", name))
    assert wrong.value.status == 400


def test_what_is_kept_is_bounded_in_bytes_the_least_recently_used_going_first() -> None:
    texts = AutomaticTexts()
    first, used = named("{ x }"), named("{ y }")
    for one in (first, used, used):
        texts.keep(one)
    eighth = persisted.KEPT // 8
    for number in range(8):
        assert texts.text(asked(None, used.hash)) == "{ y }"
        texts.keep(named(f"# {number}".ljust(eighth // 2, "é")))
    with pytest.raises(Unknown):
        texts.text(asked(None, first.hash))
    kept = sum(len(text.encode()) + len(name) for name, text in texts._kept.items())
    assert kept == texts._size <= persisted.KEPT


def test_a_text_larger_than_all_that_is_kept_is_run_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persisted, "KEPT", 66)
    texts = AutomaticTexts()
    texts.keep(named("{ xyz }"))
    assert texts._size == len(texts._kept) == 0

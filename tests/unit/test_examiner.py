"""The second opinion of `make day` and `make soak`: what it lets pass, and what it does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.company import histories
from benchmarks.examiner import Examiner
from benchmarks.kinds import EQUIPMENT
from benchmarks.record import ALWAYS, Between, History

NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def just(minute: float) -> Between:
    return Between(at(minute), at(minute))


@pytest.fixture
def record() -> dict[str, History]:
    """A drill that became a saw at ten past, beside a crane that was always there."""
    record = histories()
    record["equipment"].put({"uuid": "a", "name": "Drill"}, Between(ALWAYS, ALWAYS))
    record["equipment"].put({"uuid": "b", "name": "Crane"}, Between(ALWAYS, ALWAYS))
    record["equipment"].put({"uuid": "a", "name": "Saw"}, just(10))
    return record


def node(id_: str, name: str, fetched: float) -> dict[str, Any]:
    return {"id": id_, "name": name, "equipmentId": None, "freshness": {"fetchedAt": at(fetched).isoformat()}}


def wrong(record: dict[str, History], nodes: list[dict[str, Any]], now: float, count: int | None = None) -> list[str]:
    see = Examiner(record, at(now), at(now), {})
    see.page(EQUIPMENT, {"nodes": nodes, "totalCount": len(nodes) if count is None else count})
    return see.wrong


@pytest.mark.parametrize(
    ("name", "fetched", "now"), [("Drill", 9, 20), ("Saw", 9, 20), ("Saw", 11, 20), ("Drill", 0, 9)]
)
def test_what_raken_had_since_it_was_fetched_is_true(
    record: dict[str, History], name: str, fetched: float, now: float
) -> None:
    assert wrong(record, [node("b", "Crane", fetched), node("a", name, fetched)], now) == []


@pytest.mark.parametrize(("name", "fetched", "now"), [("Drill", 11, 20), ("Saw", 0, 9), ("Hammer", 0, 20)])
def test_what_raken_did_not_have_then_is_found_out(
    record: dict[str, History], name: str, fetched: float, now: float
) -> None:
    assert wrong(record, [node("b", "Crane", fetched), node("a", name, fetched)], now)


def test_a_row_that_was_there_all_the_while_is_missed(record: dict[str, History]) -> None:
    assert wrong(record, [node("b", "Crane", 0)], 20)


def test_a_row_that_is_new_since_is_not_missed_and_one_that_is_gone_since_may_still_be_there(
    record: dict[str, History],
) -> None:
    record["equipment"].put({"uuid": "c", "name": "Ladder"}, just(15))
    record["equipment"].end("b", just(16))
    assert wrong(record, [node("b", "Crane", 12), node("a", "Saw", 12)], 20) == []
    assert wrong(record, [node("b", "Crane", 17), node("a", "Saw", 17)], 20)


def test_a_change_whose_moment_is_not_known_lets_both_pass(record: dict[str, History]) -> None:
    record["equipment"].put({"uuid": "a", "name": "Axe"}, Between(at(12), at(18)))
    for name in ("Saw", "Axe"):
        assert wrong(record, [node("b", "Crane", 14), node("a", name, 14)], 15) == []
    assert wrong(record, [node("b", "Crane", 19), node("a", "Saw", 19)], 20)


def test_two_versions_in_one_answer_a_repetition_and_a_false_count_are_found_out(record: dict[str, History]) -> None:
    assert wrong(record, [node("b", "Crane", 0), node("a", "Saw", 1)], 20)
    assert wrong(record, [node("b", "Crane", 0), node("a", "Saw", 0), node("a", "Saw", 0)], 20)
    assert wrong(record, [node("b", "Crane", 0), node("a", "Saw", 0)], 20, count=3)
    assert wrong(record, [node("b", "Crane", 0), node("a", "Saw", 0)], 20, count=1)


def test_what_is_fetched_after_its_answer_is_found_out(record: dict[str, History]) -> None:
    assert wrong(record, [node("b", "Crane", 21), node("a", "Saw", 21)], 20)

"""The limits at the door: each an operator's to set, each told with its figure; and an operation's cost, on request."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import get_introspection_query

from sandbox.running import Address
from tests.integration.door import Door, opened, signed

SMALL: dict[str, Any] = {
    "MAX_BODY_BYTES": "400",
    "MAX_TOKENS": "40",
    "MAX_DEPTH": "4",
    "MAX_ALIASES": "2",
    "MAX_DIRECTIVES": "2",
    "MAX_FIELDS": "6",
    "MAX_COST": "100",
}
PAST = {
    "{ me { id } } " + "#\n" * 40: "expected 40 tokens at most",
    "{ projects { nodes { address { city { x } } } } }": "expected a depth of 4 at most, got 5",
    "{ a: me { b: id c: email } }": "expected 2 aliases at most, got 3",
    "{ me { id @a @a @a } }": "expected 2 directives at most, got 3",
    "{ me { id id id id id id } }": "expected 6 fields at most, got 7",
    "{ projects(first: 50) { nodes { id } } }": "expected a cost of 100 at most, got 101",
}
PAGE = "query ($n: Int) { projects(first: $n) { nodes { id } } }"


@pytest.fixture
async def narrow(sandbox: Address, home: str) -> AsyncIterator[Door]:
    """Yields a door whose limits are small."""
    async with opened(sandbox, home, **SMALL) as door:
        yield door


async def test_each_limit_is_an_operators_to_set_and_is_told_with_its_figure(narrow: Door) -> None:
    for query, words in PAST.items():
        answer = await narrow.ask(query)
        assert answer.codes == {"": "QUERY_TOO_COMPLEX"}
        assert answer.errors[0]["message"].startswith(words)
        assert answer.status == 400
    assert (await narrow.ask("{ projects(first: 49) { nodes { id } } }")).errors == []
    answer = await narrow.ask("{ me { id } }", {"v": "a" * 400})
    assert answer.status == 413
    assert "400 bytes" in answer.errors[0]["message"]


async def test_a_page_whose_size_is_a_variable_is_refused_by_its_value(narrow: Door) -> None:
    assert (await narrow.ask(PAGE, {"n": 49})).errors == []
    assert (await narrow.ask(PAGE, {"n": 51})).errors[0]["message"] == "expected a cost of 100 at most, got 103"
    assert (await narrow.ask(PAGE)).errors[0]["message"] == "expected a cost of 100 at most, got 201"


@pytest.mark.parametrize("size", [-1, 1_001, 10**9, "7"])
async def test_a_page_whose_size_is_out_of_range_is_bad_input_whatever_it_would_cost(
    narrow: Door, size: object
) -> None:
    assert set((await narrow.ask(PAGE, {"n": size})).codes.values()) == {"BAD_USER_INPUT"}


async def test_a_mutation_is_refused_by_its_cost_before_it_changes_anything(
    narrow: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.graphql.execute", None)
    mutation = '{ refreshProject(id: "a") { team { projects { id } } } }'
    assert (await narrow.ask(f"mutation {mutation}")).codes == {"": "QUERY_TOO_COMPLEX"}


async def test_an_operations_cost_is_told_to_whoever_asks_for_it(door: Door) -> None:
    body = {"query": "{ projects(first: 3) { nodes { id } } }"}
    answer = await door.post(body, {**signed(), "graphql-cost": "report"})
    assert answer.json["extensions"]["cost"] == {"value": 7, "limit": 10_000_000}
    for headers in ({}, {"graphql-cost": "no"}):
        assert "extensions" not in (await door.post(body, {**signed(), **headers})).json
    got = await door.get(body["query"], {**signed(), "graphql-cost": "REPORT"})
    assert got.json["extensions"]["cost"]["value"] == 7


async def test_the_log_has_an_operations_cost(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    await door.ask("{ projects(first: 3) { nodes { id } } }")
    assert "cost=7" in str(capsys.readouterr())


async def test_the_introspection_is_for_the_signed_in_and_within_the_limits(door: Door) -> None:
    query = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
    assert (await door.ask(query, role="VIEWER")).errors == []
    assert (await door.post({"query": query})).status == 401

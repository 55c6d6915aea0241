"""Attacks that auditors have names for, graphql-cop and GraphQL Armor above all: each ends in little CPU time.

What is refused is refused before it runs, with the figure and the limit; nothing of it reaches Raken.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.documents import Documents, Refused
from resolvers.graph import GRAPH
from resolvers.queries import among
from tests.integration.door import Door, signed

CPU_SECONDS = 1.5
"What an attack may take of a slow core: a document of so many tokens takes a tenth of a second to parse alone."

INSIDE = "id name number status startDate endDate createdAt updatedAt customFields extensionUpdatedAt"
OBJECTS = "freshness { state } address { city } hours { total }"


def fragments(number: int, body: Callable[[int], str], of: str = "Query") -> str:
    """Fragments F0, F1, … of a type."""
    return "".join(f"fragment F{n} on {of} {{ {body(n)} }} " for n in range(number))


DOCUMENTS = {
    "alias overloading": ("{" + " ".join(f"a{n}: __typename" for n in range(3_000)) + "}", "50 aliases"),
    "alias overloading in a fragment": (
        "fragment F on Query { a: __typename } {" + " ...F" * 3_000 + "}",
        "50 aliases",
    ),
    "directive overloading": ("{ __typename" + " @aa" * 4_900 + "}", "50 directives"),
    "directive overloading with known ones": ("{ me { id" + " @include(if: true)" * 1_400 + "} }", "50 directives"),
    "field duplication": ("{" + " __typename" * 9_990 + "}", "2000 fields"),
    "field duplication with selections": ("{" + " me { id email }" * 1_900 + "}", "2000 fields"),
    "field duplication just under the limit": ("{" + " me { id }" * 990 + "}", "fewer fields of the same name"),
    "overlapping inline fragments": (
        "{ projects { nodes {" + f" ... on Project {{ {INSIDE} }}" * 190 + "} } }",
        "fewer fields of the same name",
    ),
    "overlapping inline fragments of 100 fields": (
        "{ projects { nodes {" + f" ... on Project {{ {f'{INSIDE} ' * 10} }}" * 80 + "} } }",
        "2000 fields",
    ),
    "overlapping fragments": (
        fragments(300, lambda _: OBJECTS, "Project")
        + "{ projects { nodes {"
        + " ".join(f"...F{n}" for n in range(300))
        + "} } }",
        "fewer fields of the same name",
    ),
    "fragments that double": (
        fragments(60, lambda n: f"me {{ id }} ...F{n + 1} ...F{n + 1}")
        + "fragment F60 on Query { me { id } } { ...F0 }",
        "2000 fields",
    ),
    "fragments that spread all later ones": (
        fragments(60, lambda n: "me { id } " + " ".join(f"...F{m}" for m in range(n + 1, 60))) + "{ ...F0 }",
        "2000 fields",
    ),
    "deep recursion": ("{ projects { nodes {" + "team { projects {" * 8 + "id" + "} }" * 8 + "} } }", "a depth of 15"),
    "deep recursion past the stack": ("{me" * 3_000 + "}" * 3_000, "10000 tokens"),
    "deep recursion by fragments": (
        fragments(9, lambda n: f"team {{ projects {{ ...F{n + 1} }} }}", "Project")
        + "fragment F9 on Project { id } { projects { nodes { ...F0 } } }",
        "a depth of 15",
    ),
    "comments": ("#\n" * 500_000 + "{ me { id } }", "10000 tokens"),
    "tokens": ("{" + " __typename" * 60_000 + "}", "10000 tokens"),
}

COSTS = {
    "circular queries": "{ projects { nodes {" + "team { projects {" * 6 + "id" + "} }" * 6 + "} } }",
    "circular queries by fragments": fragments(4, lambda n: f"team {{ projects {{ ...F{n + 1} }} }}", "Project")
    + "fragment F4 on Project { id } { projects { nodes { ...F0 } } }",
    "circular queries with first": "{ projects(first: 1000) { nodes { timeCards(first: 1000) { nodes { worker { "
    "timeCards(first: 1000) { nodes { id } } } } } } } }",
    "nested lists by variables": "query ($v: Int = 1000) { projects(first: $v) { nodes { team { "
    "timeCards(first: $v) { edges { node { id } } } } } } }",
    "aliases of windows": "{ projects(first: 1000) { nodes { team { "
    + " ".join(f'a{n}: hours(from: "2026-01-{n + 1:02}") {{ total }}' for n in range(28))
    + "} } } }",
}

INVALID = {
    "circular introspection": "{ __schema { types {" + "fields { type {" * 5 + "name" + "} }" * 5 + "} } }",
    "circular fragments": "fragment A on Query { ...B } fragment B on Query { ...A } { ...A }",
    "a circular fragment": "fragment A on Query { me { id } ...A } { ...A }",
}


@contextmanager
def cheaply() -> Iterator[None]:
    """Asserts that what happens inside takes little: of this thread, without others' garbage, and not watched."""
    gc.collect()
    watching = sys.gettrace()
    sys.settrace(None)
    began = time.thread_time()
    try:
        yield
    finally:
        took = time.thread_time() - began
        sys.settrace(watching)
    assert took < CPU_SECONDS


def message(query: str) -> tuple[str, str]:
    """The code and the words of a refusal, which takes little."""
    with cheaply(), pytest.raises(Refused) as refused:
        Documents(GRAPH).read(query)
    return refused.value.code, refused.value.errors[0].message


@pytest.mark.parametrize(("query", "limit"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_past_a_limit_is_refused_in_little_cpu_time(query: str, limit: str) -> None:
    code, words = message(query)
    assert code == "QUERY_TOO_COMPLEX"
    assert words.startswith(f"expected {limit}"), words


@pytest.mark.parametrize("query", INVALID.values(), ids=INVALID)
def test_circles_that_are_not_valid_are_refused_in_little_cpu_time(query: str) -> None:
    assert message(query)[0] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("query", COSTS.values(), ids=COSTS)
async def test_what_multiplies_is_refused_by_its_cost_before_it_runs(
    door: Door, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.graphql.execute", None)
    with cheaply():
        answer = await door.ask(query)
    (error,) = answer.errors
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX"}
    assert error["message"].startswith("expected a cost of 10000000 at most, got ")
    assert int(error["message"].rpartition(" ")[2]) > 10_000_000
    assert answer.status == 400
    assert "data" not in answer.json


@pytest.mark.parametrize(
    ("type_", "field", "value"),
    [
        ("[ProjectStatus!]", "projects(filter: {statuses: $v}) { totalCount }", ["ACTIVE"] * 90_000),
        ("[String!]", "teamMembers(filter: {rakenRoles: $v}) { totalCount }", ["a"] * 200_000),
        ("JSON", 'updateProjectExtension(input: {projectId: "a", customFields: $v}) { id }', {"a": [0] * 300_000}),
    ],
    ids=["statuses", "roles", "custom fields"],
)
async def test_a_long_list_that_many_fields_are_given_is_refused_by_its_cost(
    door: Door, type_: str, field: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.graphql.execute", None)
    fields = " ".join(f"a{n}: {field}" for n in range(49))
    kind = "mutation" if field.startswith("update") else "query"
    with cheaply():
        answer = await door.ask(f"{kind} ($v: {type_}) {{ {fields} }}", {"v": value})
    assert answer.codes == {"": "QUERY_TOO_COMPLEX"}


async def test_a_search_as_large_as_a_request_is_folded_once_a_field(door: Door) -> None:
    fields = " ".join(f"a{n}: teamMembers(filter: {{search: $word}}) {{ totalCount }}" for n in range(49))
    with cheaply():
        answer = await door.ask(f"query ($word: String) {{ {fields} }}", {"word": "a" * 1_000_000})
    assert [one["totalCount"] for one in answer.data.values()] == [0] * 49


def test_a_list_is_looked_through_once_however_many_rows_there_are() -> None:
    chosen = among(iter(["a", "b"]))
    assert [chosen(value) for value in ("a", "b", "a", "c", None)] == [True, True, True, False, False]


async def test_array_based_batching_is_refused(door: Door) -> None:
    answer = await door.post([{"query": "{ me { id } }"}] * 100, signed())
    assert answer.status == 400
    assert "not batched" in answer.errors[0]["message"]


async def test_a_stranger_is_told_nothing_by_introspection_or_field_suggestions(door: Door) -> None:
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Project") { name } }', "{ projcts { id } }"):
        answer = await door.post({"query": query})
        assert answer.status == 401
        assert b"Project" not in answer.body
        assert b"Did you mean" not in answer.body
    spread = "{ ...F } fragment F on Query { __schema { queryType { name } } }"
    assert (await door.post({"query": spread})).status == 401

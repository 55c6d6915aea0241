"""What scanners of GraphQL servers look for at the level of HTTP: nothing of it is found."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.door import Door, signed

FORM = "application/x-www-form-urlencoded"
CHANGE = "mutation { refresh(entities: []) { entity } }"


async def test_a_mutation_does_not_go_by_get(door: Door) -> None:
    for given in (CHANGE, "mutation cop { __typename }"):
        assert (await door.get(given, signed())).status == 405


@pytest.mark.parametrize("query", ["{ __typename }", "mutation cop { __typename }"])
async def test_no_form_of_another_site_is_a_request(door: Door, query: str) -> None:
    written = urlencode({"query": query}).encode()
    for type_ in (FORM, f"{FORM}; charset=utf-8", "text/plain", "multipart/form-data; boundary=cop"):
        answer = await door.post(written, {**signed(), "content-type": type_})
        assert (answer.status, "data" in answer.json) == (415, False)


async def test_operations_do_not_come_in_batches(door: Door) -> None:
    for size in (1, 10, 10_000):
        answer = await door.post([{"query": "query cop { __typename }"}] * size, signed())
        assert (answer.status, "data" in answer.json) == (400, False)


@pytest.mark.parametrize("header", ["x-apollo-tracing", "apollo-tracing", "x-graphql-trace", "apollo-query-plan-debug"])
async def test_nobody_is_told_how_long_which_field_took(door: Door, header: str) -> None:
    answer = await door.post({"query": "query cop { __typename }", "extensions": {"tracing": True}}, {header: "1"})
    assert answer.json == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "body",
    [
        {"query": "qwerty cop { abc }"},
        {"query": "query cop { __typename @cop }"},
        {"query": "query ($cop: Cop) { __typename }", "variables": {"cop": [None]}},
        {"query": {}},
        [],
        b"\x00",
    ],
)
async def test_an_error_says_nothing_of_the_code_that_found_it(door: Door, body: Any) -> None:
    for headers in (signed(), {}):
        answer = await door.post(body, headers)
        told = json.dumps(answer.json).lower()
        assert answer.status in (200, 400, 401)
        assert [word for word in ("exception", "traceback", "stack", ".py", "graphql-core") if word in told] == []
        assert all(set(error["extensions"]) == {"code"} for error in answer.errors)


@pytest.mark.parametrize("query", ["{ __typename projcts { totalCount } }", "mutation { logn(email: 1) { tokn } }"])
async def test_a_stranger_is_not_told_what_may_have_been_meant(door: Door, query: str) -> None:
    for given in (query, "{ __typename @skp(if: true) }", 'mutation { login(emal: "a", password: "b") { tokn } }'):
        answer = await door.post({"query": given})
        assert b"Did you mean" not in answer.body
        assert {"GRAPHQL_VALIDATION_FAILED", "UNAUTHENTICATED"} >= set(answer.codes.values())

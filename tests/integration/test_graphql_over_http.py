"""GraphQL over HTTP: methods, media types, statuses, and what is wrong with a request said as HTTP says it."""

import gzip
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from structlog.testing import capture_logs

from tests.integration.door import JSON, RESPONSE, Answer, Door, token

SIGNED = {"authorization": f"Bearer {token()}"}
ME = "query Me { me { id } }"
MINE = {"me": {"id": "somebody"}}
WRONG = {
    "{ me { id }": "GRAPHQL_PARSE_FAILED",
    "": "GRAPHQL_PARSE_FAILED",
    "{ me { nothing } }": "GRAPHQL_VALIDATION_FAILED",
    "query ($first: Int!) { projects(first: $first) { totalCount } }": "BAD_USER_INPUT",
    "query A { me { id } } query B { me { id } }": "BAD_USER_INPUT",
    "query ($if: Boolean = true) { me @include(if: $if) { id } }": "BAD_USER_INPUT",
}


async def post(door: Door, body: Any, **headers: str) -> Answer:
    return await door.post(body, {**SIGNED, **{name.replace("_", "-"): value for name, value in headers.items()}})


async def test_a_query_may_come_by_get_and_by_post(door: Door) -> None:
    query = "query Me($yes: Boolean!) { me { id @include(if: $yes) } } query Other { __typename }"
    asked = {"query": query, "operationName": "Me", "variables": {"yes": True}, "extensions": {"x": 1}}
    by_get = await door.get(query, SIGNED, operationName="Me", variables='{"yes": true}', extensions="{}")
    for answer in (await post(door, asked), by_get):
        assert (answer.status, answer.data) == (200, MINE)


async def test_what_is_null_counts_as_left_out(door: Door) -> None:
    asked = {"query": ME, "operationName": None, "variables": None, "extensions": None, "more": 1}
    assert (await post(door, asked)).data == MINE
    assert (await post(door, {"query": ME, "operationName": ""})).data == MINE


async def test_a_mutation_by_get_is_405_and_does_nothing(door: Door) -> None:
    answer = await door.get("mutation { refresh(entities: []) { ok } }", SIGNED)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    both = await door.get("query Q { me { id } } mutation M { refresh { ok } }", SIGNED, operationName="Q")
    assert both.data == MINE


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        ("application/json; charset=utf-8", JSON),
        (RESPONSE, RESPONSE),
        ("Application/GraphQL-Response+JSON; charset=utf-8", RESPONSE),
        (f"{RESPONSE}, {JSON}; q=0.9", RESPONSE),
        (f"{JSON};q=0.5, {RESPONSE};q=0.9", RESPONSE),
        (f"{RESPONSE};q=0, {JSON}", JSON),
        (f"text/html;q=0.1, {JSON}", JSON),
        (f"{JSON}, text/html", JSON),
        ("text/xml, */*;q=0.1", JSON),
        (f"*/*, {JSON};q=0", RESPONSE),
        (f"application/*;q=0.9, {JSON};q=0.1", RESPONSE),
        (f"{RESPONSE};q=0.1, */*", JSON),
        (f"{JSON};q=0.4, application/*;q=0.5, */*;q=0.9", RESPONSE),
    ],
)
async def test_the_client_chooses_the_media_type(door: Door, accept: str | None, type_: str) -> None:
    headers = {**SIGNED, **({} if accept is None else {"accept": accept})}
    for answer in (await door.post({"query": ME}, headers), await door.get(ME, headers)):
        assert (answer.status, answer.data) == (200, MINE)
        assert answer.headers["content-type"] == f"{type_}; charset=utf-8"


@pytest.mark.parametrize(
    "accept",
    ["text/xml", "image/*", f"{JSON};q=0", "application/jsonp", "nonsense", f"*/*, {JSON};q=0, {RESPONSE};q=0"],
)
async def test_a_client_that_takes_neither_media_type_is_told_406(door: Door, accept: str) -> None:
    answer = await post(door, {"query": ME}, accept=accept)
    assert (answer.status, answer.media_type) == (406, JSON)
    assert answer.codes == {"": "BAD_USER_INPUT"}


@pytest.mark.parametrize(("query", "code"), WRONG.items())
async def test_a_request_that_cannot_be_run_is_400_in_the_new_media_type_and_200_in_the_old(
    door: Door, query: str, code: str
) -> None:
    for accept, status in ((RESPONSE, 400), (JSON, 200)):
        answer = await post(door, {"query": query, "variables": {"if": None}}, accept=accept)
        assert (answer.status, answer.media_type) == (status, accept)
        assert "data" not in answer.json
        assert {error["extensions"]["code"] for error in answer.errors} == {code}


async def test_an_answer_with_a_failed_field_is_200_in_both(door: Door) -> None:
    for accept in (RESPONSE, JSON):
        answer = await door.ask("{ me { id } projects(first: -1) { totalCount } }", accept=accept)
        assert (answer.status, answer.json["data"]) == (200, {**MINE, "projects": None})
        assert answer.codes == {"projects": "BAD_USER_INPUT"}


async def test_an_operation_that_is_not_there_is_named(door: Door) -> None:
    answer = await post(door, {"query": ME, "operationName": "Them"}, accept=RESPONSE)
    assert answer.status == 400
    assert "Unknown operation named 'Them'." in answer.errors[0]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "expected JSON in the body"),
        (b"{", "expected JSON in the body"),
        (b"\xff\xfe", "expected JSON in the body"),
        (b'{"query": "{ me { id } }", "variables": {"a": "\\ud800"}}', "expected JSON in the body"),
        (b"[" * 100_000, "expected JSON in the body"),
        (b'{"query": "{ me { id } }\xff"}', "expected JSON in the body"),
        (b'\xef\xbb\xbf{"query": "{ me { id } }"}', "expected JSON in the body"),
        (b'{"query": "{ me { id } }", "query": "{ me { id } }"}', "whose objects have each name once"),
        (b'{"query": "{ me { id } }", "qu\\u0065ry": "{ __typename }"}', "whose objects have each name once"),
        (b'{"query": "{ me { id } }", "variables": {"a": [{"b": 1, "b": 2}]}}', "whose objects have each name once"),
        (b"null", "expected one JSON object, got NoneType"),
        (b'"{ me { id } }"', "expected one JSON object, got str"),
        (b'[{"query": "{ me { id } }"}]', "operations are not batched"),
        (b"{}", "expected the parameter query"),
        (b'{"query": null}', "expected the parameter query"),
        (b'{"query": 1}', "expected query to be a text, got int"),
        (b'{"query": "{ me { id } }", "variables": []}', "expected variables to be an object, got list"),
        (b'{"query": "{ me { id } }", "variables": "{}"}', "expected variables to be an object, got str"),
        (b'{"query": "{ me { id } }", "operationName": 1}', "expected operationName to be a text, got int"),
        (b'{"query": "{ me { id } }", "extensions": 1}', "expected extensions to be an object, got int"),
    ],
)
async def test_a_body_that_is_no_request_is_400_in_both_media_types(door: Door, body: bytes, words: str) -> None:
    for accept in (JSON, RESPONSE):
        answer = await post(door, body, accept=accept)
        assert (answer.status, answer.media_type) == (400, accept)
        assert words in answer.errors[0]["message"]
        assert answer.codes == {"": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    "given",
    ["", "query=", "variables=%5B%5D", "variables=nonsense", "extensions=1", "query={me{id}}", "id=a&id=a"],
)
async def test_a_query_string_that_is_no_request_is_400(door: Door, given: str) -> None:
    query = "" if given in ("", "query=") else urlencode({"query": ME}) + "&"
    answer = await door.call("GET", f"/graphql?{query}{given}", headers={**SIGNED, "accept": RESPONSE})
    assert answer.status == 400


@pytest.mark.parametrize(
    "type_",
    [
        "text/plain",
        "application/graphql",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/json; charset=iso-8859-1",
        'application/json; charset="utf-16"',
        "",
    ],
)
async def test_a_body_of_another_media_type_is_415(door: Door, type_: str) -> None:
    assert (await post(door, {"query": ME}, content_type=type_)).status == 415


@pytest.mark.parametrize(
    "type_", ["application/json", "Application/JSON; charset=utf-8", 'application/json;charset="UTF-8"']
)
async def test_a_body_of_json_is_taken(door: Door, type_: str) -> None:
    assert (await post(door, {"query": ME}, content_type=type_)).data == MINE


async def test_a_body_may_have_one_mebibyte_and_not_a_byte_more(door: Door) -> None:
    body = json.dumps({"query": ME}).encode()
    assert (await post(door, body.ljust(1024 * 1024))).status == 200
    assert (await post(door, body.ljust(1024 * 1024 + 1))).status == 413


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
async def test_a_compressed_body_is_415_and_is_not_opened(door: Door, coding: str) -> None:
    answer = await post(door, gzip.compress(json.dumps({"query": ME}).encode()), content_encoding=coding)
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "identity")
    assert (await post(door, {"query": ME}, content_encoding="identity")).data == MINE


@pytest.mark.parametrize("length", [str(10 * 1024 * 1024), str(1024 * 1024 + 1), "9" * 5_000])
async def test_a_body_that_is_announced_as_too_large_is_not_read(door: Door, length: str) -> None:
    # Whoever reads finds that the caller has hung up, which is 400.
    answer = await door.call("POST", "/graphql", None, {**SIGNED, "content-type": JSON, "content-length": length})
    assert answer.status == 413
    assert answer.codes == {"": "BAD_USER_INPUT"}


async def test_other_methods_are_405(door: Door) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await door.call(method, "/graphql", b"{}", SIGNED)
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_head_is_answered_as_get(door: Door) -> None:
    answer = await door.call("HEAD", f"/graphql?{urlencode({'query': ME})}", headers=SIGNED)
    assert (answer.status, answer.media_type) == (200, JSON)


async def test_a_websocket_is_told_426(door: Door) -> None:
    headers = {"connection": "Upgrade", "upgrade": "WebSocket", "sec-websocket-protocol": "graphql-transport-ws"}
    answer = await door.call("GET", "/graphql", headers=headers)
    assert (answer.status, answer.headers["upgrade"]) == (426, "graphql-transport-ws")


async def test_an_answer_by_get_that_has_not_changed_is_304(door: Door) -> None:
    query = "{ projects { nodes { name } } }"
    first = await door.get(query, SIGNED)
    tag = first.headers["etag"]
    for given in (tag, f'"another", {tag}', tag.removeprefix("W/"), "*"):
        again = await door.get(query, {**SIGNED, "if-none-match": given})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
    other = await door.get("{ projects { nodes { id } } }", {**SIGNED, "if-none-match": tag})
    assert other.status == 200
    for given in (tag.replace('"', ""), f'"x{tag[3:]}', '"*"', ""):
        assert (await door.get(query, {**SIGNED, "if-none-match": given})).status == 200
    assert "etag" not in (await post(door, {"query": query})).headers


async def test_the_tag_of_ones_answer_is_not_that_of_anothers(door: Door) -> None:
    mine = await door.get(ME, SIGNED)
    headers = {"authorization": f"Bearer {token(sub='another')}", "if-none-match": mine.headers["etag"]}
    assert (await door.get(ME, headers)).data == {"me": {"id": "another"}}


async def test_no_shared_cache_keeps_an_answer(door: Door) -> None:
    long = await door.get("{ __schema { types { name description } } }", SIGNED | {"accept-encoding": "gzip"})
    assert long.headers["content-encoding"] == "gzip"
    for answer in (await door.get(ME, SIGNED), await post(door, {"query": ME}), await door.get(ME), long):
        assert answer.headers["cache-control"] == "private, no-cache"
        vary = sorted(name.strip().lower() for name in ",".join(answer.headers.getlist("vary")).split(","))
        assert vary == ["accept", "accept-encoding", "authorization", "cookie"]


async def test_a_long_answer_is_compressed_for_who_takes_that(door: Door) -> None:
    query = "{ teamMembers { nodes { id fullName email phoneNumber title createdAt updatedAt freshness { state } } } }"
    plain = await door.get(query, SIGNED)
    packed = await door.get(query, {**SIGNED, "accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["etag"] == plain.headers["etag"]


async def test_every_response_has_an_id_of_its_own_and_is_what_it_says(door: Door) -> None:
    answers = [await door.get(ME, SIGNED), await door.get(ME), await door.call("GET", "/nothing")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}


async def test_the_error_of_a_variable_says_which_and_what_was_expected(door: Door) -> None:
    query = "query ($from: Date!, $to: Date!) { timeCards(from: $from, to: $to) { totalCount } }"
    answer = await post(
        door, {"query": query, "variables": {"from": "2026-02-30", "to": "2026-03-01"}}, accept=RESPONSE
    )
    assert answer.status == 400
    assert answer.codes == {"": "BAD_USER_INPUT"}
    assert "$from" in answer.errors[0]["message"]


async def test_the_log_says_the_role_of_whom_was_refused_too(door: Door) -> None:
    for query, code in (("{ nothing }", "GRAPHQL_VALIDATION_FAILED"), ("{", "GRAPHQL_PARSE_FAILED")):
        with capture_logs() as lines:
            await door.ask(query, role="VIEWER")
        (line,) = [line for line in lines if line["event"] == "graphql"]
        assert (line["role"], line["errors"]) == ("VIEWER", [code])

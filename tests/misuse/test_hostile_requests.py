"""Requests that mean harm: each is refused in time, as what it is, and the next one is answered as ever."""

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from app import accounts
from resolvers.context import Context
from tests.integration.door import Answer, Door, signed, token

SECONDS = 4
"What a refusal may take of a slow core; without its limit each of these takes far longer, or never ends."


async def refused(door: Door, body: Any, status: int = 400) -> Answer:
    """The answer to a request that is refused in time; the gateway is well after it."""
    began = time.thread_time()
    answer = await door.post(body, signed())
    assert time.thread_time() - began < SECONDS
    assert answer.status == status, answer.body[:500]
    assert answer.errors
    assert len(answer.body) < 100_000
    assert "INTERNAL_SERVER_ERROR" not in answer.codes.values()
    assert (await door.ask("{ me { id } }")).data == {"me": {"id": "somebody"}}
    return answer


BOMBS = {
    "comments": "#\n" * 300_000 + "{ me { id } }",
    "tokens": "{" + "a " * 500_000 + "}",
    "one long name": "{" + "a" * 1_000_000 + "}",
    "one long text": '{ project(id: "' + "a" * 1_000_000 + '") { nothing } }',
    "open text": '{ project(id: """' + '\\"""' * 100_000,
    "braces": "{a" * 4_999,
    "brackets": "{ a(b: " + "[" * 9_000,
    "list types": "query ($a: " + "[" * 4_000 + "Int" + "]" * 4_000 + ") { me { id } }",
    "the same field": "{" + " nothing" * 9_990 + "}",
    "the same field with a selection": "{" + " me { id nothing }" * 1_900 + "}",
    "the same field with other arguments": "{" + "".join(f' project(id: "{n}") {{ id }}' for n in range(1_000)) + "}",
    "directives": "{ me" + " @a" * 4_900 + " { id } }",
    "variables": "query (" + "".join(f"$v{n}: Int " for n in range(2_400)) + ") { me { id } }",
    "operations": "".join(f"query Q{n} {{ me {{ id }} }} " for n in range(1_200)),
    "fragments in a ring": "".join(f"fragment F{n} on Query {{ ...F{(n + 1) % 900} }} " for n in range(900))
    + "{ ...F0 }",
    "fragments that all name all": "".join(
        f"fragment F{n} on Query {{ {' '.join(f'...F{m}' for m in range(60))} }} " for n in range(60)
    )
    + "{ ...F0 }",
    "fragments that double": "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(700))
    + "fragment F700 on Query { a: me { id } } { ...F0 }",
}


@pytest.mark.parametrize("query", BOMBS.values(), ids=BOMBS)
async def test_a_document_that_is_a_bomb_is_refused_in_time(door: Door, query: str) -> None:
    answer = await refused(door, {"query": query})
    assert set(answer.codes.values()) <= {
        "QUERY_TOO_COMPLEX",
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
        "BAD_USER_INPUT",
    }


@pytest.mark.parametrize("query", BOMBS.values(), ids=BOMBS)
async def test_a_strangers_bomb_is_a_strangers_request(door: Door, query: str) -> None:
    began = time.thread_time()
    assert (await door.post({"query": query})).status == 401
    assert time.thread_time() - began < SECONDS


async def test_a_strangers_own_bomb_is_refused_in_time(door: Door) -> None:
    began = time.thread_time()
    answer = await door.post({"query": "{" + " __typename" * 9_990 + "}"})
    assert time.thread_time() - began < SECONDS
    assert answer.json.get("data", {"__typename": "Query"}) == {"__typename": "Query"}


VARIABLES = {
    "deep lists": b"[" * 400 + b"]" * 400,
    "deep objects": b'{"a":' * 400 + b"1" + b"}" * 400,
    "past every stack": b"[" * 400_000 + b"]" * 400_000,
    "a long number": b"9" * 5_000,
    "a number past floats": b"1e400",
    "many keys": b"{" + b",".join(b'"k%d":0' % n for n in range(60_000)) + b"}",
}


@pytest.mark.parametrize("value", VARIABLES.values(), ids=VARIABLES)
async def test_variables_that_are_bombs_are_refused_in_time(door: Door, value: bytes) -> None:
    mutation = "mutation ($input: ProjectExtensionInput!) { updateProjectExtension(input: $input) { id } }"
    project = (await door.ask("{ projects(first: 1) { nodes { id } } }")).data["projects"]["nodes"][0]["id"]
    body = b'{"query": %s, "variables": {"input": {"projectId": "%s", "customFields": {"a": %s}}}}'
    written = body % (json.dumps(mutation).encode(), project.encode(), value)
    began = time.thread_time()
    answer = await door.post(written, signed())
    assert time.thread_time() - began < SECONDS
    assert set(answer.codes.values()) == {"BAD_USER_INPUT"}, answer.body[:300]


@pytest.mark.parametrize(
    "amount", ["1E+999999999", "1E-999999999", "0E-999999999", "0E+999999999", "1e16", "9" * 100_000, "1" + "0" * 5_000]
)
async def test_a_budget_of_any_size_is_refused_in_a_short_line(door: Door, amount: str) -> None:
    project = (await door.ask("{ projects(first: 1) { nodes { id } } }")).data["projects"]["nodes"][0]["id"]
    mutation = "mutation ($input: ProjectExtensionInput!) { updateProjectExtension(input: $input) { id } }"
    body = {"query": mutation, "variables": {"input": {"projectId": project, "asrBudgetOverride": amount}}}
    answer = await refused(door, body, 200)
    assert answer.codes == {"updateProjectExtension": "BAD_USER_INPUT"}
    assert len(answer.errors[0]["message"]) < 200


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer " + "a" * 60_000},
        {"authorization": "Bearer " + "a." * 30_000},
        {"authorization": f"Bearer {token()}\x00"},
        {"authorization": f"Bearer {token()}, Bearer {token()}"},
        {"authorization": "Bearer \u00e9"},
        {"authorization": f"Bearer {token(aud=['x'] * 2_000)}x"},
        {"cookie": "raken_gateway_session=" + ";" * 50_000},
        {"cookie": f"raken_gateway_session=x; raken_gateway_session={'a' * 50_000}"},
    ],
    ids=lambda headers: str(headers)[:40],
)
async def test_credentials_that_are_bombs_are_bad_credentials(door: Door, headers: dict[str, str]) -> None:
    began = time.thread_time()
    assert (await door.post({"query": "{ me { id } }"}, headers)).status == 401
    assert time.thread_time() - began < SECONDS


@pytest.mark.parametrize("accept", ["," * 30_000, ";q=" * 20_000, "*/*;q=" + "9" * 30_000, "a/b;" * 10_000 + ",*/*"])
async def test_an_accept_header_is_read_in_time_whatever_it_is(door: Door, accept: str) -> None:
    began = time.thread_time()
    answer = await door.post({"query": "{ me { id } }"}, {**signed(), "accept": accept})
    assert time.thread_time() - began < SECONDS
    assert answer.status in (200, 406)


async def test_a_query_string_of_broken_escapes_is_a_request_like_others(door: Door) -> None:
    for query in ("query=%ff%fe", "query=%", "query=%00", "%ff=%ff", "query=%7Bme%7Bid%7D%7D&query=x", "=" * 10_000):
        answer = await door.call("GET", f"/graphql?{query}", headers=signed())
        assert answer.status == 400


async def test_two_passwords_at_most_are_checked_at_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once: list[int] = []
    inside, lock = 0, threading.Lock()

    def slow(_hash: str | None, _password: str) -> bool:
        nonlocal inside
        with lock:
            inside += 1
            at_once.append(inside)
        time.sleep(0.01)
        with lock:
            inside -= 1
        return False

    monkeypatch.setattr(accounts, "_verified", slow)
    login = 'mutation { login(email: "a%d", password: "b") { token } }'
    flood = [door.post({"query": login % number}) for number in range(30)]
    answers = await asyncio.gather(*flood, door.ask("{ me { id } }"))
    assert len(at_once) == accounts.AT_ONCE == 20
    assert max(at_once) == accounts.ABREAST == 2
    assert answers[-1].data == {"me": {"id": "somebody"}}


async def test_a_request_that_breaks_off_leaves_no_error_in_the_log(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await door.call("POST", "/graphql", None, {**signed(), "content-type": "application/json"})
    assert answer.status == 400
    assert "broke off" in answer.errors[0]["message"]
    assert "Traceback" not in str(capsys.readouterr())


async def test_teams_of_projects_of_teams_end_where_nobody_would_read_on(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.context.MOST", 50)
    made: list[Any] = []
    node = Context.node

    def counted(*given: Any) -> Any:
        made.append(node(*given))
        return made[-1]

    monkeypatch.setattr(Context, "node", counted)
    circle = "team { projects { team { id } } }"
    answer = await door.ask(f"{{ me {{ id }} projects(first: 3) {{ nodes {{ {circle} }} }} }}")
    (error,) = answer.json["errors"]
    assert error["message"] == "expected an answer of 50 objects at most, got more"
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert "data" not in answer.json
    assert len(made) == 50
    assert (await door.ask("{ me { id } projects(first: 1) { nodes { team { id } } } }")).errors == []

"""Documents that are asked for by name: as clients have sent them, or trusted ones and none beside."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.running import Address
from tests.integration.door import RESPONSE, Answer, Door, opened, signed

ME, MINE = "query Me { me { id } }", {"me": {"id": "somebody"}}
OTHER = "{ me { email } }"
CHANGE = "mutation Change { refresh(entities: []) { ok } }"
TYPENAME = "query Anyone { __typename }"
CODE = {"": "PERSISTED_QUERY_NOT_FOUND"}
STRANGER = {"accept": RESPONSE}


def digest(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()


def named(hash_: Any, version: Any = 1, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": version, "sha256Hash": hash_}}, **more}


async def get(door: Door, given: dict[str, Any], headers: dict[str, str]) -> Answer:
    """The same request by GET."""
    written = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    return await door.call("GET", f"/graphql?{urlencode(written)}", headers=headers)


@pytest.mark.parametrize("first", ["GET", "POST"])
async def test_a_hash_is_enough_once_its_text_was_sent(door: Door, first: str) -> None:
    text = f"{ME} # {first}"
    for answer in (await get(door, named(digest(text)), signed()), await door.post(named(digest(text)), signed())):
        assert (answer.status, answer.codes) == (400, CODE)
        assert answer.errors[0]["message"] == "PersistedQueryNotFound"
    whole = named(digest(text), query=text)
    sent = await (get(door, whole, signed()) if first == "GET" else door.post(whole, signed()))
    assert sent.data == MINE
    for answer in (await get(door, named(digest(text)), signed()), await door.post(named(digest(text)), signed())):
        assert (answer.status, answer.data) == (200, MINE)


async def test_a_client_of_the_old_media_type_is_told_200(door: Door) -> None:
    answer = await door.post(named(digest("{ a }")), signed(accept="application/json"))
    assert (answer.status, answer.codes) == (200, CODE)


@pytest.mark.parametrize(
    "given",
    [
        named(digest(OTHER), query=ME),
        named(digest(ME).upper(), query=ME),
        named(digest(ME), 2, query=ME),
        named(digest(ME), "1"),
        named(7),
        named(None, query=ME),
        {"query": ME, "extensions": {"persistedQuery": digest(ME)}},
        {"documentId": digest(ME)},
        {"id": "me"},
    ],
)
async def test_a_hash_that_is_wrong_is_400_in_both_media_types_and_nothing_is_kept(door: Door, given: Any) -> None:
    for accept in (RESPONSE, "application/json"):
        answer = await door.post(given, signed(accept=accept))
        assert (answer.status, answer.codes) == (400, {"": "BAD_USER_INPUT"})
    assert (await door.post(named(digest(OTHER)), signed())).codes == CODE


async def test_a_name_that_nothing_is_made_of_is_no_concern(door: Door) -> None:
    for more in ({"id": 7}, {"id": "x"}, {"documentId": None}, {"extensions": {"persistedQuery": None}}):
        assert (await door.post({"query": ME, **more}, signed())).data == MINE


async def test_a_mutation_by_its_hash_goes_by_post_alone(door: Door) -> None:
    assert (await door.post(named(digest(CHANGE), query=CHANGE), signed())).data == {"refresh": []}
    answer = await get(door, named(digest(CHANGE)), signed())
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert (await door.post(named(digest(CHANGE)), signed())).data == {"refresh": []}


async def test_a_text_that_is_not_valid_is_not_kept(door: Door) -> None:
    for text in ("{ me { nothing } }", "{ me {"):
        assert (await door.post(named(digest(text), query=text), signed())).status == 400
        assert (await door.post(named(digest(text)), signed())).codes == CODE


async def test_a_strangers_text_is_run_where_anyone_may_and_never_kept(door: Door) -> None:
    # A client that signs in by `login` sends the hash alone first.
    assert (await door.post(named(digest(TYPENAME)), STRANGER)).codes == CODE
    assert (await door.post(named(digest(TYPENAME), query=TYPENAME), STRANGER)).data == {"__typename": "Query"}
    assert (await door.post(named(digest(TYPENAME)), signed())).codes == CODE


async def test_a_hash_lets_no_stranger_in(door: Door) -> None:
    assert (await door.post(named(digest(ME), query=ME), signed())).data == MINE
    for given in (named(digest(ME)), named(digest(ME), query=ME)):
        answer = await door.post(given, STRANGER)
        assert (answer.status, answer.codes) == (401, {"": "UNAUTHENTICATED"})


@pytest.fixture(params=["apollo", "relay"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A manifest of either form."""
    texts = {digest(ME): ME, "change": CHANGE, digest(TYPENAME): TYPENAME}
    rows = [{"id": name, "name": "Any", "type": "query", "body": text} for name, text in texts.items()]
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": rows}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(apollo if request.param == "apollo" else texts))
    return path


@pytest.fixture
async def guarded(sandbox: Address, home: str, file: Path) -> AsyncIterator[Door]:
    """Yields the door of a gateway that trusts a manifest."""
    async with opened(sandbox, home, TRUSTED_DOCUMENTS=str(file)) as door:
        yield door


async def test_a_trusted_document_is_run_by_each_of_its_names_and_by_its_text(guarded: Door) -> None:
    name = digest(ME)
    for given in (
        named(name),
        {"documentId": name},
        {"documentId": f"sha256:{name}"},
        {"id": name},
        {"query": ME},
        named(name, query=ME),
        {"id": name, "query": ME},
    ):
        assert (await guarded.post(given, signed())).data == MINE
        assert (await get(guarded, given, signed())).data == MINE
    assert (await guarded.post({"id": "change"}, signed())).data == {"refresh": []}
    assert (await get(guarded, {"id": "change"}, signed())).status == 405


async def test_nothing_beside_trusted_documents_is_run(guarded: Door) -> None:
    for given in (
        {"query": OTHER},
        {"query": f"{ME} "},
        {"query": "{ __typename }"},
        {"query": "{ __schema { types { name } } }"},
        {"query": "{"},
        named(digest(OTHER)),
        named(digest(OTHER), query=OTHER),
        {"documentId": "nothing"},
        {"id": "nothing", "query": ME},
    ):
        for answer in (await guarded.post(given, signed()), await get(guarded, given, signed())):
            assert (answer.status, answer.codes) == (400, CODE)
    assert (await guarded.post({"id": digest(ME), "query": OTHER}, signed())).codes == {"": "BAD_USER_INPUT"}
    assert (await guarded.post(named(digest(OTHER)), signed())).codes == CODE


async def test_a_stranger_runs_of_trusted_documents_what_anyone_may_and_learns_of_no_other(guarded: Door) -> None:
    for given in ({"query": TYPENAME}, {"id": digest(TYPENAME)}, named(digest(TYPENAME))):
        assert (await guarded.post(given, STRANGER)).data == {"__typename": "Query"}
    for given in ({"query": ME}, {"id": digest(ME)}, {"id": "x"}, {"query": "{ __typename }"}, {"query": OTHER}):
        answer = await guarded.post(given, STRANGER)
        assert (answer.status, answer.codes) == (401, {"": "UNAUTHENTICATED"})

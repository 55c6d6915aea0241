"""What cannot be meant is refused at its field, with what was expected and what came; all else answers."""

import base64
import json
from typing import Any

import pytest

from sandbox.running import Address
from tests.integration.door import Door, signed

FINE = "fine: me { id }"
NOBODY = "00000000-0000-4000-8000-000000000000"


async def refused(door: Door, field: str, path: str = "field", code: str = "BAD_USER_INPUT", **variables: Any) -> str:
    """What is said of a field that is refused, with its neighbour untouched; `variables` are declared in the field."""
    kind = "mutation" if field.startswith("update") else "query"
    fine = "fine: refresh(entities: []) { ok }" if kind == "mutation" else FINE
    declared = ", ".join(f"${name}: {TYPES[name]}" for name in variables)
    answer = await door.ask(f"{kind} {f'({declared})' if declared else ''} {{ {fine} field: {field} }}", variables)
    assert answer.status == 200, answer.body
    assert answer.codes == {path: code}
    assert answer.json["data"]["fine"] is not None
    assert answer.json["data"]["field"] is None or path != "field"
    message: str = answer.errors[0]["message"]
    return message


TYPES = {"input": "ProjectExtensionInput!", "member": "TeamMemberExtensionInput!", "after": "String", "first": "Int"}


@pytest.fixture
async def project(door: Door) -> str:
    """The id of a project."""
    return str((await door.ask("{ projects(first: 1) { nodes { id } } }")).data["projects"]["nodes"][0]["id"])


@pytest.fixture
async def member(door: Door) -> str:
    """The id of a member."""
    return str((await door.ask("{ teamMembers(first: 1) { nodes { id } } }")).data["teamMembers"]["nodes"][0]["id"])


async def test_a_window_that_ends_before_it_begins_is_refused(door: Door, project: str) -> None:
    words = "expected from on or before to, got from 2026-03-02 and to 2026-03-01"
    window = 'from: "2026-03-02", to: "2026-03-01"'
    assert await refused(door, f"timeCards({window}) {{ totalCount }}") == words
    for inner in ("team(WINDOW) { id }", "hours(WINDOW) { total }", "timeCards(WINDOW) { totalCount }"):
        field = f'project(id: "{project}") {{ name inner: {inner.replace("WINDOW", window)} }}'
        assert await refused(door, field, "field.inner") == words


async def test_a_window_of_400_dates_passes_and_one_of_401_is_refused(door: Door) -> None:
    passes = await door.ask('{ timeCards(from: "2025-01-01", to: "2026-02-04", first: 0) { totalCount } }')
    assert passes.data["timeCards"]["totalCount"] >= 0
    words = await refused(door, 'timeCards(from: "2025-01-01", to: "2026-02-05") { totalCount }')
    assert words == "expected a window of 400 dates at most, got 401: 2025-01-01 to 2026-02-05"


@pytest.mark.parametrize("first", [-1, 1001, 2_147_483_647, -2_147_483_648])
async def test_first_is_0_to_1000(door: Door, project: str, first: int) -> None:
    words = f"expected first between 0 and 1000, got {first}"
    assert await refused(door, f"projects(first: {first}) {{ totalCount }}") == words
    assert await refused(door, "teamMembers(first: $first) { totalCount }", first=first) == words
    field = f'project(id: "{project}") {{ inner: timeCards(first: {first}) {{ totalCount }} }}'
    assert await refused(door, field, "field.inner") == words


async def test_a_first_of_0_gives_counts_alone_and_null_the_default(door: Door) -> None:
    query = (
        "query ($first: Int) { projects(first: $first) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }"
    )
    none, default = [(await door.ask(query, {"first": first})).data["projects"] for first in (0, None)]
    assert (none["nodes"], none["pageInfo"]) == ([], {"hasNextPage": True, "endCursor": None})
    assert len(default["nodes"]) == none["totalCount"] > 0


async def cursors(door: Door, project: str) -> dict[str, str]:
    """A cursor of each of three lists."""
    answer = await door.ask(
        "query ($id: ID!) { projects(first: 1) { edges { cursor } } teamMembers(first: 1) { edges { cursor } } "
        "project(id: $id) { timeCards(first: 1) { edges { cursor } } } }",
        {"id": project},
    )
    lists = {**answer.data, **answer.data["project"]}
    return {name: lists[name]["edges"][0]["cursor"] for name in ("projects", "teamMembers", "timeCards")}


async def test_another_lists_cursor_is_refused(door: Door, project: str) -> None:
    given = await cursors(door, project)
    other = (await door.ask("{ projects { nodes { id } } }")).data["projects"]["nodes"][1]["id"]
    words = "expected a cursor of this list, got one of another list"
    for name in ("teamMembers", "timeCards"):
        assert await refused(door, "projects(after: $after) { totalCount }", after=given[name]) == words
    anothers = f'project(id: "{other}") {{ inner: timeCards(after: $after) {{ totalCount }} }}'
    assert await refused(door, anothers, "field.inner", after=given["timeCards"]) == words
    company = 'timeCards(from: "2026-01-01", to: "2026-01-02", after: $after) { totalCount }'
    assert await refused(door, company, after=given["timeCards"]) == words


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "%%%",
        "\u00e9",
        "\x00",
        packed({}),
        packed([]),
        packed(["projects", 1, 2, 3]),
        packed(["projects", None]),
        packed(["projects", "a", "b"]),
        packed(["projects", [], {}]),
        packed(["timeCards", False, "a", "b"]),
        base64.b64encode(b"\xff\xfe").decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        "A" * 500_000,
    ],
    ids=lambda cursor: cursor[:12],
)
async def test_what_is_no_cursor_is_refused_whatever_it_is(door: Door, cursor: str) -> None:
    words = await refused(door, "projects(after: $after) { totalCount }", after=cursor)
    assert words.startswith("expected a cursor ")
    assert len(words) < 200


async def test_a_row_that_a_cursor_named_may_be_gone(door: Door) -> None:
    query = "query ($after: String) { projects(after: $after) { nodes { name } pageInfo { hasPreviousPage } } }"
    nodes = (await door.ask("{ projects { nodes { name } } }")).data["projects"]["nodes"]
    between = packed(["projects", nodes[0]["name"].casefold(), nodes[0]["name"], "~"])
    answer = await door.ask(query, {"after": between})
    assert answer.status == 200


@pytest.mark.parametrize(
    "literal", ['"2026-02-30"', '"2026-3-1"', '"20260301"', '"2026-W10-1"', '"today"', "20260301", '""']
)
async def test_a_date_that_is_none_is_refused_before_anything_runs(door: Door, literal: str) -> None:
    answer = await door.ask(f'{{ me {{ id }} timeCards(from: {literal}, to: "2026-03-02") {{ totalCount }} }}')
    assert (answer.status, answer.codes) == (400, {"": "GRAPHQL_VALIDATION_FAILED"})
    query = 'query ($from: Date!) { me { id } timeCards(from: $from, to: "2026-03-02") { totalCount } }'
    answer = await door.ask(query, {"from": json.loads(literal)})
    assert (answer.status, answer.codes) == (400, {"": "BAD_USER_INPUT"})
    assert "$from" in answer.errors[0]["message"]


@pytest.mark.parametrize(
    "given",
    [
        {"ifUpdatedAt": "2026-03-01"},
        {"ifUpdatedAt": "2026-03-01T12:00:00"},
        {"ifUpdatedAt": 1},
        {"asrBudgetOverride": "ten"},
        {"asrBudgetOverride": True},
        {"asrBudgetOverride": ""},
        {"asrBudgetOverride": []},
        {"internalNotes": 1},
        {"projectId": None},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_a_variable_of_another_type_is_refused_before_anything_runs(door: Door, given: dict[str, Any]) -> None:
    mutation = "mutation ($input: ProjectExtensionInput!) { updateProjectExtension(input: $input) { id } }"
    answer = await door.ask(mutation, {"input": {"projectId": NOBODY, **given}})
    assert (answer.status, answer.codes) == (400, {"": "BAD_USER_INPUT"})
    assert "$input" in answer.errors[0]["message"]


CHANGE = "updateProjectExtension(input: $input) { id }"
CHANGE_MEMBER = "updateTeamMemberExtension(input: $member) { id }"


@pytest.mark.parametrize(
    "amount", ["0.001", "1.230", "NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e16", "1E-3", 0.125]
)
async def test_a_budget_is_finite_and_has_two_decimals(door: Door, project: str, amount: object) -> None:
    words = await refused(door, CHANGE, input={"projectId": project, "asrBudgetOverride": amount})
    assert words.startswith("asrBudgetOverride: expected ")
    assert ", got " in words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], "expected an object, got list"),
        ("text", "expected an object, got str"),
        (1, "expected an object, got int"),
        ({"a": "x" * 65_536}, "expected at most 65536 bytes as compact JSON, got 65544"),
        ({"a": "\x00"}, "expected texts without NUL"),
        ({"a\x00": 1}, "expected texts without NUL"),
    ],
    ids=["list", "text", "number", "large", "nul", "nul in a name"],
)
async def test_custom_fields_are_an_object_of_64_kib(door: Door, project: str, fields: object, words: str) -> None:
    told = await refused(door, CHANGE, input={"projectId": project, "customFields": fields})
    assert told.startswith(f"customFields: {words}")


async def test_a_lone_surrogate_is_refused_in_a_variable_and_in_the_document(door: Door, project: str) -> None:
    body = {"query": f"mutation ($input: ProjectExtensionInput!) {{ {CHANGE} }}"}
    for field in ({"internalNotes": "\ud800"}, {"customFields": {"a": "\udfff"}}):
        answer = await door.post({**body, "variables": {"input": {"projectId": project, **field}}}, signed())
        assert (answer.status, answer.codes) == (400, {"": "BAD_USER_INPUT"})
    answer = await door.ask(
        f'mutation {{ updateProjectExtension(input: {{ projectId: "{project}", internalNotes: "\\ud800" }}) {{ id }} }}'
    )
    assert (answer.status, answer.codes) == (400, {"": "GRAPHQL_PARSE_FAILED"})


async def test_notes_without_nul_alone_can_be_kept(door: Door, project: str, member: str) -> None:
    words = "internalNotes: expected a text without NUL and lone surrogates, got 'a\\x00'"
    assert await refused(door, CHANGE, input={"projectId": project, "internalNotes": "a\x00"}) == words
    assert await refused(door, CHANGE_MEMBER, member={"memberId": member, "internalNotes": "a\x00"}) == words


async def test_assigned_projects_are_uuids(door: Door, member: str) -> None:
    for ids in (["nonsense"], [NOBODY, ""], [NOBODY + "0"], [NOBODY.replace("-", "")]):
        words = await refused(door, CHANGE_MEMBER, member={"memberId": member, "assignedProjectIds": ids})
        assert words.startswith("assignedProjectIds: expected ids of the shape of a UUID, got ")


async def test_what_is_longer_than_anyone_writes_is_refused(door: Door, project: str, member: str) -> None:
    words = "internalNotes: expected at most 65536 bytes of UTF-8, got 1000000"
    assert await refused(door, CHANGE, input={"projectId": project, "internalNotes": "x" * 1_000_000}) == words
    told = await refused(door, CHANGE_MEMBER, member={"memberId": member, "internalNotes": "é" * 150_000})
    assert told == words.replace("1000000", "300000")
    for name, entries, most in (
        ("permissions", ["a"] * 100_000, 1_000),
        ("assignedProjectIds", [NOBODY] * 20_000, 10_000),
    ):
        told = await refused(door, CHANGE_MEMBER, member={"memberId": member, name: entries})
        assert told == f"{name}: expected at most {most} entries, got {len(entries)}"
    told = await refused(door, CHANGE_MEMBER, member={"memberId": member, "permissions": ["a" * 900_000]})
    assert told.startswith("permissions: expected at most 65536 bytes")


async def test_an_account_that_there_is_not_is_not_found(door: Door, member: str) -> None:
    for id_ in (NOBODY, "nonsense", ""):
        given = {"memberId": member, "internalUserId": id_}
        assert "internalUserId" in await refused(door, CHANGE_MEMBER, code="NOT_FOUND", member=given)


@pytest.mark.parametrize("id_", [NOBODY, "nonsense", "", "x" * 10_000, "\x00"])
async def test_an_update_of_what_raken_has_not_is_not_found(door: Door, sandbox: Address, id_: str) -> None:
    words = await refused(door, CHANGE, code="NOT_FOUND", input={"projectId": id_, "internalNotes": "x"})
    assert words.startswith("expected an id that Raken has among its projects, got ")
    assert len(words) < 200
    await refused(door, CHANGE_MEMBER, code="NOT_FOUND", member={"memberId": id_, "internalNotes": "x"})


async def test_a_read_of_what_raken_has_not_is_null_without_an_error(door: Door) -> None:
    query = "query ($id: ID!) { project(id: $id) { id } teamMember(id: $id) { id } }"
    for id_ in (NOBODY, "nonsense", "", "x" * 10_000):
        assert (await door.ask(query, {"id": id_})).data == {"project": None, "teamMember": None}


async def test_a_null_where_the_schema_allows_none_is_the_callers_error(door: Door) -> None:
    query = "query ($if: Boolean = true) { me { id @include(if: $if) } }"
    answer = await door.ask(query, {"if": None})
    assert set(answer.codes.values()) == {"BAD_USER_INPUT"}

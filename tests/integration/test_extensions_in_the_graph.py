"""ASR's own fields as clients write and read them: what is left out, locks, letters, and a Postgres that goes away."""

import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from app.clock import SystemClock
from loaders.accounts import Accounts, Role
from loaders.postgres import Postgres
from sandbox.running import Address
from tests.integration.conftest import Line
from tests.integration.door import Answer, Door, opened
from tests.waiting import within

FIELDS = "internalNotes asrBudgetOverride customFields extensionUpdatedAt"
UPDATE = (
    f"mutation ($input: ProjectExtensionInput!) {{ changed: updateProjectExtension(input: $input) {{ id {FIELDS} }} }}"
)
READ = f"query ($id: ID!) {{ project(id: $id) {{ id {FIELDS} }} }}"
MEMBERS_FIELDS = "internalNotes permissions assignedProjectIds customFields extensionUpdatedAt internalUser { email }"
UPDATE_MEMBER = (
    "mutation ($input: TeamMemberExtensionInput!) "
    f"{{ changed: updateTeamMemberExtension(input: $input) {{ id {MEMBERS_FIELDS} }} }}"
)
UNSET: dict[str, Any] = {
    "internalNotes": None,
    "asrBudgetOverride": None,
    "customFields": {},
    "extensionUpdatedAt": None,
}


@pytest.fixture
async def door(sandbox: Address, line: Line) -> AsyncIterator[Door]:
    """Yields the door of a gateway whose database only this test uses."""
    async with opened(sandbox, line.dsn) as door:
        yield door


@pytest.fixture
async def project(door: Door) -> str:
    """The id of a project without a row of ours."""
    return str((await door.ask("{ projects(first: 1) { nodes { id } } }")).data["projects"]["nodes"][0]["id"])


@pytest.fixture
async def member(door: Door) -> str:
    """The id of a member without a row of ours."""
    return str((await door.ask("{ teamMembers(first: 1) { nodes { id } } }")).data["teamMembers"]["nodes"][0]["id"])


async def change(door: Door, project: str, **fields: Any) -> Answer:
    return await door.ask(UPDATE, {"input": {"projectId": project, **fields}}, role="MANAGER", sub="mia")


async def changed(door: Door, project: str, **fields: Any) -> dict[str, Any]:
    """The project as the mutation answers it, which is as the next read has it."""
    answer: dict[str, Any] = (await change(door, project, **fields)).data["changed"]
    assert await read(door, project) == answer
    return answer


async def read(door: Door, project: str) -> dict[str, Any]:
    row: dict[str, Any] = (await door.ask(READ, {"id": project})).data["project"]
    return row


async def test_a_project_without_a_row_has_nothing_of_ours(door: Door, project: str) -> None:
    assert await read(door, project) == {"id": project, **UNSET}


async def test_a_field_left_out_stays_and_null_clears_it(door: Door, project: str) -> None:
    full: dict[str, object] = {"internalNotes": "n", "asrBudgetOverride": "10.50", "customFields": {"a": 1}}
    await changed(door, project, **full)
    for name, cleared in (("internalNotes", None), ("asrBudgetOverride", None), ("customFields", {})):
        full[name] = cleared
        row = await changed(door, project, **{name: None})
        assert {field: row[field] for field in full} == full
    untouched = await changed(door, project)
    assert {field: untouched[field] for field in full} == full


async def test_a_members_fields_are_left_out_and_cleared_alike(
    door: Door, line: Line, member: str, project: str
) -> None:
    async with Postgres(line.dsn, SystemClock()) as postgres:
        ann = await Accounts(postgres).add("ann@asr.example", Role.VIEWER, password_hash="-")
    given = {
        "internalNotes": "",
        "permissions": ["b", "a", "b"],
        "assignedProjectIds": [project.upper(), project],
        "customFields": {"a": None},
    }
    answer = await door.ask(UPDATE_MEMBER, {"input": {"memberId": member, "internalUserId": ann.id, **given}})
    row = answer.data["changed"]
    assert {name: row[name] for name in given} == given
    assert row["internalUser"] == {"email": "ann@asr.example"}
    again = (await door.ask(UPDATE_MEMBER, {"input": {"memberId": member, "permissions": []}})).data["changed"]
    assert {**again, "extensionUpdatedAt": 0} == {**row, "permissions": [], "extensionUpdatedAt": 0}
    nulls: dict[str, Any] = dict.fromkeys([*given, "internalUserId"])
    gone = (await door.ask(UPDATE_MEMBER, {"input": {"memberId": member, **nulls}})).data["changed"]
    nothing: dict[str, Any] = {**dict.fromkeys(given), "customFields": {}, "internalUser": None}
    assert {name: gone[name] for name in nothing} == nothing


TEXTS = [
    "",
    " ",
    "a\r\nb\tc\n",
    "\"\\'",
    "\U0001f6a7\u200d\U0001f3d7\ufe0f",
    "\u202eעברית العربية",  # noqa: RUF001 - right to left
    "e\u0301 \u00e9",
    "\u2028\ufeff\x7f\x01",
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
async def test_a_text_is_kept_to_the_letter(door: Door, project: str, text: str) -> None:
    row = await changed(door, project, internalNotes=text, customFields={text or "-": [text]})
    assert (row["internalNotes"], row["customFields"]) == (text, {text or "-": [text]})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0", "0.00"),
        ("-0.01", "-0.01"),
        ("9999999999999999.99", "9999999999999999.99"),
        ("1e2", "100.00"),
        (7, "7.00"),
        (0.1, "0.10"),
        ("1.5", "1.50"),
    ],
)
async def test_a_budget_is_exact_to_the_cent(door: Door, project: str, given: object, kept: str) -> None:
    assert (await changed(door, project, asrBudgetOverride=given))["asrBudgetOverride"] == kept


async def test_a_budget_may_stand_in_the_document(door: Door, project: str) -> None:
    for literal in ("12.34", '"12.34"', "12", "1.2E1"):
        answer = await door.ask(
            f'mutation {{ updateProjectExtension(input: {{ projectId: "{project}", asrBudgetOverride: {literal}, '
            f"customFields: {{ a: [1, 2.5, true, null, ENUM] }} }}) {{ asrBudgetOverride customFields }} }}"
        )
        row = answer.data["updateProjectExtension"]
        assert float(row["asrBudgetOverride"]) == float(literal.strip('"'))
        assert row["customFields"] == {"a": [1, 2.5, True, None, "ENUM"]}


async def test_custom_fields_are_kept_as_they_came_up_to_64_kib(door: Door, project: str) -> None:
    fields = {"z": 1, "a": {"deep": [[[]]]}, "big": 12345678901234567890123, "half": 1.5, "no": False, "nil": None}
    assert (await changed(door, project, customFields=fields))["customFields"] == fields
    most = {"a": "x" * (65_536 - len('{"a":""}'))}
    assert (await changed(door, project, customFields=most))["customFields"] == most


async def test_the_version_has_microseconds_and_strictly_grows(door: Door, project: str) -> None:
    versions = [(await changed(door, project))["extensionUpdatedAt"] for _ in range(3)]
    assert versions == sorted(set(versions))
    assert all(version.endswith("Z") and len(version) <= len("2026-03-02T12:00:00.000000Z") for version in versions)
    # A microsecond that happens to be 0 is one in a million.
    assert any("." in version for version in versions)


async def test_a_change_of_the_version_that_was_read_goes_through(door: Door, project: str) -> None:
    first = await changed(door, project, internalNotes="1", ifUpdatedAt=None)
    second = await changed(door, project, internalNotes="2", ifUpdatedAt=first["extensionUpdatedAt"])
    elsewhere = second["extensionUpdatedAt"].replace("Z", "+00:00")
    assert (await changed(door, project, internalNotes="3", ifUpdatedAt=elsewhere))["internalNotes"] == "3"
    assert (await changed(door, project, internalNotes="4"))["internalNotes"] == "4"


async def test_a_change_of_an_older_version_is_a_conflict_that_names_both_and_changes_nothing(
    door: Door, project: str
) -> None:
    old = (await changed(door, project, internalNotes="1"))["extensionUpdatedAt"]
    now = await changed(door, project, internalNotes="2")
    for given, told in ((old, old), (None, "null (no row yet)")):
        answer = await change(door, project, internalNotes="lost", ifUpdatedAt=given)
        assert (answer.status, answer.codes, answer.json["data"]) == (200, {"changed": "CONFLICT"}, {"changed": None})
        version = now["extensionUpdatedAt"]
        assert answer.errors[0]["message"] == f"ifUpdatedAt: expected the version {version}, got {told}; read it anew"
    assert await read(door, project) == now


async def test_a_version_where_there_is_no_row_is_a_conflict_that_makes_none(door: Door, project: str) -> None:
    answer = await change(door, project, internalNotes="x", ifUpdatedAt="2026-03-02T12:00:00.5Z")
    assert answer.codes == {"changed": "CONFLICT"}
    assert (await read(door, project))["extensionUpdatedAt"] is None


async def test_two_mutations_of_one_request_see_each_other(door: Door, project: str) -> None:
    answer = await door.ask(
        "mutation ($id: ID!) {"
        '  one: updateProjectExtension(input: { projectId: $id, internalNotes: "1" }) { internalNotes customFields }'
        "  two: updateProjectExtension(input: { projectId: $id, customFields: { a: 1 } })"
        "    { internalNotes customFields }"
        '  lost: updateProjectExtension(input: { projectId: $id, internalNotes: "3", ifUpdatedAt: null }) { id }'
        "  four: updateProjectExtension(input: { projectId: $id }) { internalNotes customFields }"
        "}",
        {"id": project},
    )
    both = {"internalNotes": "1", "customFields": {"a": 1}}
    assert answer.json["data"] == {
        "one": {"internalNotes": "1", "customFields": {}},
        "two": both,
        "lost": None,
        "four": both,
    }
    assert answer.codes == {"lost": "CONFLICT"}


@pytest.mark.parametrize("spelt", [str.lower, str.upper])
async def test_an_assignment_is_in_the_teams_of_the_mutations_own_answer(
    door: Door, member: str, project: str, spelt: Callable[[str], str]
) -> None:
    await door.ask(UPDATE_MEMBER, {"input": {"memberId": member, "assignedProjectIds": []}})
    window = 'from: "2020-01-01", to: "2020-01-02"'
    answer = await door.ask(
        "mutation ($input: TeamMemberExtensionInput!) { updateTeamMemberExtension(input: $input) "
        f"{{ projects({window}) {{ id team({window}) {{ id }} }} }} }}",
        {"input": {"memberId": member, "assignedProjectIds": [spelt(project)]}},
    )
    assert answer.data["updateTeamMemberExtension"]["projects"] == [{"id": project, "team": [{"id": member}]}]


async def test_each_change_is_in_the_audit_log_with_who_what_and_from_what(
    door: Door, database_url: str, project: str
) -> None:
    await changed(door, project, internalNotes="before", asrBudgetOverride="1")
    await changed(door, project, internalNotes="after", asrBudgetOverride="1.00")
    await change(door, project, internalNotes="lost", ifUpdatedAt=None)
    await door.ask("mutation { refresh(entities: [PROJECTS]) { ok } }", sub="kim")
    postgres = await asyncpg.connect(database_url)
    rows = await postgres.fetch("SELECT actor, action, subject, before, after FROM audit_log ORDER BY at, id")
    await postgres.close()
    told = [(row["actor"], row["action"], row["subject"], *map(loaded, (row["before"], row["after"]))) for row in rows]
    assert told == [
        ("mia", "updateProjectExtension", project, None, {"internalNotes": "before", "asrBudgetOverride": "1.00"}),
        ("mia", "updateProjectExtension", project, {"internalNotes": "before"}, {"internalNotes": "after"}),
        ("kim", "refresh", "PROJECTS", None, {}),
    ]


def loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


MERGED = f"""{{
  projects {{ nodes {{ name {FIELDS} team {{ id }} timeCards(first: 1) {{ totalCount }} }} }}
  teamMembers(first: 1) {{ nodes {{ lastName internalNotes internalUser {{ id }} hours {{ total }} }} }}
  orphanedExtensions {{ id }}
}}"""


async def test_with_postgres_away_rakens_fields_answer_and_ours_say_so_within_a_second_and_a_half(
    door: Door, line: Line, project: str
) -> None:
    whole = (await door.ask(MERGED)).data
    await line.cut()
    with within(1.5):
        answer = await door.ask(MERGED)
    ours = [
        f"projects.nodes.{n}.{name}"
        for n in range(len(whole["projects"]["nodes"]))
        for name in [*FIELDS.split(), "team"]
    ]
    assert answer.codes == dict.fromkeys(
        [*ours, "teamMembers.nodes.0.internalNotes", "teamMembers.nodes.0.internalUser", "orphanedExtensions"],
        "EXTENSIONS_UNAVAILABLE",
    )
    data = answer.json["data"]
    for before, now in zip(whole["projects"]["nodes"], data["projects"]["nodes"], strict=True):
        assert now == {**before, **dict.fromkeys([*FIELDS.split(), "team"])}
    assert data["teamMembers"]["nodes"][0]["hours"] == whole["teamMembers"]["nodes"][0]["hours"]
    assert (await change(door, project, internalNotes="lost")).codes == {"changed": "EXTENSIONS_UNAVAILABLE"}
    assert (await door.ask("mutation { refresh { ok } }")).codes == {"refresh": "EXTENSIONS_UNAVAILABLE"}


async def test_a_postgres_that_comes_back_is_met_again(door: Door, line: Line, project: str) -> None:
    await changed(door, project, internalNotes="kept")
    await line.cut()
    assert (await door.ask(READ, {"id": project})).json["data"]["project"]["internalNotes"] is None
    await line.mend()
    until = time.monotonic() + 4
    answer = await door.ask(READ, {"id": project})
    while "errors" in answer.json and time.monotonic() < until:
        answer = await door.ask(READ, {"id": project})
    assert answer.data["project"]["internalNotes"] == "kept"

"""The replay, by which answers are judged: what it takes for right, and what it does not."""

from typing import Any

import pytest
from graphql import GraphQLField

from tests.integration.replay import FORBIDDEN, SCHEMA, Replayed, audience, replayed

CARD = {"date": "2026-05-01", "totalHours": 8, "approved": True, "breaks": [], "startTime": None}
MEMBER = {"id": "m", "status": "ACTIVE", "createdAt": "2026-05-01T12:00:00Z", "permissions": ["a"]}
QUERY = """query {
  teamMember(id: "m") {
    id status createdAt permissions
    timeCards { totalCount nodes { date totalHours approved startTime breaks { name } } }
  }
}"""


def answered(member: dict[str, Any] | None = None, card: dict[str, Any] | None = None) -> dict[str, Any]:
    """An answer to the query, with some of its values replaced."""
    cards = {"totalCount": 1, "nodes": [CARD | (card or {})]}
    return {"teamMember": MEMBER | {"timeCards": cards} | (member or {})}


def test_a_right_answer_stays_as_it_is() -> None:
    assert replayed(QUERY, {}, answered(), "ADMIN") == Replayed(answered(), {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"card": {"date": "2026-5-1"}},
        {"card": {"totalHours": "8"}},
        {"card": {"totalHours": True}},
        {"card": {"approved": 1}},
        {"card": {"startTime": "12:00"}},
        {"card": {"breaks": None}},
        {"card": {"breaks": {}}},
        {"member": {"id": None}},
        {"member": {"id": 7}},
        {"member": {"status": "BUSY"}},
        {"member": {"createdAt": "2026-05-01T12:00:00+00:00"}},
        {"member": {"permissions": ["a", None]}},
        {"member": {"timeCards": {"totalCount": 2**31, "nodes": []}}},
        {"member": {"timeCards": {"nodes": []}}},
        {"member": {"timeCards": [1]}},
    ],
)
def test_what_the_schema_does_not_allow_is_an_error(wrong: dict[str, Any]) -> None:
    told = replayed(QUERY, {}, answered(**wrong), "ADMIN")
    assert len(told.errors) == 1
    assert FORBIDDEN not in told.errors.values()


def test_what_was_not_asked_for_is_not_in_it() -> None:
    answer = answered({"email": "m@asr.example"})
    assert replayed(QUERY, {}, answer, "ADMIN").data != answer


def test_what_is_guarded_is_null_at_its_place_and_nothing_else_is() -> None:
    closed = answered({"permissions": None})
    assert replayed(QUERY, {}, answered(), "VIEWER") == Replayed(closed, {("teamMember", "permissions"): FORBIDDEN})


def test_ones_own_role_is_ones_own_and_anothers_is_not() -> None:
    query = "{ me { id role } teamMember(id: 7) { internalUser { role } } }"
    answer = {"me": {"id": "a", "role": "ADMIN"}, "teamMember": {"internalUser": {"role": "ADMIN"}}}
    assert replayed(query, {}, answer, "VIEWER").data == answer | {"me": {"id": "a", "role": "VIEWER"}}


def test_the_schema_says_for_whom_its_fields_are() -> None:
    assert closed("Project", "TeamMember") == {"internalNotes", "asrBudgetOverride", "permissions"}
    assert closed("Query") == {"cacheStatus", "upstreamStatus", "auditLog", "orphanedExtensions"}
    assert audience(fields("Mutation")["updateProjectExtension"]) == frozenset(("MANAGER", "ADMIN"))


def closed(*names: str) -> set[str]:
    """The fields of some types that are not for everyone."""
    return {name for type_ in names for name, field in fields(type_).items() if audience(field)}


def fields(name: str) -> dict[str, GraphQLField]:
    """The fields of a type."""
    return SCHEMA.type_map[name].fields  # type: ignore[attr-defined, no-any-return] # it is a type of objects

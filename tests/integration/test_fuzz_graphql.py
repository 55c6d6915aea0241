"""Random operations as every role: answers that the schema allows, and to nobody more than to whom it is for."""

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from hypothesis import strategies as some
from hypothesis_graphql import Mode

from loaders.errors import Forbidden
from resolvers.access import Allowed
from sandbox.running import Address
from tests.integration.door import RESPONSE, ROLES, Answer
from tests.integration.drawing import drawn
from tests.integration.gate import LESSER, Gate, failures, opened_gate
from tests.integration.questions import Question, questions
from tests.integration.replay import FORBIDDEN, SCHEMA, Place, replayed

QUERIES = tuple(SCHEMA.query_type.fields) if SCHEMA.query_type else ()
CLOSED = tuple(name for name in SCHEMA.mutation_type.fields if name != "login") if SCHEMA.mutation_type else ()
"The mutations that are not for strangers."
FORESEEN = {FORBIDDEN, "BAD_USER_INPUT", "NOT_FOUND", "CONFLICT", "RATE_LIMITED", "UNAUTHENTICATED"}
"What a field may fail of while Raken and Postgres are well."
REFUSED = {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "QUERY_TOO_COMPLEX"}
"What a whole operation may fail of."
GUARDED = Question("{projects {nodes {internalNotes}}}", {})


@pytest.fixture(scope="module")
def gate(sandbox: Address, home: str) -> Iterator[Gate]:
    """Yields a gate that the tests of the module share."""
    with opened_gate(sandbox, home) as gate:
        yield gate


def lies(data: Any, place: Place) -> Any:
    """What an answer has at a place, or in its stead above it."""
    for step in place:
        if data is None:
            return None
        data = data[step]
    return data


def is_formed(answer: Answer) -> None:
    """Asserts that an answer has the form that GraphQL over HTTP gives it."""
    assert answer.media_type == RESPONSE
    assert set(answer.json) <= {"data", "errors", "extensions"}
    assert answer.json.get("errors") != []
    assert all(isinstance(error["message"], str) and error["message"] for error in answer.errors)


def fits(question: Question, role: str, answer: Answer) -> None:
    """Asserts that an answer is one that the schema allows, closed just where the schema says so."""
    is_formed(answer)
    failed = failures(answer)
    if "data" not in answer.json:
        assert (answer.status, set(failed)) == (400, {()})
        assert set(failed.values()) <= REFUSED
        return
    data = answer.json["data"]
    assert answer.status == 200
    assert set(failed.values()) <= FORESEEN
    assert [place for place in failed if lies(data, place) is not None] == []
    own = replayed(question.query, question.variables, data, role)
    assert own.errors == {place: code for place, code in failed.items() if code == FORBIDDEN}
    assert own.data == data


def differs_in_what_is_guarded_alone(question: Question, role: str, answer: Answer, admins: Answer) -> None:
    """Asserts that a role is told what an admin is, but for what is not for it."""
    if "data" not in admins.json:
        assert answer.json == admins.json
        return
    told = replayed(question.query, question.variables, admins.json["data"], role)
    assert answer.json["data"] == told.data
    open_ = {place: code for place, code in failures(admins).items() if not within(place, told.errors)}
    assert failures(answer) == open_ | told.errors


def within(place: Place, closed: Collection[Place]) -> bool:
    """Whether a place lies in one that is closed."""
    return any(place[: len(one)] == one for one in closed)


def called(roots: tuple[str, ...]) -> str:
    """What a test of some root fields is called."""
    return roots[0] if len(roots) == 1 else "all"


@pytest.mark.parametrize("roots", [QUERIES, *((name,) for name in QUERIES)], ids=called)
def test_a_role_is_told_what_an_admin_is_but_for_what_is_not_for_it(gate: Gate, roots: tuple[str, ...]) -> None:
    def holds(question: Question) -> None:
        admins = gate.ask(question, "ADMIN")
        fits(question, "ADMIN", admins)
        for role in LESSER:
            answer = gate.ask(question, role)
            fits(question, role, answer)
            differs_in_what_is_guarded_alone(question, role, answer, admins)

    drawn(holds, questions(gate.known(), *roots), examples=10)


@pytest.mark.parametrize("name", CLOSED)
def test_a_mutation_is_answered_as_the_schema_says_and_where_it_is_closed_does_nothing(gate: Gate, name: str) -> None:
    def holds(question: Question) -> None:
        for role in ROLES:
            before = gate.audited()
            answer = gate.ask(question, role)
            fits(question, role, answer)
            if failures(answer) == {(name,): FORBIDDEN}:
                assert gate.audited() == before

    drawn(holds, questions(gate.known(), name), examples=5)


def test_what_is_wrong_in_one_place_is_refused_whole_and_alike_to_every_role(gate: Gate) -> None:
    def holds(question: Question) -> None:
        answers = [gate.ask(question, role) for role in ROLES]
        for role, answer in zip(ROLES, answers, strict=True):
            fits(question, role, answer)
            assert answer.json == answers[0].json
            assert "data" not in answer.json

    drawn(holds, questions(gate.known(), *QUERIES, *CLOSED, mode=Mode.NEGATIVE), examples=20)


def test_a_stranger_is_told_nothing(gate: Gate) -> None:
    def holds(question: Question) -> None:
        answer = gate.ask(question, None)
        is_formed(answer)
        assert (answer.status, failures(answer)) == (401, {(): "UNAUTHENTICATED"})
        assert set(answer.json) == {"errors"}
        assert answer.headers["www-authenticate"].startswith("Bearer")

    asked = [questions(gate.known(), *QUERIES, *CLOSED, mode=mode) for mode in Mode]
    drawn(holds, some.one_of(asked), examples=40)


def test_a_stranger_may_try_to_sign_in(gate: Gate) -> None:
    def holds(question: Question) -> None:
        fits(question, "nobody", gate.ask(question, None))

    drawn(holds, questions(gate.known(), "login"), examples=2)


def test_a_guard_that_lets_everybody_through_is_noticed(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    admins = gate.ask(GUARDED, "ADMIN")
    monkeypatch.setattr(Allowed, "check", lambda *_: None)
    answer = gate.ask(GUARDED, "VIEWER")
    with pytest.raises(AssertionError):
        fits(GUARDED, "VIEWER", answer)
    with pytest.raises(AssertionError):
        differs_in_what_is_guarded_alone(GUARDED, "VIEWER", answer, admins)


def test_a_guard_that_shuts_out_whom_the_schema_lets_in_is_noticed(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    admins = gate.ask(GUARDED, "ADMIN")
    monkeypatch.setattr(Allowed, "check", shut)
    answer = gate.ask(GUARDED, "MANAGER")
    with pytest.raises(AssertionError):
        fits(GUARDED, "MANAGER", answer)
    with pytest.raises(AssertionError):
        differs_in_what_is_guarded_alone(GUARDED, "MANAGER", answer, admins)


def shut(*_: Any) -> None:
    raise Forbidden("not today")

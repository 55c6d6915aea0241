"""The generator: what it asks is valid, varied, repeatable, and reaches the whole contract."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

import pytest
from graphql import (
    FieldNode,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    validate,
    visit,
)

from tests.truth.arguments import Known
from tests.truth.evaluator import CONTRACT, ENTITIES, evaluate
from tests.truth.generator import Generator, Question
from tests.truth.hand_made import COMPANY, DAVE, RAKEN, TODAY
from tests.truth.joins import Truth

ENOUGH, SOON = 60, 120
KNOWN = Known(
    projects=[row["uuid"] for row in RAKEN["projects"]],
    members=[row["uuid"] for row in RAKEN["members"]],
    words=["bri", "ADA", "7"],
    roles=["ROLE_WORKER", "ROLE_ADMIN"],
    first_day=TODAY - timedelta(days=75),
    today=TODAY,
)


def questions(seed: int) -> Iterator[Question]:
    generator = Generator(CONTRACT, seed, KNOWN)
    while True:
        yield generator.question()


def reachable(kind: GraphQLObjectType, seen: set[str]) -> set[tuple[str, str]]:
    """Every field that a query can get to."""
    if kind.name in seen:
        return set()
    seen.add(kind.name)
    found = {(kind.name, name) for name in kind.fields}
    for of in kind.fields.values():
        named = get_named_type(of.type)
        if isinstance(named, GraphQLObjectType):
            found |= reachable(named, seen)
    return found


class Seen(Visitor):
    """Which fields and arguments documents name."""

    def __init__(self) -> None:
        super().__init__()
        self.info = TypeInfo(CONTRACT)
        self.named: set[tuple[str, ...]] = set()

    def look(self, question: Question) -> None:
        """Take a question's fields and arguments in."""
        visit(parse(question.query), TypeInfoVisitor(self.info, self))

    def enter_field(self, node: FieldNode, *_: object) -> None:
        kind = self.info.get_parent_type()
        assert kind is not None
        self.named.add((kind.name, node.name.value))
        self.named |= {(kind.name, node.name.value, argument.name.value) for argument in node.arguments or ()}


@pytest.mark.parametrize("seed", range(2))
def test_questions_are_valid_and_soon_reach_every_field_and_argument(seed: int) -> None:
    seen = Seen()
    for question in islice(questions(seed), SOON):
        assert validate(CONTRACT, parse(question.query)) == []
        seen.look(question)
    assert CONTRACT.query_type is not None
    assert reachable(CONTRACT.query_type, set()) - seen.named == set()


def test_the_same_seed_asks_the_same() -> None:
    assert list(islice(questions(7), 20)) == list(islice(questions(7), 20))
    assert list(islice(questions(7), 20)) != list(islice(questions(8), 20))


def test_questions_use_everything_that_the_language_has() -> None:
    text = "\n".join(question.query for question in islice(questions(1), ENOUGH))
    wanted = ("...F", "... {", "... on ", "@skip", "@include", "a1: ", "$v0", "__typename", "null", "[]", "query Main")
    assert [word for word in wanted if word not in text] == []


def test_the_evaluator_answers_whatever_is_asked() -> None:
    codes = set()
    for question in islice(questions(2), ENOUGH):
        truth = Truth(COMPANY, TODAY, {**DAVE, "role": "VIEWER"}, dict.fromkeys(ENTITIES, 60))
        codes |= {code for _, code in evaluate(truth, question.query, question.variables, question.operation).errors}
    assert codes == {"FORBIDDEN", "BAD_USER_INPUT"}


def test_most_questions_are_answered_without_an_error() -> None:
    good = 0
    for question in islice(questions(3), ENOUGH):
        truth = Truth(COMPANY, TODAY, DAVE, dict.fromkeys(ENTITIES, 60))
        good += not evaluate(truth, question.query, question.variables, question.operation).errors
    assert good > ENOUGH // 2

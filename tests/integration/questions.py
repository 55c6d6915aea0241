"""Random operations over the whole schema: ids, days and cursors that there are, and others that nobody could mean.

The rule it keeps: what is asked follows from `schema.graphql`; a field that is new there is asked for at once.
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLObjectType,
    NameNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_leaf_type,
    print_ast,
    value_from_ast_untyped,
    visit,
)
from hypothesis import strategies as some
from hypothesis_graphql import Mode, from_schema, nodes

from tests.integration.replay import SCHEMA, audience

WORDS = ["", "a", "ß", "%", "x", "7", "00000000-0000-0000-0000-000000000000", "\0", "9" * 300]
"Texts to search for, and such as are no id and no cursor."
MOMENTS = [
    "2026-05-01T12:00:00Z",
    "2026-05-01T12:00:00.123456+05:30",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-05-01",
]
AMOUNTS = ["0", "-3", "12.5", "12.345", "1e3", "9999999999999999.99", "99999999999999999", "1e-400", "NaN", "-inf", "x"]
SIZES = [0, 1, 2, 5, 100, 1000, 1001, -1, 2**31 - 1]
DAYS = [0, 1, -1, -7, -29, -30, -45, -399, -400]
"From today."
FAR = ["0001-01-01", "9999-12-31", "2026-02-30"]


@dataclass(frozen=True)
class Known:
    """What there is to name."""

    ids: list[str]
    cursors: list[str]
    today: date


@dataclass(frozen=True)
class Question:
    """An operation as it is sent."""

    query: str
    variables: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.query}\nwith {json.dumps(self.variables)}"


def questions(known: Known, *roots: str, mode: Mode = Mode.POSITIVE) -> some.SearchStrategy[Question]:
    """Operations on some root fields, of the queries or of the mutations: valid, or wrong in one place."""
    documents: some.SearchStrategy[DocumentNode] = from_schema(
        SCHEMA, fields=roots, custom_scalars=scalars(known), print_ast=tempted, mode=mode
    )
    # What is wrong in a document may be right beside it: there a whole number is an id, however it is written.
    return some.builds(question, documents, lifting=some.sampled_from([False, mode is Mode.POSITIVE]))


def scalars(known: Known) -> dict[str, some.SearchStrategy[ValueNode]]:
    """What is given as each scalar."""
    texts = some.sampled_from(WORDS) | some.sampled_from(known.cursors) | some.text(max_size=20)
    values = some.none() | some.booleans() | some.integers() | texts
    nested = some.recursive(values, nesting, max_leaves=5)
    days = [*(str(known.today + timedelta(days)) for days in DAYS), *FAR]
    return {
        "Date": some.sampled_from(days).map(nodes.String),
        "DateTime": some.sampled_from(MOMENTS).map(nodes.String),
        "Decimal": some.sampled_from(AMOUNTS).map(nodes.String) | some.floats(-1e6, 1e6).map(nodes.Float),
        "ID": some.sampled_from([*known.ids, *WORDS]).map(nodes.String) | some.just(nodes.Int(7)),
        "Int": some.sampled_from(SIZES).map(nodes.Int),
        "JSON": (some.dictionaries(some.sampled_from("abc"), nested, max_size=3) | nested).map(literal),
        "String": texts.map(nodes.String),
    }


def nesting(inner: some.SearchStrategy[Any]) -> some.SearchStrategy[Any]:
    """Lists and objects of values."""
    return some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from("abc"), inner, max_size=3)


def literal(value: Any) -> ValueNode:
    """A value of JSON as a document has it."""
    match value:
        case None:
            return nodes.Null
        case bool():
            return nodes.Boolean(value)
        case int():
            return nodes.Int(value)
        case str():
            return nodes.String(value)
        case list():
            return nodes.List([literal(one) for one in value])
    return nodes.Object([ObjectFieldNode(name=NameNode(value=name), value=literal(one)) for name, one in value.items()])


class Tempting(Visitor):
    """Asks every object that is asked for anything also for the values that it guards."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> SelectionSetNode | None:
        of = self.types.get_parent_type()
        if not isinstance(of, GraphQLObjectType):
            return None
        closed = [
            name for name, field in of.fields.items() if audience(field) and is_leaf_type(get_named_type(field.type))
        ]
        more = [FieldNode(name=NameNode(value=name)) for name in closed]
        return SelectionSetNode(selections=(*node.selections, *more)) if more else None


class Lifting(Visitor):
    """Gives each argument by a variable."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.declared: list[str] = []
        self.values: dict[str, Any] = {}

    def enter_argument(self, node: ArgumentNode, *_: Any) -> ArgumentNode:
        argument = self.types.get_argument()
        assert argument is not None
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {argument.type}")
        self.values[name] = value_from_ast_untyped(node.value)
        return ArgumentNode(name=node.name, value=VariableNode(name=NameNode(value=name)))


def tempted(document: DocumentNode) -> DocumentNode:
    """A document that asks for what is guarded, too."""
    types = TypeInfo(SCHEMA)
    visited: DocumentNode = visit(document, TypeInfoVisitor(types, Tempting(types)))
    return visited


def question(document: DocumentNode, *, lifting: bool) -> Question:
    """A document as it is sent, its arguments in it or beside it."""
    types = TypeInfo(SCHEMA)
    lifted = Lifting(types)
    if lifting:
        document = visit(document, TypeInfoVisitor(types, lifted))
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    declared = f"({', '.join(lifted.declared)})" if lifted.declared else ""
    return Question(f"{operation.operation.value} {declared} {print_ast(operation.selection_set)}", lifted.values)

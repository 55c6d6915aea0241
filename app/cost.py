"""What an operation costs: how many values its answer can have, and what finding them takes; told before it runs.

One rule: what multiplies in the answer multiplies in the cost, so that circles and nested lists are seen from outside.

A value or an object costs 1, and a field that looks through a window of rows `WINDOW` more. A list multiplies what it
holds: by its `first`, else by the rows that it is declared to have. An entry of a list or an object that a field is
given costs `ENTRY`, written out or in a variable. What is written twice costs twice, and what `@skip` or `@include`
leave out costs all the same.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_leaf_type,
    visit,
)
from graphql.execution.values import get_variable_values

from app.limits import fragments
from resolvers.costs import ENTRY, PAGE, expected
from resolvers.paging import DEFAULT, MOST

FIRST = "first"
KEPT = 100
"Costs of a document that are kept, one for each set of sizes that its pages and its variables' values had."


class Price(NamedTuple):
    """What a selection costs for the object that it is of, and for each row where that object is a page."""

    once: int = 0
    each: int = 0


class Costs:
    """What the operations of a valid document cost."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._sizes = _sizes(document)
        self._kept: dict[tuple[object, ...], int] = {}

    def of(self, operation: OperationDefinitionNode, variables: Mapping[str, Any] | None) -> int:
        """The cost of an operation with its variables; 0 where these are wrong, which its execution will say."""
        declared, given = operation.variable_definitions or (), dict(variables or {})
        sizes = [one for one in declared if one.variable.name.value in self._sizes]
        found = get_variable_values(self._schema, sizes, given)
        if isinstance(found, list):
            return 0
        passed = {one.variable.name.value: _passed(one, given) for one in declared}
        key = (operation.name and operation.name.value, *sorted(found.coerced.items()), *passed.values())
        if key not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            root = self._schema.get_root_type(operation.operation)
            till = _Till(self._schema, self._document, found.coerced, passed)
            self._kept[key] = till.price(operation.selection_set, root).once
        return self._kept[key]


class _Till:
    """Adds up a document, with the values of its pages' sizes, and how many entries each variable has."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, values: Mapping[str, Any], passed: Mapping[str, int]
    ) -> None:
        self._schema = schema
        self._values = values
        self._passed = passed
        self._fragments = {node.name.value: node for node in fragments(document)}
        self._known: dict[str, Price] = {}

    def price(self, selections: SelectionSetNode | None, of: Any) -> Price:
        """What a selection on a type costs."""
        prices = [self._selection(selection, of) for selection in selections.selections] if selections else []
        return Price(sum(price.once for price in prices), sum(price.each for price in prices))

    def _selection(self, selection: SelectionNode, of: GraphQLObjectType) -> Price:
        match selection:
            case FieldNode():
                return self._field(selection, of)
            case InlineFragmentNode(type_condition=condition):
                inner = self._schema.get_type(condition.name.value) if condition else of
                return self.price(selection.selection_set, inner)
            case FragmentSpreadNode():
                return self._spread(selection.name.value)
        raise TypeError(f"expected a selection, got {selection.kind}")

    def _spread(self, name: str) -> Price:
        if name not in self._known:
            fragment = self._fragments[name]
            type_ = self._schema.get_type(fragment.type_condition.name.value)
            self._known[name] = self.price(fragment.selection_set, type_)
        return self._known[name]

    def _field(self, node: FieldNode, of: GraphQLObjectType) -> Price:
        name = node.name.value
        field = self._schema.get_field(of, name)
        if field is None:
            raise TypeError(f"expected a field of {of.name}, got {name}")
        type_ = get_named_type(field.type)
        given = ENTRY * sum(_written(one.value, self._passed) for one in node.arguments or ())
        if is_leaf_type(type_):
            return Price(1 + given)
        inner = self.price(node.selection_set, type_)
        row = 1 + inner.once + inner.each * self._first(node, field)
        if name in PAGE:
            return Price(0, row)
        rows, work = expected(name, field)
        return Price(given + work + rows * row)

    def _first(self, node: FieldNode, field: GraphQLField) -> int:
        """How many rows a page has; none where `first` is out of range, which is the field's error."""
        if FIRST not in field.args:
            return 1
        given = next((one.value for one in node.arguments or () if one.name.value == FIRST), None)
        size = self._size(given)
        rows = DEFAULT if size is None else size
        return rows if 0 <= rows <= MOST else 0

    def _size(self, given: ValueNode | None) -> Any:
        match given:
            case IntValueNode(value=value):
                return int(value)
            case VariableNode(name=name):
                return self._values.get(name.value)
        return None


def _passed(definition: VariableDefinitionNode, variables: Mapping[str, Any]) -> int:
    """How many entries a variable has, by its value or its default."""
    name = definition.variable.name.value
    if name in variables:
        return entries(variables[name])
    return _written(definition.default_value, {})


def _written(value: ValueNode | None, passed: Mapping[str, int]) -> int:
    """How many entries a value in a document has, with those of the variables in it."""
    match value:
        case VariableNode(name=name):
            return passed.get(name.value, 0)
        case ListValueNode(values=inner):
            return len(inner) + sum(_written(one, passed) for one in inner)
        case ObjectValueNode(fields=fields):
            return len(fields) + sum(_written(one.value, passed) for one in fields)
    return 0


def entries(value: object) -> int:
    """How many entries the lists and objects in a value of JSON have, all levels together."""
    count, left = 0, [value]
    while left:
        one = left.pop()
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        count += len(inside)
        left += inside
    return count


def _sizes(document: DocumentNode) -> set[str]:
    """The variables that a page's size is given by."""
    names = set[str]()

    class Sizes(Visitor):
        def enter_argument(self, node: Any, *_: Any) -> None:
            if node.name.value == FIRST and isinstance(node.value, VariableNode):
                names.add(node.value.name.value)

    visit(document, Sizes())
    return names

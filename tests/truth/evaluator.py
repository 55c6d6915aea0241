"""The second opinion: what the contract says a query's answer is, given every row there is.

The rule it keeps: it imports nothing of the gateway, and reads as the contract does; speed is no concern.

Where the contract is silent or can be read two ways, this is the reading taken here:

| where | reading |
|---|---|
| a filter without `statuses` | every status; `filter: null` is no filter, so ACTIVE |
| `search` | in the full name as it is written too ("zoe ad"); "" finds everything, blanks are not trimmed |
| `fullName` | first and last name with a blank, without one where either is empty |
| orders of several keys | key by key: last names by casefold, then by code point, only then first names |
| a window from a later date to an earlier one | `BAD_USER_INPUT`, like one of more than 400 dates |
| an equipment log without `endDate` or `startDate` | goes on, or has always been |
| a log without its date | is in every window (only an observation may lack one), and last |
| `first: 0` | `hasNextPage` says whether anything comes after the cursor |
| a cursor of a list of other things | `BAD_USER_INPUT`; one of the same field of another object is not asked with |
| a cursor under another filter or window | is a place in the order: the rows behind it |
| `byPayType` | by the pay type's name, then id, as other named lists |
| entries, breaks, `permissions`, `assignedProjectIds` | as they were given |
| `permissions`, `assignedProjectIds` without a row of ours | null: only `customFields` has a default |
| an equipment log's or material log's `equipment`, `material` | as the log's row has it, and as old as the log |
| a card without `breaks` or `timeEntries` | has none of them, and is not left out; an absent `address` is null |
| a material log's `id`, where Raken gives none | the gateway's own, taken over once for each row there is |
| `orphanedExtensions` | projects, then members, each by id; neither DELETED nor a row left out is gone |
| `cacheStatus` | in the order of the enum |
| `status` that is missing | the row cannot fill its type |
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLIncludeDirective,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionSetNode,
    build_schema,
    get_argument_values,
    get_directive_values,
    get_operation_ast,
    get_variable_values,
    parse,
)
from graphql.execution.values import VariableValues

from tests.truth.answers import Answer, Json, Like, Path
from tests.truth.fields import FIELDS, GUARDED, OURS
from tests.truth.joins import Truth, inside, raw
from tests.truth.lists import Args, Cursor, RefusedError

CONTRACT: GraphQLSchema = build_schema((FilePath(__file__).parent / "contract.graphql").read_text())
entities = CONTRACT.type_map["RakenEntity"]
assert isinstance(entities, GraphQLEnumType)
ENTITIES = tuple(entities.values)


def evaluate(truth: Truth, query: str, variables: dict[str, Any] | None = None, operation: str | None = None) -> Answer:
    """The answer to a valid query, by the contract."""
    document = parse(query)
    asked = get_operation_ast(document, operation)
    assert asked is not None, "the document has not one operation of that name"
    values = get_variable_values(CONTRACT, asked.variable_definitions or (), variables or {})
    assert isinstance(values, VariableValues), values
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    walk = Walk(truth, values, fragments)
    assert CONTRACT.query_type is not None
    return Answer(walk.object(CONTRACT.query_type, None, [asked.selection_set], ()), walk.errors)


class Walk:
    """One walk over an operation's selection, field by field."""

    def __init__(self, truth: Truth, values: VariableValues, fragments: dict[str, FragmentDefinitionNode]) -> None:
        """`errors` fills while walking: (path, code)."""
        self.truth, self.values, self.fragments = truth, values, fragments
        self.errors: list[tuple[Path, str]] = []

    def object(self, kind: GraphQLObjectType, parent: Any, sets: list[SelectionSetNode], path: Path) -> dict[str, Any]:
        """An object's selected fields, in the order in which the query names them first."""
        asked: dict[str, list[FieldNode]] = {}
        for selections in sets:
            for node in self.flat(selections):
                asked.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        return {key: self.field(kind, parent, nodes, (*path, key)) for key, nodes in asked.items()}

    def flat(self, selections: SelectionSetNode) -> Iterator[FieldNode]:
        """The fields of a selection, those of its fragments too. Every type is an object: conditions always hold."""
        for node in selections.selections:
            if not self.included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self.flat(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self.flat(self.fragments[node.name.value].selection_set)

    def included(self, node: Any) -> bool:
        """What @skip and @include say."""
        skip = get_directive_values(GraphQLSkipDirective, node, self.values)
        include = get_directive_values(GraphQLIncludeDirective, node, self.values)
        return not (skip and skip["if"]) and not (include and not include["if"])

    def field(self, kind: GraphQLObjectType, parent: Any, nodes: list[FieldNode], path: Path) -> Any:
        """One field; null with an error where it is refused."""
        name = nodes[0].name.value
        if name == "__typename":
            return kind.name
        definition = kind.fields[name]
        args = get_argument_values(definition, nodes[0], self.values)
        try:
            value = self.value(kind.name, name, parent, args)
        except RefusedError as refused:
            self.errors.append((path, str(refused)))
            return None
        if value == "" and (kind.name, name) not in OURS and not isinstance(definition.type, GraphQLNonNull):
            return None
        return self.complete(definition.type, value, nodes, path)

    def value(self, kind: str, name: str, parent: Any, args: Args) -> Any:
        """What a field is before its own selection is applied."""
        role = self.truth.me["role"]
        if role not in GUARDED.get((kind, name), (role,)):
            raise RefusedError("FORBIDDEN")
        said = FIELDS.get(kind, {}).get(name)
        return inside(raw(parent), name) if said is None else said(self.truth, parent, args)

    def complete(self, kind: GraphQLOutputType, value: Any, nodes: list[FieldNode], path: Path) -> Any:
        """A value as the answer has it: its lists, objects and scalars."""
        if isinstance(kind, GraphQLNonNull):
            completed = self.complete(kind.of_type, value, nodes, path)
            assert completed is not None, f"the evaluator has null at {path}, where the contract has none"
            return completed
        if value is None:
            return None
        if isinstance(kind, GraphQLList):
            return [self.complete(kind.of_type, item, nodes, (*path, index)) for index, item in enumerate(value)]
        if isinstance(kind, GraphQLObjectType):
            return self.object(kind, value, [node.selection_set for node in nodes if node.selection_set], path)
        return value if isinstance(value, (Like, Cursor)) else SCALARS.get(kind.name, str)(value)


def zulu(text: str) -> str:
    """A date-time in UTC, ending in Z; Raken's end so already."""
    if text.endswith("Z"):
        return text
    return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


SCALARS: dict[str, Callable[[Any], Any]] = {
    "Int": int,
    "Float": float,
    "Boolean": bool,
    "JSON": Json,
    "DateTime": zulu,
}

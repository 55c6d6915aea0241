"""Documents: parsed, measured and validated once, then kept, the least recently used going first.

One rule: nothing is executed that has not passed here.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from graphql.validation.validate import ValidationAbortedError

from app.cost import Costs
from app.errors import PARSE_FAILED, TOO_COMPLEX, VALIDATION_FAILED
from app.limits import DEFAULTS, Limits, excess, operations

KEPT = 500_000
"Characters of the documents that are kept; parsed, each takes about a hundred bytes."
LOGIN = "login"
FREE = frozenset((LOGIN, "__typename"))
"Root fields that anyone may ask for."
STRANGERS = 2_000
"Tokens of a document that a stranger may have run: one that signs in has some dozens, and each takes 40 µs to read."
STRANGERS_LENGTH = 16_384
"Characters of it: a token may be as long as a request, and a megabyte of text takes a second to read."
COMPARISONS = 50_000
"What validation may spend on comparing fields of one name: a tenth of graphql-core's own limit, which takes seconds."
_GAVE_UP = "Parsing aborted."  # graphql-core's last words where a document is too large, or nested past its stack


class Refused(Exception):
    """A document that is not run; `errors` say why, `code` is their contract code."""

    def __init__(self, errors: list[GraphQLError], code: str) -> None:
        super().__init__(code)
        self.errors = errors
        self.code = code


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is valid, and what of its operations matters before they run."""

    node: DocumentNode
    costs: Costs

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of a name, or the only one; None where that is not clear."""
        return _operation(self.node, name)


class Documents:
    """The documents that were asked for lately."""

    def __init__(self, schema: GraphQLSchema, limits: Limits = DEFAULTS) -> None:
        self._schema = schema
        self._limits = limits
        overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = COMPARISONS
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._size = 0

    def read(self, query: str) -> Document:
        """The document of a text, for the signed-in.

        Raises:
            Refused: it cannot be parsed, is too complex, or is not valid against the schema.
        """
        document = self._kept.get(query)
        if document is None:
            document = self._valid(self._parsed(query, self._limits.tokens))
            self._keep(query, document)
        self._kept.move_to_end(query)
        return document

    def free(self, query: str, name: str | None) -> Document | None:
        """A document without the other operations and what only they spread, where anyone may run it; None where not.

        Raises:
            Refused: it signs in more than once, or is not valid; strangers learn nothing of the schema, so it is not
                said why.
        """
        if len(query) > STRANGERS_LENGTH:
            return None
        try:
            node = self._parsed(query, min(STRANGERS, self._limits.tokens))
        except Refused:
            return None
        operation = _operation(node, name)
        fragments = {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)}
        roots = _root_fields(operation.selection_set, fragments) if operation else []
        if operation is None or not roots or not FREE.issuperset(roots):
            return None
        logins = roots.count(LOGIN)
        if logins > 1:
            raise Refused([GraphQLError(f"expected one {LOGIN} at most, got {logins}")], TOO_COMPLEX)
        others = [one for one in operations(node) if one is not operation]
        theirs = _spread(others, fragments) - _spread([operation], fragments)
        kept = [fragment for spread, fragment in fragments.items() if spread not in theirs]
        try:
            return self._valid(DocumentNode(definitions=(operation, *kept)))
        except Refused as refused:
            raise Refused([GraphQLError("the operation is not valid; sign in to hear why")], refused.code) from None

    def _parsed(self, query: str, most: int) -> DocumentNode:
        """A document that is within its limits, and has so many tokens at most.

        Raises:
            Refused: it is not, or cannot be parsed.
        """
        try:
            node = parse(query, max_tokens=most)
        except GraphQLError as error:
            if not error.message.endswith(_GAVE_UP):
                raise Refused([error], PARSE_FAILED) from None
            too_much: str | None = f"expected {most} tokens at most, comments counted, and none nested deeply; got more"
        else:
            too_much = excess(node, self._limits)
        if too_much is not None:
            raise Refused([GraphQLError(too_much)], TOO_COMPLEX)
        return node

    def _valid(self, node: DocumentNode) -> Document:
        errors = validate(self._schema, node)
        if errors and isinstance(errors[0], ValidationAbortedError):
            raise Refused(
                [GraphQLError("expected fewer fields of the same name, got too many to compare")], TOO_COMPLEX
            )
        if errors:
            raise Refused(errors, VALIDATION_FAILED)
        return Document(node, Costs(self._schema, node))

    def _keep(self, query: str, document: Document) -> None:
        self._kept[query] = document
        self._size += len(query)
        while self._size > KEPT and len(self._kept) > 1:
            gone, _ = self._kept.popitem(last=False)
            self._size -= len(gone)


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    found = [
        node for node in operations(document) if name is None or (node.name is not None and node.name.value == name)
    ]
    return found[0] if len(found) == 1 else None


def _root_fields(selections: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> list[str]:
    """The names of the fields that a selection has at its root, in fragments too; one twice that is there twice."""
    names, unseen, left = list[str](), dict(fragments), [selections]
    while left:
        for selection in left.pop().selections:
            match selection:
                case FieldNode():
                    names.append(selection.name.value)
                case InlineFragmentNode():
                    left.append(selection.selection_set)
                case FragmentSpreadNode():
                    fragment = unseen.pop(selection.name.value, None)
                    left += [fragment.selection_set] if fragment else []
    return names


def _spread(roots: Iterable[OperationDefinitionNode], fragments: Mapping[str, FragmentDefinitionNode]) -> set[str]:
    """The names of the fragments that operations spread, by other fragments too."""
    names, left = set[str](), [root.selection_set for root in roots]
    while left:
        for selection in left.pop().selections:
            match selection:
                case FragmentSpreadNode(name=name):
                    if name.value in fragments and name.value not in names:
                        names.add(name.value)
                        left.append(fragments[name.value].selection_set)
                case FieldNode(selection_set=inner) | InlineFragmentNode(selection_set=inner):
                    left += [inner] if inner else []
    return names


def changes(operation: OperationDefinitionNode | None) -> bool:
    """Whether an operation is anything but a query, which is all that GET may run."""
    return operation is not None and operation.operation is not OperationType.QUERY

"""Documents: parsed and validated once, then kept, the least recently used going first.

One rule: nothing is executed that has not passed here.
"""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from app.errors import PARSE_FAILED, VALIDATION_FAILED

TOKENS = 10_000
KEPT = 1_000
FREE = frozenset(("login", "__typename"))
"Root fields that anyone may ask for."


class Refused(Exception):
    """A document that is not run; `errors` say why, `code` is their contract code."""

    def __init__(self, errors: list[GraphQLError], code: str) -> None:
        super().__init__(code)
        self.errors = errors
        self.code = code


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document, and what of its operations matters before they run."""

    node: DocumentNode

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of a name, or the only one; None where that is not clear."""
        found = [
            node
            for node in self.node.definitions
            if isinstance(node, OperationDefinitionNode) and (name is None or (node.name and node.name.value == name))
        ]
        return found[0] if len(found) == 1 else None


class Documents:
    """The documents that were asked for lately."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def read(self, query: str) -> Document:
        """The document of a text.

        Raises:
            Refused: it cannot be parsed, or is not valid against the schema.
        """
        document = self._kept.get(query)
        if document is None:
            document = self._kept[query] = self._check(query)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(query)
        return document

    def _check(self, query: str) -> Document:
        node = _parsed(query)
        errors = validate(self._schema, node)
        if errors:
            raise Refused(errors, VALIDATION_FAILED)
        return Document(node)


def _parsed(query: str) -> DocumentNode:
    try:
        return parse(query, max_tokens=TOKENS)
    except GraphQLError as error:
        raise Refused([error], PARSE_FAILED) from None
    except RecursionError:
        raise Refused([GraphQLError("expected a document of less depth")], PARSE_FAILED) from None


def free(query: str, name: str | None) -> bool:
    """Whether anyone may run a document's operation: its root fields are all `login` or `__typename`."""
    try:
        operation = Document(_parsed(query)).operation(name)
    except Refused:
        return False
    return operation is not None and all(
        isinstance(field, FieldNode) and field.name.value in FREE for field in operation.selection_set.selections
    )


def changes(operation: OperationDefinitionNode | None) -> bool:
    """Whether an operation is anything but a query, which is all that GET may run."""
    return operation is not None and operation.operation is not OperationType.QUERY

"""How much a document may have, each an operator's to set: measured before it is validated, let alone run.

One rule: linear. A fragment is measured once, and counts as often as it is spread.
"""

from collections.abc import Iterable
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)


class Limits(NamedTuple):
    """The most that a request may have; each is the variable `MAX_` and its name."""

    body_bytes: int = 1024 * 1024
    tokens: int = 10_000
    "Of a document, its comments counted."
    depth: int = 15
    "Levels of fields; the introspection that GraphiQL sends has just as many."
    aliases: int = 50
    directives: int = 50
    fields: int = 2_000
    "What validation takes grows faster than their number."
    cost: int = 10_000_000
    "See app/cost.py."


DEFAULTS = Limits()


class Size(NamedTuple):
    """How large a selection is, its fragments unfolded."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    fields: int = 0


def excess(document: DocumentNode, limits: Limits = DEFAULTS) -> str | None:
    """What a document has too much of, with the figure and the limit; None where all is well."""
    ruler = _Ruler(document)
    try:
        sizes = [*map(ruler.definition, operations(document)), *map(ruler.definition, fragments(document))]
    except RecursionError:
        return f"expected a depth of {limits.depth} at most, got fragments within fragments past counting"
    depth, aliases, directives, fields = (max(column, default=0) for column in _columns(sizes))
    if depth > limits.depth:
        return f"expected a depth of {limits.depth} at most, got {depth}"
    for what, got, most in (
        ("aliases", aliases, limits.aliases),
        ("directives", directives, limits.directives),
        ("fields", fields, limits.fields),
    ):
        if got > most:
            return f"expected {most} {what} at most, got {got}"
    return None


def operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    """The operations of a document, in its order."""
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def fragments(document: DocumentNode) -> list[FragmentDefinitionNode]:
    """The fragments of a document, in its order."""
    return [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]


def _columns(sizes: Iterable[Size]) -> list[tuple[int, ...]]:
    return list(zip(*sizes, strict=True)) or [()] * len(Size._fields)


class _Ruler:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {node.name.value: node for node in fragments(document)}
        self._known: dict[str, Size] = {}

    def definition(self, node: OperationDefinitionNode | FragmentDefinitionNode) -> Size:
        """An operation's size or a fragment's, with what stands before its selection."""
        inner = self._set(node.selection_set)
        before = (node, *(node.variable_definitions or ()))
        return inner._replace(directives=inner.directives + sum(len(one.directives or ()) for one in before))

    def _set(self, selections: SelectionSetNode | None) -> Size:
        sizes = [self._of(selection) for selection in selections.selections] if selections else []
        depth, *others = _columns(sizes)
        return Size(max(depth, default=0), *map(sum, others))

    def _of(self, selection: SelectionNode) -> Size:
        size, directives = self._inside(selection), len(selection.directives or ())
        return size._replace(directives=size.directives + directives) if directives else size

    def _inside(self, selection: SelectionNode) -> Size:
        match selection:
            case FieldNode():
                inner = self._set(selection.selection_set)
                aliases = inner.aliases + (selection.alias is not None)
                return Size(inner.depth + 1, aliases, inner.directives, inner.fields + 1)
            case InlineFragmentNode():
                return self._set(selection.selection_set)
            case FragmentSpreadNode():
                return self._spread(selection.name.value)
        raise TypeError(f"expected a selection, got {selection.kind}")

    def _spread(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = Size()  # for one that spreads itself, which validation refuses
            fragment = self._fragments.get(name)
            self._known[name] = self.definition(fragment) if fragment else Size()
        return self._known[name]

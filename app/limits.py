"""How deep a document goes, and how many aliases it has: measured before it is validated, let alone run.

One rule: linear. A fragment is measured once, and counts as often as it is spread.
"""

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

DEPTH = 15
"Levels of fields; the introspection that GraphiQL sends has just as many."
ALIASES = 50


class Size(NamedTuple):
    """How large a selection is, its fragments unfolded."""

    depth: int
    aliases: int


def excess(document: DocumentNode) -> str | None:
    """What a document has too much of, with the figure and the limit; None where all is well."""
    ruler = _Ruler(document)
    try:
        sizes = [ruler.size(node.selection_set) for node in operations(document)]
    except RecursionError:
        return f"expected a depth of {DEPTH} at most, got fragments within fragments past counting"
    depth = max((size.depth for size in sizes), default=0)
    aliases = max((size.aliases for size in sizes), default=0)
    if depth > DEPTH:
        return f"expected a depth of {DEPTH} at most, got {depth}"
    if aliases > ALIASES:
        return f"expected {ALIASES} aliases at most, got {aliases}"
    return None


def operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    """The operations of a document, in its order."""
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


class _Ruler:
    def __init__(self, document: DocumentNode) -> None:
        fragments = (node for node in document.definitions if isinstance(node, FragmentDefinitionNode))
        self._fragments = {node.name.value: node.selection_set for node in fragments}
        self._known: dict[str, Size] = {}

    def size(self, selections: SelectionSetNode | None) -> Size:
        if selections is None:
            return Size(0, 0)
        sizes = [self._of(selection) for selection in selections.selections]
        return Size(max((size.depth for size in sizes), default=0), sum(size.aliases for size in sizes))

    def _of(self, selection: SelectionNode) -> Size:
        match selection:
            case FieldNode():
                inner = self.size(selection.selection_set)
                return Size(inner.depth + 1, inner.aliases + (selection.alias is not None))
            case InlineFragmentNode():
                return self.size(selection.selection_set)
            case FragmentSpreadNode():
                return self._spread(selection.name.value)
        raise TypeError(f"expected a selection, got {selection.kind}")

    def _spread(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = Size(0, 0)  # for one that spreads itself, which validation refuses
            self._known[name] = self.size(self._fragments.get(name))
        return self._known[name]

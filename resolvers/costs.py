"""What a field is taken to cost, declared beside it; app/cost.py adds it up.

One rule: a list of objects that has no `first` says how many rows it is taken to have.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import GraphQLField

WINDOW = 50
"What finding the rows of a window takes, in values: half a millisecond."
ENTRY = 10
"""What an entry of an argument's list or object takes, in values: each field that is given it converts it anew. That is
half a microsecond, and more is asked for it, because nothing ends it once it has begun."""
KEY = "cost"
PAGE = frozenset(("nodes", "edges"))
"The lists that have as many rows as the `first` of the field that they are a page of."


class Expected(NamedTuple):
    """How many rows a field is taken to have, and what finding them takes, in values."""

    rows: int = 1
    work: int = 0


NOTHING = Expected()
META = {
    "types": Expected(rows=100),
    "directives": Expected(rows=10),
    "fields": Expected(rows=10),
    "inputFields": Expected(rows=5),
    "args": Expected(rows=3),
    "enumValues": Expected(rows=5),
}
"The lists of introspection, whose fields are not ours to declare; other lists of it have a row or none."


def cost(rows: int = 1, work: int = 0) -> Mapping[str, Any]:
    """The `metadata` of a field of such a cost."""
    return {KEY: Expected(rows, work)}


def expected(name: str, field: GraphQLField) -> Expected:
    """What is declared of a field of that name."""
    definition = field.extensions.get("strawberry-definition")
    if definition is None:
        return META.get(name, NOTHING)
    declared: Expected = definition.metadata.get(KEY, NOTHING)
    return declared

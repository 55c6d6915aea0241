"""An answer executed once more, as a role and by the schema on paper: what a right answer to that role would be.

The rule it keeps: guards, types and nulls are those that `schema.graphql` declares; nothing of the gateway is asked.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLResolveInfo,
    build_schema,
    execute_sync,
    get_named_type,
    parse,
)

SCHEMA = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())
GUARD = re.compile(r"Only for ([A-Z, ]+)\.$")
"How a field's description ends that is not for everyone."
FORBIDDEN = "FORBIDDEN"

Place = tuple[str | int, ...]
"The path of a field in an answer."


def text(form: str = "(?s:.*)") -> Callable[[Any], bool]:
    """Whether a value is a text of a form."""
    wanted = re.compile(form)
    return lambda value: isinstance(value, str) and wanted.fullmatch(value) is not None


def number(*types: type) -> Callable[[Any], bool]:
    """Whether a value is a number of some types, of which a truth is none, and fits into what GraphQL has for it."""
    return lambda value: type(value) in types and (type(value) is float or -(2**31) <= value < 2**31)


WRITTEN: Mapping[str, Callable[[Any], bool]] = {
    "Boolean": lambda value: isinstance(value, bool),
    "Date": text(r"\d{4}-\d\d-\d\d"),
    "DateTime": text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"),
    "Decimal": text(r"-?\d+(\.\d+)?"),
    "Float": number(int, float),
    "ID": text(),
    "Int": number(int),
    "String": text(),
    "Time": text(r"\d\d:\d\d:\d\d"),
}
"How the values of each scalar are written; JSON is anything."


@dataclass(frozen=True)
class Replayed:
    """What the schema makes of an answer: its data, and what its errors say, by their places."""

    data: Any
    errors: dict[Place, str]


def audience(field: GraphQLField) -> frozenset[str] | None:
    """The roles that a field is for; None for everyone."""
    guard = GUARD.search(field.description or "")
    return frozenset(guard[1].split(", ")) if guard else None


def replayed(query: str, variables: Mapping[str, Any], data: Any, role: str) -> Replayed:
    """The data of an answer, executed for a role: what is guarded against that is null, with an error."""

    def resolve(source: Mapping[str, Any], info: GraphQLResolveInfo[None], **_arguments: Any) -> Any:
        field = info.parent_type.fields[info.field_name]
        roles = audience(field)
        if roles is not None and role not in roles:
            raise GraphQLError(FORBIDDEN)
        return role if _is_askers(info) else _read(source[str(info.path.key)], get_named_type(field.type).name)

    executed = execute_sync(SCHEMA, parse(query), data, variable_values=dict(variables), field_resolver=resolve)
    return Replayed(executed.data, {tuple(error.path or ()): error.message for error in executed.errors or ()})


def _is_askers(info: GraphQLResolveInfo[None]) -> bool:
    """Whether a field is the asker's own role: nothing else differs between two who may see it."""
    above = info.path.prev
    return info.field_name == "role" and above is not None and above.typename == "Query"


def _read(value: Any, scalar: str) -> Any:
    """A value as the answer has it.

    Raises:
        TypeError: it is not written as its scalar is.
    """
    written = WRITTEN.get(scalar)
    for one in value if isinstance(value, list) else [value]:
        if written is not None and one is not None and not written(one):
            raise TypeError(f"expected a {scalar}, got {one!r}")
    return value

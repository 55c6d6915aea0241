"""The OpenAPI 3.1 document of the REST paths.

One rule: it is made of what the routes are made of: the collections, and what the rows of a type show.
"""

from functools import cache
from importlib.metadata import version
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
)

from resolvers.collections import COLLECTIONS, Collection, Shown, shown
from resolvers.graph import GRAPH

JSON = "application/json"
SCALARS: dict[str, dict[str, Any]] = {
    "Boolean": {"type": "boolean"},
    "Date": {"type": "string", "format": "date"},
    "DateTime": {"type": "string", "format": "date-time"},
    "Decimal": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
    "Float": {"type": "number"},
    "ID": {"type": "string"},
    "Int": {"type": "integer"},
    "JSON": {},
    "String": {"type": "string"},
    "Time": {"type": "string", "pattern": r"^\d{2}:\d{2}:\d{2}$"},
}
FAILURES = {
    "400": "An argument that cannot be meant.",
    "401": "Nobody is signed in, or the credentials are wrong.",
    "403": "The role does not reach this.",
    "404": "There is no such row.",
    "429": "Too much within a minute; `Retry-After` says when to ask again.",
    "500": "Nobody foresaw this; the message has the request id that the log knows it by.",
    "503": "Raken's part is missing and nothing is cached, or Postgres is away.",
}


@cache
def openapi() -> dict[str, Any]:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Raken gateway",
            "version": version("raken-gateway"),
            "description": "Collections over the same data, roles and freshness as `/graphql`, without what is joined.",
        },
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": {path: item for one in COLLECTIONS.values() for path, item in _paths(one).items()},
        "components": {"schemas": _schemas(), "securitySchemes": _SIGNING_IN},
    }


_SIGNING_IN = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "raken_gateway_session"},
}


def _paths(one: Collection) -> dict[str, Any]:
    words, window = one.path.replace("-", " "), [_parameter(name, each) for name, each in one.window.items()]
    listed = [_parameter(name, each) for name, each in one.arguments.items()]
    id_ = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "The row's id."}
    return {
        f"/api/{one.path}/": {"get": _operation(f"A page of {words}.", f"{one.name}List", listed, f"{one.type}Page")},
        f"/api/{one.path}/{{id}}": {
            "get": _operation(f"One of the {words}.", f"{one.name}One", [id_, *window], one.type.name)
        },
        f"/api/{one.path}/refresh": {
            "post": _operation(f"ADMIN. Reads {words} anew.", f"{one.name}Refresh", [], "RefreshResult")
        },
    }


def _operation(summary: str, name: str, parameters: list[Any], schema: str) -> dict[str, Any]:
    answers = {"200": ("The answer.", schema), **{status: (words, "Error") for status, words in FAILURES.items()}}
    responses: dict[str, Any] = {
        status: {"description": words, "content": {JSON: {"schema": _ref(shape)}}}
        for status, (words, shape) in answers.items()
    }
    if not name.endswith("Refresh"):
        responses["304"] = {"description": "What the client has is the answer (`If-None-Match`)."}
    return {"summary": summary, "operationId": name, "parameters": parameters, "responses": responses}


def _parameter(name: str, argument: Any) -> dict[str, Any]:
    schema = _limits(name) | _input(argument.type)
    return {"name": name, "in": "query", "required": False, "description": argument.description, "schema": schema}


def _limits(name: str) -> dict[str, Any]:
    return {"minimum": 0, "maximum": 1000, "default": 100} if name == "first" else {}


def _input(type_: GraphQLInputType) -> dict[str, Any]:
    """The schema of an argument."""
    if isinstance(type_, GraphQLNonNull):
        return _input(type_.of_type)
    if isinstance(type_, GraphQLList):
        return {"type": "array", "items": _input(type_.of_type)}
    return _leaf(type_)


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {"Error": _ERROR, "Problem": _PROBLEM}
    for type_ in (
        GRAPH.type_map["PageInfo"],
        GRAPH.type_map["RefreshResult"],
        *(one.type for one in COLLECTIONS.values()),
    ):
        _gather(type_, found)
    for one in COLLECTIONS.values():
        found[f"{one.type}Page"] = _partly(
            {
                "nodes": {"type": "array", "items": _ref(one.type.name)},
                "pageInfo": _ref("PageInfo"),
                "totalCount": {"type": "integer"},
            }
        )
        found[one.type.name]["properties"]["errors"] = _ERRORS
    return found


_PROBLEM = {
    "type": "object",
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    "required": ["code", "message"],
}
_ERROR = {"type": "object", "properties": {"error": {"$ref": "#/components/schemas/Problem"}}, "required": ["error"]}
_ERRORS = {
    "type": "array",
    "items": {"$ref": "#/components/schemas/Problem"},
    "description": "There where a part could not be read, which then is null: ASR's fields while Postgres is away.",
}


def _partly(properties: dict[str, Any]) -> dict[str, Any]:
    """An object that says what parts of it failed of, where some did."""
    required = list(properties)
    return {
        "type": "object",
        "properties": {**properties, "errors": _ERRORS},
        "required": required,
        "additionalProperties": False,
    }


def _gather(type_: GraphQLNamedType, found: dict[str, Any]) -> None:
    """The schemas of a type of objects, and of those within it."""
    if not isinstance(type_, GraphQLObjectType) or type_.name in found:
        return
    fields = shown(type_)
    found[type_.name] = {
        "type": "object",
        "description": type_.description,
        "properties": {one.name: _output(one.field.type) | _described(one) for one in fields},
        "required": [one.name for one in fields if one.roles is None],
        "additionalProperties": False,
    }
    for one in fields:
        _gather(get_named_type(one.field.type), found)


def _described(one: Shown) -> dict[str, str]:
    return {"description": one.field.description or ""}


def _output(type_: GraphQLOutputType) -> dict[str, Any]:
    """The schema of a value that an answer has."""
    if isinstance(type_, GraphQLNonNull):
        return _given(type_.of_type)
    given = _given(type_)
    return {"anyOf": [given, {"type": "null"}]} if given else {}


def _given(type_: Any) -> dict[str, Any]:
    if isinstance(type_, GraphQLList):
        return {"type": "array", "items": _output(type_.of_type)}
    return _ref(type_.name) if isinstance(type_, GraphQLObjectType) else _leaf(type_)


def _leaf(type_: GraphQLNamedType) -> dict[str, Any]:
    if isinstance(type_, GraphQLEnumType):
        return {"type": "string", "enum": list(type_.values)}
    return SCALARS[type_.name]


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}

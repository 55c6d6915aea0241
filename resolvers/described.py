"""Enums of the pure bottom, given to the schema with a description on each value."""

from enum import Enum
from typing import Any

import strawberry


def described(enum: type[Enum], name: str, description: str, **values: str) -> None:
    """Makes the enum a GraphQL type; the keywords describe its values."""
    graphql: Any = strawberry.enum(enum, name=name, description=description)
    for value in graphql.__strawberry_definition__.values:
        value.description = values[value.name]

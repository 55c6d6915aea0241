"""The schema, put together once: for the server, for `schema.graphql`, and for whoever compiles operations."""

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from resolvers.mutations import Mutation
from resolvers.queries import Query
from resolvers.scalars import SCALARS

SCHEMA = strawberry.Schema(query=Query, mutation=Mutation, config=StrawberryConfig(scalar_map=SCALARS))
GRAPH: GraphQLSchema = SCHEMA._schema  # noqa: SLF001 - Strawberry has no public door to the schema that it builds


def sdl() -> str:
    """The schema as `schema.graphql` has it."""
    return SCHEMA.as_str() + "\n"

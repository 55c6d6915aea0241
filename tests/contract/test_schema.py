"""The schema against the contract: nothing that clients rely on is broken, and all of it is described."""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
    is_specified_scalar_type,
)

from resolvers.graph import GRAPH, sdl
from resolvers.schema import CATALOGUE, RakenEntity

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "tests" / "truth" / "contract.graphql"


def test_nothing_that_clients_rely_on_is_broken() -> None:
    changes = find_breaking_changes(build_schema(CONTRACT.read_text()), GRAPH)
    assert [change.description for change in changes] == []


def test_the_schema_on_disk_is_the_one_that_is_served() -> None:
    assert (ROOT / "schema.graphql").read_text() == sdl()
    assert find_breaking_changes(build_schema(sdl()), GRAPH) == []


def described() -> Iterator[tuple[str, str | None]]:
    """Everything that may carry a description, by its place in the schema."""
    for name, type_ in GRAPH.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(type_):
            continue
        yield name, type_.description
        match type_:
            case GraphQLEnumType():
                yield from ((f"{name}.{value}", each.description) for value, each in type_.values.items())
            case GraphQLInputObjectType():
                yield from ((f"{name}.{field}", each.description) for field, each in type_.fields.items())
            case GraphQLObjectType() | GraphQLInterfaceType():
                for field, each in type_.fields.items():
                    yield f"{name}.{field}", each.description
                    yield from ((f"{name}.{field}({arg})", one.description) for arg, one in each.args.items())


def test_everything_is_described_in_sentences() -> None:
    places = dict(described())
    assert len(places) > 300
    ends = (".", "…")
    assert {place: words for place, words in places.items() if not (words or "").strip().endswith(ends)} == {}


def test_the_enum_of_entities_is_the_catalogue_in_its_order() -> None:
    enum = GRAPH.type_map["RakenEntity"]
    assert isinstance(enum, GraphQLEnumType)
    assert list(enum.values) == [entity.name for entity in CATALOGUE] == [each.name for each in RakenEntity]


def test_every_entitys_type_is_in_the_schema() -> None:
    assert {type_.__name__ for type_ in CATALOGUE.values()} <= set(GRAPH.type_map)

"""What holds for every entity of the catalogue, whichever it is: each reads its sample and declares itself whole."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLScalarType

from app.config import settings
from app.metrics import Metrics
from loaders.decode import identify, page
from loaders.entities.time_cards import TimeCardRow
from loaders.entity import Blankable, Entity, Located, Month, Row, Scope, SliceKey
from loaders.freshness import Lifetime, State
from loaders.operation import Serving
from loaders.pages import Reading
from loaders.slices import Memory, Slice, sort_key
from loaders.usage import Usages
from resolvers.graph import GRAPH
from resolvers.node import Freshness, Node
from resolvers.paging import pack, unpack
from resolvers.schema import CATALOGUE, ENTITIES
from tests.contract.samples import DAY, SAMPLES, UUID

PROJECT = f"{UUID}1"
EACH = pytest.mark.parametrize("entity", CATALOGUE, ids=lambda entity: entity.name)
GIVEN = {"JWT_SECRET": "a-secret-that-only-this-test-knows-of"}


def key_of(entity: Entity[Any]) -> SliceKey:
    """A slice of an entity that the sample lies in."""
    project = PROJECT if entity.scope is Scope.PROJECT else None
    return SliceKey(entity, project, Month.of(date.fromisoformat(DAY)) if entity.dated else None)


def sample(entity: Entity[Any], **more: Any) -> Any:
    """The sample as it is decoded."""
    return read(entity, SAMPLES[entity.name] | more)


def read(entity: Entity[Any], *rows: dict[str, Any]) -> Any:
    body = {"page": {"totalElements": len(rows)}, "collection": rows}
    decoded = page(json.dumps(body).encode(), key_of(entity))
    assert [str(each) for each in decoded.rejected] == []
    identify(decoded.rows, entity)
    return decoded.rows[0]


def test_every_entity_has_a_sample_and_every_sample_an_entity() -> None:
    assert list(SAMPLES) == list(ENTITIES)


@EACH
def test_its_sample_is_read_whole(entity: Entity[Any]) -> None:
    row = sample(entity)
    assert isinstance(row, entity.row)
    assert row.id
    known = {field.encode_name for field in msgspec.structs.fields(entity.row)}
    if entity.whole:
        assert row.data == SAMPLES[entity.name]
    else:
        assert set(SAMPLES[entity.name]) <= known


@EACH
def test_fields_that_raken_adds_are_no_trouble(entity: Entity[Any]) -> None:
    row = sample(entity, addedSince={"deep": [1, None, "x"]})
    assert row.id == sample(entity).id


@EACH
def test_a_blank_text_is_null_where_it_may_be(entity: Entity[Any]) -> None:
    names = {field.name: field.encode_name for field in msgspec.structs.fields(entity.row)}
    blank = getattr(entity.row, "blank", ())
    row = sample(entity, **{names[name]: "" for name in blank})
    assert [getattr(row, name) for name in blank] == [None] * len(blank)


def test_what_names_its_blanks_is_blankable() -> None:
    named = [kind for kind in kinds_of(Row) if "blank" in vars(kind)]
    assert TimeCardRow in named
    assert [kind for kind in named if not issubclass(kind, Blankable)] == []


def kinds_of(kind: type[Row]) -> list[type[Row]]:
    """A kind of row and all below it."""
    return [kind, *(below for each in kind.__subclasses__() for below in kinds_of(each))]


@EACH
def test_its_sort_key_is_of_texts_and_booleans_so_that_a_cursor_can_carry_it(entity: Entity[Any]) -> None:
    key = sort_key(entity, sample(entity))
    assert unpack(pack("list", key), "list") == key
    bare: Row = sample(entity)
    shape = [type(part) for part in key]
    assert shape == [type(part) for part in sort_key(entity, bare)]
    assert set(shape) <= {bool, str}


@EACH
def test_it_is_found_by_its_indexes_and_its_id(entity: Entity[Any]) -> None:
    row = sample(entity)
    slice_ = Slice.of(key_of(entity), reading(row), None, 1)
    assert slice_.by_id == {row.id: row}
    for name, value in entity.keys.items():
        assert list(slice_.find(name, value(row) or "")) == [row], name
    assert ("project" in entity.keys) == issubclass(entity.row, Located)


def reading(*rows: Any) -> Reading:
    moment: Any = None
    return Reading(rows, (), (), moment, 0.0, None, requests=1)


@EACH
def test_a_dated_entity_is_asked_for_by_month_and_has_a_span_and_others_do_not(entity: Entity[Any]) -> None:
    params = key_of(entity).params()
    assert ("fromDate" in params) == ("toDate" in params) == entity.dated == (entity.span is not None)
    if entity.span is not None:
        assert entity.span(sample(entity))[0] == date.fromisoformat(DAY)
    assert ("projectUuid" in params) == (entity.scope is Scope.PROJECT)
    assert entity.scope is Scope.COMPANY or "project" in entity.keys


@EACH
def test_a_ttl_and_a_scope_can_be_set_for_it(entity: Entity[Any]) -> None:
    given = settings(GIVEN | {f"TTL_{entity.name}": "77"}, list(CATALOGUE))
    assert given.lifetime(entity) == Lifetime(77, 77, 604_800)
    assert settings(GIVEN, list(CATALOGUE)).lifetime(entity).ttl == entity.lifetime > 0


@EACH
async def test_its_name_is_the_label_of_its_metrics(entity: Entity[Any]) -> None:
    usages = Usages(list(CATALOGUE))
    usages.served(key_of(entity), "hit")
    usages.asked(entity.path, 200)
    request: Any = None
    text = bytes((await Metrics(usages, Memory(1)).page(request)).body).decode()
    assert f'raken_gateway_reads_total{{entity="{entity.name}",outcome="hit"}} 1.0' in text
    assert f'raken_gateway_upstream_requests_total{{entity="{entity.name}",status="200"}} 1.0' in text


@EACH
def test_every_plain_field_of_its_type_is_read_off_the_row(entity: Entity[Any]) -> None:
    type_, row = CATALOGUE[entity], sample(entity)
    serving = Serving(Slice.of(key_of(entity), reading(row), None, 1), State.FRESH, 0.0, Lifetime(1, 1, 1))
    node = type_.of(row, serving) if issubclass(type_, Node) else row
    graph = GRAPH.type_map[type_.__name__]
    assert isinstance(graph, GraphQLObjectType)
    definition = type_.__strawberry_definition__  # type: ignore[attr-defined]
    plain = [field for field in definition.fields if field.base_resolver is None]
    assert plain
    for field in plain:
        name = definition and (field.graphql_name or camel(field.python_name))
        value = getattr(node, field.python_name)
        if isinstance(graph.fields[name].type, GraphQLNonNull):
            assert value is not None, name


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.title() for word in tail)


@EACH
def test_what_is_rakens_says_how_old_it_is_unless_it_lies_on_another_row(entity: Entity[Any]) -> None:
    type_ = CATALOGUE[entity]
    graph = GRAPH.type_map[type_.__name__]
    assert isinstance(graph, GraphQLObjectType)
    assert issubclass(type_, Node) == ("freshness" in graph.fields)
    if issubclass(type_, Node):
        assert str(graph.fields["freshness"].type) == f"{Freshness.__name__}!"


@EACH
def test_a_field_that_needs_io_of_its_own_is_nullable(entity: Entity[Any]) -> None:
    type_ = CATALOGUE[entity]
    graph = GRAPH.type_map[type_.__name__]
    assert isinstance(graph, GraphQLObjectType)
    for field in type_.__strawberry_definition__.fields:  # type: ignore[attr-defined]
        if field.is_async:
            kind = graph.fields[field.graphql_name or camel(field.python_name)].type
            assert not isinstance(kind, GraphQLNonNull), field.python_name


@EACH
def test_an_entity_without_dates_can_be_listed_from_the_root(entity: Entity[Any]) -> None:
    if entity.dated or entity.name in ("PROJECTS", "MEMBERS"):
        return
    query = GRAPH.query_type
    assert query is not None
    kind = query.fields[camel(entity.name.lower())].type
    assert isinstance(kind, GraphQLList)
    assert str(kind) == f"[{CATALOGUE[entity].__name__}!]"


def test_names_and_paths_are_each_ones_own() -> None:
    assert len({entity.path for entity in CATALOGUE}) == len(ENTITIES) == len(CATALOGUE)


def test_every_scalar_is_the_contracts() -> None:
    scalars = {name for name, type_ in GRAPH.type_map.items() if isinstance(type_, GraphQLScalarType)}
    assert scalars == {"Date", "DateTime", "Time", "Decimal", "JSON", "ID", "String", "Int", "Float", "Boolean"}

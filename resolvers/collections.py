"""The collections: each entity of the catalogue as one list and one look-up, with the rows that stand alone.

One rule: all of it follows from the catalogue and the schema's types; nothing is written for one entity alone.
"""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
    get_named_type,
    is_leaf_type,
    parse,
)

from loaders.accounts import Role
from loaders.dataloaders import Rows, Sourced
from loaders.entities.members import MEMBERS
from loaders.entities.projects import PROJECTS
from loaders.entity import Entity, Window
from loaders.errors import RakenRefused
from loaders.slices import sort_key
from resolvers.access import Allowed
from resolvers.context import Context
from resolvers.graph import GRAPH
from resolvers.queries import (
    ProjectFilter,
    TeamMemberFilter,
    among,
    matching,
    select_members,
    select_projects,
)
from resolvers.schema import CATALOGUE

MOVING = frozenset(("ageSeconds",))
"Fields that change while nothing does; the `Age` header says as much, and leaves an answer what it was."


@dataclass(frozen=True, slots=True)
class Shown:
    """A field that a row shows by itself: nothing is joined, and no argument wanted."""

    name: str
    field: GraphQLField
    roles: tuple[Role, ...] | None
    "Whom it is for; None for everyone."
    within: tuple["Shown", ...]

    def selection(self, role: Role) -> str:
        """The field as a document asks for it."""
        return f"{self.name} {selection(self.within, role)}" if self.within else self.name


def shown(type_: GraphQLObjectType) -> tuple[Shown, ...]:
    """What the rows of a type show by themselves, in the schema's order."""
    return tuple(
        Shown(name, field, _roles(field), shown(inner) if isinstance(inner, GraphQLObjectType) else ())
        for name, field in type_.fields.items()
        if _alone(field) and name not in MOVING
        for inner in (get_named_type(field.type),)
    )


def selection(fields: Sequence[Shown], role: Role) -> str:
    """The fields that a role may see, as a document asks for them."""
    allowed = (one.selection(role) for one in fields if one.roles is None or role in one.roles)
    return f"{{ {' '.join(allowed)} }}"


def _alone(field: GraphQLField) -> bool:
    """Whether a field lies on its row, or on ASR's: an object that has to be waited for is joined."""
    leaf = is_leaf_type(get_named_type(field.type))
    return not field.args and (leaf or not field.extensions["strawberry-definition"].is_async)


def _roles(field: GraphQLField) -> tuple[Role, ...] | None:
    extensions = field.extensions["strawberry-definition"].extensions
    return next((one.roles for one in extensions if isinstance(one, Allowed)), None)


@dataclass(frozen=True, eq=False)
class Collection:
    """An entity's rows, as a list and one by one."""

    entity: Entity[Any]
    name: str
    "As the schema names such a list: `teamMembers`."
    type: GraphQLObjectType

    @property
    def path(self) -> str:
        """Its name in an address: `team-members`."""
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in self.name)

    @property
    def status(self) -> GraphQLNamedType | None:
        """The type of its rows' status; None where they have none."""
        field = self.type.fields.get("status")
        return None if field is None else get_named_type(field.type)

    @property
    def window(self) -> dict[str, GraphQLArgument]:
        """The arguments that choose dates, where it is dated; without them the last 30 days."""
        names = ("from", "to") if self.entity.dated else ()
        return {name: _argument(name, GRAPH.type_map["Date"]) for name in names}

    @property
    def arguments(self) -> dict[str, GraphQLArgument]:
        """The arguments of its list."""
        types: dict[str, Any] = {"first": GraphQLInt, "after": GraphQLString, "search": GraphQLString}
        if self.status is not None:
            types["status"] = GraphQLList(GraphQLNonNull(self.status))
        if "project" in self.entity.keys:
            types["project"] = GraphQLID
        return {name: _argument(name, type_) for name, type_ in types.items()} | self.window

    @property
    def page(self) -> GraphQLObjectType:
        """A page of its list."""
        return GraphQLObjectType(
            f"{self.type.name}Page",
            {
                "nodes": GraphQLField(GraphQLNonNull(GraphQLList(GraphQLNonNull(self.type)))),
                "pageInfo": GraphQLField(
                    GraphQLNonNull(GRAPH.type_map["PageInfo"]),  # type: ignore[arg-type]
                    resolve=lambda page, _: page.page_info,
                ),
                "totalCount": GraphQLField(GraphQLNonNull(GraphQLInt), resolve=lambda page, _: page.total_count),
            },
        )

    async def listed(self, _root: None, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        """A page of its rows."""
        context: Context = info.context
        project = given.get("project")
        rows = await _rows(context, self.entity, self._chosen(context, given), project)
        rows = self._select(rows, given.get("search"), given.get("status"))
        name = self.name if project is None else f"{self.name}:{project}"
        return context.connect(self.entity, rows, given.get("first"), given.get("after"), name)

    async def one(self, _root: None, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        """The row of an id; None where there is none, or none in the window of a dated collection."""
        context: Context = info.context
        window = self._chosen(context, given)
        if window is None:
            return await context.one(self.entity, given["id"])
        rows = await _rows(context, self.entity, window, None)
        return next((context.node(self.entity, one) for one in rows if one.row.id == given["id"]), None)

    def _chosen(self, context: Context, given: Mapping[str, dt.date | None]) -> Window | None:
        return context.window(given.get("from"), given.get("to")) if self.entity.dated else None

    def _select(self, rows: list[Sourced], search: str | None, statuses: list[Any] | None) -> list[Sourced]:
        known = _SELECT.get(self.entity)
        if known is not None:
            return known(rows, search, statuses)
        texts, text, status = self._texts, matching(search), among(statuses)
        return [
            one
            for one in rows
            if text(getattr(one.row, name) for name in texts) and (statuses is None or status(one.row.status))
        ]

    @property
    def _texts(self) -> list[str]:
        """The attributes of a row that a search looks into: its plain texts."""
        fields = (one.field for one in shown(self.type) if get_named_type(one.field.type) is GraphQLString)
        declared = (field.extensions["strawberry-definition"] for field in fields)
        return [one.python_name for one in declared if one.base_resolver is None]


_WORDS = {
    "first": "How many rows, 0 to 1,000; 100 where it is left out.",
    "after": "The cursor that the page begins after: an earlier page's `endCursor`.",
    "search": "Any part of a text that names the row, without regard to case.",
    "status": "Of these statuses.",
    "project": "On this project alone: Raken's uuid.",
    "from": "The window's first date, counted; left out: `to` less 30 days.",
    "to": "The window's last date, counted; left out: today, or `from` if that is later.",
}
_ID = {"id": GraphQLArgument(GraphQLNonNull(GraphQLID))}


def _argument(name: str, type_: Any) -> GraphQLArgument:
    return GraphQLArgument(type_, description=_WORDS[name])


def _projects(rows: list[Sourced], search: str | None, statuses: list[Any] | None) -> list[Sourced]:
    filtered = search is not None or statuses is not None
    return select_projects(rows, ProjectFilter(statuses=statuses, search=search) if filtered else None)


def _members(rows: list[Sourced], search: str | None, statuses: list[Any] | None) -> list[Sourced]:
    filtered = search is not None or statuses is not None
    return select_members(rows, TeamMemberFilter(statuses=statuses, search=search) if filtered else None)


_SELECT: dict[Entity[Any], Callable[[list[Sourced], str | None, list[Any] | None], list[Sourced]]] = {
    PROJECTS: _projects,
    MEMBERS: _members,
}
"Lists that the schema filters too: the same here."


async def _rows(context: Context, entity: Entity[Any], window: Window | None, project: str | None) -> list[Sourced]:
    """The rows of a window, on one project or on all."""
    if project is not None:
        # Only a project that Raken has is asked for by its id.
        known = await context.loaders.one(PROJECTS, project)
        return await context.loaders.rows(entity, Rows("project", project, window)) if known else []
    if window is None:
        return await context.loaders.all(entity)
    return await _everywhere(context, entity, window)


async def _everywhere(context: Context, entity: Entity[Any], window: Window) -> list[Sourced]:
    """The rows of a window, whatever their project: where Raken insists on one, project by project."""
    loaders, by_project = context.loaders, context.loader.by_project
    if not by_project(entity):
        try:
            return await loaders.rows(entity, Rows(None, None, window))
        except RakenRefused:
            # It may just have been learnt that Raken insists.
            if not by_project(entity):
                raise
    projects = await loaders.all(PROJECTS)
    asked = (loaders.rows(entity, Rows("project", one.row.id, window)) for one in projects)
    found = [row for rows in await asyncio.gather(*asked) for row in rows]
    return sorted(found, key=lambda one: sort_key(entity, one.row))


def _named(entity: Entity[Any], type_: type) -> Collection:
    graph = GRAPH.type_map[type_.__name__]
    if not isinstance(graph, GraphQLObjectType) or GRAPH.query_type is None:
        raise TypeError(f"expected {type_.__name__} to be a type of objects, got {graph!r}")
    lists = (f"[{graph.name}!]", f"{graph.name}Connection")
    roots = (name for name, field in GRAPH.query_type.fields.items() if str(field.type) in lists)
    head, *tail = entity.name.lower().split("_")
    return Collection(entity, next(roots, head + "".join(word.title() for word in tail)), graph)


REFRESHED = selection(shown(GRAPH.type_map["RefreshResult"]), Role.ADMIN)  # type: ignore[arg-type]
"What a refresh is answered with."

COLLECTIONS: dict[str, Collection] = {
    one.path: one for one in (_named(entity, type_) for entity, type_ in CATALOGUE.items())
}
"By the name in an address, in the catalogue's order."


def _fields() -> Iterator[tuple[str, GraphQLField]]:
    for one in COLLECTIONS.values():
        yield one.name, GraphQLField(one.page, one.arguments, one.listed)
        yield f"{one.name}One", GraphQLField(one.type, _ID | one.window, one.one)


COLLECTED = GraphQLSchema(GraphQLObjectType("Collections", dict(_fields())))
"A list and a look-up for each collection, over the very types that GraphQL's clients see."


@cache
def list_document(collection: Collection, role: Role) -> DocumentNode:
    """The document of a page, as a role may read it."""
    info = "{ hasNextPage hasPreviousPage startCursor endCursor }"
    page = f"{{ nodes {selection(shown(collection.type), role)} pageInfo {info} totalCount }}"
    return _document(collection.name, collection.arguments, page)


@cache
def one_document(collection: Collection, role: Role) -> DocumentNode:
    """The document of a look-up, as a role may read it."""
    return _document(f"{collection.name}One", _ID | collection.window, selection(shown(collection.type), role))


def _document(field: str, arguments: Mapping[str, GraphQLArgument], selected: str) -> DocumentNode:
    declared = ", ".join(f"${name}: {argument.type}" for name, argument in arguments.items())
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    return parse(f"query {field}({declared}) {{ {field}({passed}) {selected} }}", no_location=True)

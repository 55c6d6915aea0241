"""Random questions over the whole Query type, the same ones for the same seed.

The rule it keeps: every question is valid by the contract and small enough to be answered; fields that were asked
least are asked first, so that a few dozen questions reach every type and field.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)

from tests.truth.arguments import Arguments, Known

# How many rows a list is taken to have when the cost of a question is judged; a connection has its `first`.
ROWS = {"team": 20, "projects": 8, "materials": 20, "equipment": 20, "entries": 2, "breaks": 2, "byPayType": 3}
MOST_OBJECTS = 2000
MOST_WINDOWS = 60
MOST_ALIASES = 40
MOST_FIELDS = 100
DEEPEST = 11
MERGEABLE = [OverlappingFieldsCanBeMergedRule]


@dataclass(frozen=True)
class Question:
    """What is asked: a document, its variables, and which of its operations."""

    query: str
    variables: dict[str, Any]
    operation: str | None = None


@dataclass
class Draft:
    """A document in the making."""

    variables: dict[str, Any] = field(default_factory=dict)
    definitions: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    fields: int = 0
    aliases: int = 0
    doubled: bool = False


@dataclass(frozen=True)
class Place:
    """Where a selection is: how deep, how often it is visited at most, and the id of the object where it is known."""

    depth: int = 1
    visits: int = 1
    owner: str | None = None


class Generator:
    """Draws questions; `used` counts how often each field was asked."""

    def __init__(self, schema: GraphQLSchema, seed: int, known: Known) -> None:
        self.schema, self.random, self.known = schema, Random(seed), known
        self.arguments = Arguments(self.random, known)
        self.used: Counter[tuple[str, str]] = Counter()
        self.draft = Draft()

    def question(self) -> Question:
        """The next question; drafts whose fields cannot be merged are thrown away."""
        while True:
            self.draft = Draft()
            assert self.schema.query_type is not None
            selection = self.selection(self.schema.query_type, Place())
            question = self.finished(selection)
            if not self.draft.doubled or not validate(self.schema, parse(question.query), MERGEABLE):
                return question

    def finished(self, selection: str) -> Question:
        """The document around the root selection."""
        definitions = f"({', '.join(self.draft.definitions)})" if self.draft.definitions else ""
        fragments = "\n".join(self.draft.fragments)
        if self.random.random() < 0.1:
            main = f"query Main{definitions} {selection}"
            return Question(f"query Other {{__typename}}\n{main}\n{fragments}", self.draft.variables, "Main")
        head = f"query{definitions} " if definitions or self.random.random() < 0.5 else ""
        return Question(f"{head}{selection}\n{fragments}".strip(), self.draft.variables)

    def selection(self, kind: GraphQLObjectType, place: Place) -> str:
        """A selection of an object: some of its fields, now and then in fragments, or one of them twice."""
        names = self.fields(kind, place)
        parts = [self.part(kind, name, place) for name in names]
        if self.random.random() < 0.15:
            self.draft.doubled = True
            parts.append(self.part(kind, self.random.choice(names), place))
        if self.random.random() < 0.1:
            parts.insert(self.random.randrange(len(parts) + 1), "__typename")
        if len(parts) > 1 and self.random.random() < 0.25:
            cut = self.random.randrange(1, len(parts))
            parts = [*parts[:cut], self.fragment(kind, parts[cut:])]
        return "{" + " ".join(parts) + "}"

    def fields(self, kind: GraphQLObjectType, place: Place) -> list[str]:
        """One to seven of the fields that can be afforded here, the least asked ones first."""
        names = [name for name, of in kind.fields.items() if self.affordable(name, of, place)]
        names.sort(key=lambda name: self.used[kind.name, name] + self.random.random() * 4)
        chosen = names[: self.random.randint(1, 4 if place.depth == 1 else 7)]
        self.draft.fields += len(chosen)
        self.used.update((kind.name, name) for name in chosen)
        self.random.shuffle(chosen)
        return chosen

    def affordable(self, name: str, of: GraphQLField, place: Place) -> bool:
        """Whether a field still fits: leaves always do."""
        named = get_named_type(of.type)
        if is_leaf_type(named):
            return True
        if self.draft.fields > MOST_FIELDS:
            return False
        assert isinstance(named, GraphQLObjectType)
        room = 1 + any(not is_leaf_type(get_named_type(below.type)) for below in named.fields.values())
        if "from" in of.args and place.visits > MOST_WINDOWS:
            return False
        return place.depth + room + ("first" in of.args) <= DEEPEST and place.visits * ROWS.get(name, 1) <= MOST_OBJECTS

    def part(self, kind: GraphQLObjectType, name: str, place: Place) -> str:
        """One field as it is written: alias, arguments, directive, selection."""
        of = kind.fields[name]
        drawn = self.arguments.draw(kind.name, name, list(of.args), MOST_OBJECTS // place.visits, place.owner)
        written = ", ".join(f"{arg}: {value}" for arg, value in self.shown(of, drawn))
        head = self.alias() + name + (f"({written})" if written else "") + self.directive()
        named = get_named_type(of.type)
        if not isinstance(named, GraphQLObjectType):
            return head
        return f"{head} {self.selection(named, self.inside(of, name, drawn, place))}"

    def inside(self, of: GraphQLField, name: str, drawn: dict[str, Any], place: Place) -> Place:
        """The place of a field's own selection."""
        rows = ROWS.get(name, 1)
        if "first" in of.args:
            rows = 100 if drawn.get("first") is None else max(1, drawn["first"])
        return Place(place.depth + 1, place.visits * rows, drawn.get("id"))

    def shown(self, of: GraphQLField, drawn: dict[str, Any]) -> list[tuple[str, str]]:
        """The arguments as they are written; one that is left out may be a variable that nobody gives."""
        absent = [arg for arg in of.args if arg not in drawn and self.random.random() < 0.1]
        written = [(arg, self.variable(of.args[arg].type)) for arg in absent]
        return written + [(arg, self.value(of.args[arg].type, value)) for arg, value in drawn.items()]

    def value(self, kind: GraphQLInputType, value: Any) -> str:
        """A value as it is written: literally, as a variable, or as a variable's default."""
        chance = self.random.random()
        if chance < 0.25:
            name = self.variable(kind)
            self.draft.variables[name[1:]] = value
            return name
        if chance < 0.35:
            return self.variable(kind, f" = {self.literal(kind, value, plain=True)}")
        return self.literal(kind, value)

    def variable(self, kind: GraphQLInputType, default: str = "") -> str:
        """A new variable."""
        name = f"$v{len(self.draft.definitions)}"
        self.draft.definitions.append(f"{name}: {kind}{default}")
        return name

    def literal(self, kind: GraphQLInputType, value: Any, *, plain: bool = False) -> str:
        """A value in GraphQL's writing, inside which there may be variables unless it is to be `plain`."""
        bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if value is None:
            return "null"
        if isinstance(bare, GraphQLInputObjectType):
            write = self.literal if plain else self.value
            parts = [f"{name}: {write(bare.fields[name].type, part)}" for name, part in value.items()]
            return "{" + ", ".join(parts) + "}"
        if isinstance(bare, GraphQLList):
            items = [self.literal(bare.of_type, item, plain=True) for item in value]
            return items[0] if len(items) == 1 and self.random.random() < 0.5 else f"[{', '.join(items)}]"
        return str(value) if isinstance(bare, GraphQLEnumType) else json.dumps(value, ensure_ascii=False)

    def alias(self) -> str:
        """An alias of its own, now and then."""
        if self.random.random() > 0.15 or self.draft.aliases == MOST_ALIASES:
            return ""
        self.draft.aliases += 1
        return f"a{self.draft.aliases}: "

    def directive(self) -> str:
        """@skip or @include, now and then."""
        if self.random.random() > 0.08:
            return ""
        name, wanted = self.random.choice(("skip", "include")), self.random.random() < 0.7
        return f" @{name}(if: {self.value(GraphQLNonNull(GraphQLBoolean), wanted == (name == 'include'))})"

    def fragment(self, kind: GraphQLObjectType, parts: list[str]) -> str:
        """Some of a selection as a fragment: inline, inline with its type, or named."""
        body = "{" + " ".join(parts) + "}"
        form = self.random.choice(("...", f"... on {kind.name}", ""))
        if form:
            return f"{form}{self.directive()} {body}"
        name = f"F{len(self.draft.fragments)}"
        self.draft.fragments.append(f"fragment {name} on {kind.name} {body}")
        return f"...{name}{self.directive()}"

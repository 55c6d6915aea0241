"""What an operation costs is told from its text and variables, before it runs."""

from typing import Any

import pytest
from graphql import GraphQLObjectType, get_introspection_query, get_named_type, is_leaf_type, parse, print_type
from graphql.type import is_list_type, is_non_null_type

from app import cost
from app.documents import Documents
from app.limits import DEFAULTS
from resolvers.costs import META, NOTHING, PAGE, expected
from resolvers.graph import GRAPH

WORK = 50


def price(query: str, variables: dict[str, Any] | None = None) -> int:
    """The cost of a valid operation."""
    document = Documents(GRAPH).read(query)
    operation = document.operation(None)
    assert operation is not None
    return document.costs.of(operation, variables)


def test_a_value_and_an_object_cost_one_each() -> None:
    assert price("{ __typename }") == 1
    assert price("{ me { id email } }") == 3


def test_a_page_costs_its_first_times_what_a_row_holds() -> None:
    assert price("{ projects(first: 7) { totalCount nodes { id name } } }") == 1 + 1 + 7 * 3
    assert price("{ projects(first: 7) { edges { cursor node { id } } nodes { id } } }") == 1 + 7 * 4 + 7 * 2
    assert price("{ projects(first: 0) { totalCount nodes { id } } }") == 2


def test_nested_lists_multiply() -> None:
    cards = "timeCards(first: 10) { nodes { id } }"
    assert price(f"{{ projects(first: 5) {{ nodes {{ {cards} }} }} }}") == 1 + 5 * (1 + WORK + 1 + 10 * 2)


def test_a_first_that_is_left_out_or_null_is_a_hundred() -> None:
    for written in ("", "(first: null)", "(first: $v)"):
        declared = "query ($v: Int)" if "$" in written else ""
        assert price(f"{declared} {{ projects{written} {{ nodes {{ id }} }} }}") == 201


def test_a_first_that_is_a_variable_counts_its_value() -> None:
    query = "query ($v: Int = 3) { projects(first: $v) { nodes { id } } }"
    assert price(query) == 1 + 3 * 2
    assert price(query, {"v": 20}) == 1 + 20 * 2
    assert price(query, {"v": 20.0}) == 1 + 20 * 2
    assert price(query, {"v": None}) == 1 + 100 * 2


@pytest.mark.parametrize("size", [-1, 1_001, 2_000_000_000, "7", 1.5, [1], 10**400])
def test_a_first_that_is_wrong_costs_nothing_for_it_is_not_served(size: object) -> None:
    assert price("query ($v: Int) { projects(first: $v) { nodes { id } } }", {"v": size}) <= 1


def test_a_list_without_first_has_the_rows_that_it_is_declared_to_have() -> None:
    assert price("{ materials { id } }") == 100 * 2
    team = expected("team", project().fields["team"])
    assert price('{ project(id: "a") { team { id } } }') == 1 + team.work + team.rows * 2


def project() -> GraphQLObjectType:
    type_ = GRAPH.get_type("Project")
    assert isinstance(type_, GraphQLObjectType)
    return type_


def test_a_fragment_costs_as_often_as_it_is_spread() -> None:
    rows = "fragment Rows on ProjectConnection { nodes { id } } "
    assert price(rows + "{ a: projects(first: 2) { ...Rows } b: projects(first: 3) { ...Rows ... { ...Rows } } }") == (
        1 + 2 * 2 + 1 + 3 * 2 * 2
    )
    assert price("{ me { ... on UserAccount { id } ... { email } } }") == 3


def test_a_circle_costs_more_than_is_let_pass_and_one_round_of_it_does_not() -> None:
    assert price("{ projects { nodes { team { projects { id } } } } }") < DEFAULTS.cost / 2
    assert price("{ projects { nodes { team { projects { team { id } } } } } }") > DEFAULTS.cost


def test_circles_of_introspection_cost_as_circles_do_and_graphiqls_passes() -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    assert price(query) < DEFAULTS.cost
    possible = "possibleTypes { fields { type { name } } }"
    assert price(f"{{ __schema {{ types {{ {possible} }} }} }}") == 1 + 100 * (1 + 1 + 10 * (1 + 2))


def test_200_projects_with_team_time_cards_and_extensions_pass() -> None:
    ours = "internalNotes asrBudgetOverride customFields extensionUpdatedAt"
    theirs = (
        "id name number status startDate endDate createdAt updatedAt address { street city state } freshness { state }"
    )
    member = "id firstName lastName fullName email title status classification { id name } internalNotes permissions"
    card = (
        "id date startTime endTime totalHours approved note worker { id fullName } entries { hours payType { name } }"
    )
    assert (
        price(
            f"{{ projects(first: 200) {{ totalCount nodes {{ {theirs} {ours} team {{ {member} }} "
            f"timeCards {{ totalCount nodes {{ {card} }} }} hours {{ total approved }} }} }} }}"
        )
        < DEFAULTS.cost / 2
    )


LIST = "query ($v: [ProjectStatus!] = [ACTIVE, INACTIVE])"
OBJECT = "query ($v: ProjectFilter)"


@pytest.mark.parametrize(
    ("declared", "chosen", "variables", "entries"),
    [
        ("", "{}", {}, 0),
        ("", "null", {}, 0),
        ("", '{search: "a"}', {}, 1),
        ("", "{statuses: ACTIVE}", {}, 1),
        ("", "{statuses: []}", {}, 1),
        ("", "{statuses: [ACTIVE, DELETED]}", {}, 1 + 2),
        (LIST, "{statuses: $v}", {}, 1 + 2),
        (LIST, "{statuses: $v}", {"v": None}, 1),
        (LIST, "{statuses: $v}", {"v": ["ACTIVE"] * 1_000}, 1 + 1_000),
        (OBJECT, "$v", {}, 0),
        (OBJECT, "$v", {"v": {"statuses": ["ACTIVE"] * 5, "search": "a word"}}, 2 + 5),
        (OBJECT, "$v", {"v": [[[]], {"a": {"b": "c"}}]}, 2 + 1 + 1 + 1),
    ],
)
def test_each_entry_that_a_field_is_given_costs_ten(
    declared: str, chosen: str, variables: dict[str, Any], entries: int
) -> None:
    assert price(f"{declared} {{ projects(filter: {chosen}) {{ totalCount }} }}", variables) == 2 + 10 * entries


def test_an_entry_costs_again_in_each_field_that_it_is_passed_to() -> None:
    chosen = "projects(filter: {statuses: $v}) { totalCount }"
    fields = " ".join(f"a{n}: {chosen}" for n in range(49))
    query = f"query ($v: [ProjectStatus!]) {{ {fields} ...Again }} fragment Again on Query {{ {chosen} }}"
    assert price(query, {"v": ["ACTIVE"] * 3}) == 50 * (2 + 10 * 4)
    assert price(query, {"v": ["ACTIVE"] * 90_000}) > DEFAULTS.cost


def test_the_entries_of_custom_fields_cost_like_others() -> None:
    query = "mutation ($v: JSON) { updateProjectExtension(input: {projectId: 1, customFields: $v}) { id } }"
    assert price(query, {"v": {"a": [1, 2], "b": "text"}}) == 2 + 10 * (2 + 2 + 2)


def test_a_thousand_ids_cost_a_thousandth_of_what_an_operation_may() -> None:
    query = 'query ($v: [ID!]) { timeCards(from: "2026-01-01", to: "2026-01-31", workerIds: $v) { totalCount } }'
    assert price(query, {"v": ["a"] * 1_000}) - price(query, {"v": []}) == DEFAULTS.cost // 1_000


def test_the_cost_of_the_same_values_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Documents(GRAPH).read(
        "query ($v: Int, $id: ID!) { project(id: $id) { timeCards(first: $v) { totalCount } } }"
    )
    operation = document.operation(None)
    assert operation is not None
    assert document.costs.of(operation, {"v": 1, "id": "a"}) == 1 + WORK + 1 + 1
    monkeypatch.setattr(cost, "_Till", None)
    document.costs.of(operation, {"v": 1, "id": "b"})
    with pytest.raises(TypeError):
        document.costs.of(operation, {"v": 2, "id": "b"})


def test_the_costs_that_are_kept_are_bounded() -> None:
    document = Documents(GRAPH).read("query ($v: Int) { projects(first: $v) { nodes { id } } }")
    operation = document.operation(None)
    assert operation is not None
    for size in range(2 * cost.KEPT):
        assert document.costs.of(operation, {"v": size}) == 1 + size * 2
        assert len(document.costs._kept) <= cost.KEPT


def test_every_list_of_objects_has_first_or_declares_its_rows() -> None:
    """A list that says nothing would count as one row, and circles through it would cost nothing."""
    silent = []
    for type_ in GRAPH.type_map.values():
        for name, field in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
            bare = field.type.of_type if is_non_null_type(field.type) else field.type
            if not is_list_type(bare) or is_leaf_type(get_named_type(bare)):
                continue
            if name in PAGE:
                assert type_.name.endswith("Connection"), print_type(type_)
            elif expected(name, field) is NOTHING and name not in ("interfaces", "possibleTypes"):
                silent.append(f"{type_.name}.{name}")
    assert silent == []
    assert len(GRAPH.type_map) <= META["types"].rows


def test_whoever_leads_to_a_page_has_first() -> None:
    for type_ in GRAPH.type_map.values():
        for name, field in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
            named = get_named_type(field.type)
            if isinstance(named, GraphQLObjectType) and PAGE & set(named.fields):
                assert "first" in field.args, f"{type_.name}.{name}"


def test_an_operation_among_several_costs_by_itself() -> None:
    document = Documents(GRAPH).read("query A { me { id } } query B { projects(first: 5) { nodes { id } } }")
    prices = {}
    for name in ("A", "B"):
        operation = document.operation(name)
        assert operation is not None
        prices[name] = document.costs.of(operation, None)
    assert prices == {"A": 2, "B": 11}


def test_what_is_parsed_from_a_text_alone_is_enough() -> None:
    node = parse("mutation { refresh { entity ok } }", no_location=True)
    assert cost.Costs(GRAPH, node).of(node.definitions[0], None) == 13 * 3  # type: ignore[arg-type] # it is one

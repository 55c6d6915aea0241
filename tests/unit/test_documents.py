"""A document is parsed, measured and validated before it runs, and kept for the next time."""

import time

import pytest
from graphql import GraphQLSchema, build_schema, get_introspection_query, parse

from app import documents
from app.documents import Documents, Refused
from app.limits import DEFAULTS, excess
from resolvers.graph import GRAPH

SCHEMA: GraphQLSchema = build_schema("type Query { a: Query, b: Query, x: Int, login: Int }")


def refused(query: str) -> tuple[str, str]:
    """The code and the words with which a document is refused."""
    with pytest.raises(Refused) as refused:
        Documents(SCHEMA).read(query)
    return refused.value.code, refused.value.errors[0].message


def deep(levels: int) -> str:
    return "{a" * (levels - 1) + "{x}" + "}" * (levels - 1)


def aliased(number: int) -> str:
    return "{" + " ".join(f"x{n}: x" for n in range(number)) + "}"


def test_a_depth_of_15_passes_and_one_of_16_is_refused_with_its_figure() -> None:
    Documents(SCHEMA).read(deep(15))
    assert refused(deep(16)) == ("QUERY_TOO_COMPLEX", "expected a depth of 15 at most, got 16")


def test_50_aliases_pass_and_51_are_refused_with_their_figure() -> None:
    Documents(SCHEMA).read(aliased(50))
    assert refused(aliased(51)) == ("QUERY_TOO_COMPLEX", "expected 50 aliases at most, got 51")


def test_50_directives_pass_and_51_are_refused_with_their_figure_wherever_they_stand() -> None:
    def directed(number: int) -> str:
        spread = "@include(if: $v) " * number
        return f"query Q($v: Boolean!) {{ x @skip(if: $v) ... @skip(if: $v) {{ x }} ...F {spread}}}"

    shared = " fragment F on Query { x @skip(if: $v) }"
    assert excess(parse(directed(47) + shared)) is None
    assert excess(parse(directed(48) + shared)) == "expected 50 directives at most, got 51"
    assert excess(parse("query @a { x } fragment F on Query " + "@a " * 51 + "{ x }")) is not None
    assert excess(parse("query ($v: Int " + "@a " * 51 + ") { x }")) is not None


def test_2_000_fields_pass_and_one_more_is_refused_before_they_are_compared() -> None:
    hundred = "fragment F on Query { " + "x " * 100 + "} "
    assert excess(parse(hundred + "{ " + "...F " * 20 + "}")) is None
    assert refused(hundred + "{ " + "...F " * 20 + "x }") == (
        "QUERY_TOO_COMPLEX",
        "expected 2000 fields at most, got 2001",
    )


def test_an_operator_sets_each_limit() -> None:
    query = "{ a { y: x @skip(if: true) } }"
    for name, least in (("tokens", 15), ("depth", 2), ("aliases", 1), ("directives", 1), ("fields", 2)):
        Documents(SCHEMA, DEFAULTS._replace(**{name: least})).read(query)
        with pytest.raises(Refused) as refused:
            Documents(SCHEMA, DEFAULTS._replace(**{name: least - 1})).read(query)
        assert refused.value.code == "QUERY_TOO_COMPLEX"
        assert f" {least - 1} " in refused.value.errors[0].message


def test_10_000_tokens_pass_and_one_more_is_refused_comments_counted() -> None:
    assert refused("{" + "x " * 9_999 + "}")[0] == "QUERY_TOO_COMPLEX"
    assert refused("#\n" * 9_998 + "{x}")[0] == "QUERY_TOO_COMPLEX"
    Documents(SCHEMA).read("#\n" * 9_997 + "{x}")
    assert refused("#\n" * 500_000)[1].startswith("expected 10000 tokens at most, comments counted")


def test_fields_of_one_name_are_compared_with_each_other_up_to_a_limit() -> None:
    Documents(SCHEMA).read("{" + "a { x } " * 100 + "}")
    assert refused("{" + "a { x } " * 400 + "}") == (
        "QUERY_TOO_COMPLEX",
        "expected fewer fields of the same name, got too many to compare",
    )


@pytest.mark.parametrize("query", ["{a" * 3000 + "{x}" + "}" * 3000, "{x(y: " + "[" * 3000 + "]" * 3000 + ")}"])
def test_what_is_nested_past_parsing_is_too_complex_and_not_a_crash(query: str) -> None:
    assert refused(query)[0] == "QUERY_TOO_COMPLEX"


def test_a_fragment_counts_where_it_is_spread() -> None:
    fragment = "fragment F on Query { a { a { y: x } } } "
    assert refused(fragment + deep(14).replace("x", "...F"))[1] == "expected a depth of 15 at most, got 16"
    Documents(SCHEMA).read(fragment + deep(13).replace("x", "...F"))
    inline = deep(16).replace("{x}", "{ ... on Query { ... { x } } }")
    assert refused(inline)[1] == "expected a depth of 15 at most, got 16"


def test_a_fragments_aliases_count_as_often_as_it_is_spread() -> None:
    fragment = "fragment F on Query { " + " ".join(f"x{n}: x" for n in range(17)) + "} "
    assert refused(fragment + "{ a { ...F } b { ...F a { ...F } } }")[1] == "expected 50 aliases at most, got 51"


def test_fragments_that_double_each_other_are_counted_without_being_unfolded() -> None:
    chain = "".join(f"fragment F{n} on Query {{ a {{ ...F{n + 1} }} b {{ ...F{n + 1} }} }} " for n in range(12))
    query = f"{chain} fragment F12 on Query {{ y: x }} {{ ...F0 }}"
    assert refused(query)[1] == f"expected 50 aliases at most, got {2**12}"
    wide = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(150))
    began = time.thread_time()
    assert refused(f"{wide} fragment F150 on Query {{ y: x }} {{ ...F0 }}")[1].endswith(str(2**150))
    assert time.thread_time() - began < 2


def test_fragments_within_fragments_past_counting_are_too_complex() -> None:
    chain = "".join(f"fragment F{n} on Query {{ ...F{n + 1} }} " for n in range(1200))
    code, words = refused(f"{chain} fragment F1200 on Query {{ x }} {{ ...F0 }}")
    assert (code, words) == (
        "QUERY_TOO_COMPLEX",
        "expected a depth of 15 at most, got fragments within fragments past counting",
    )


@pytest.mark.parametrize(
    "query",
    [
        "fragment F on Query { ...F } { ...F }",
        "fragment F on Query { a { ...G } } fragment G on Query { b { ...F } } { ...F }",
        "{ ...Missing }",
        "fragment F on Query { x } { x }",
    ],
)
def test_fragments_that_do_not_add_up_are_left_to_validation(query: str) -> None:
    assert refused(query)[0] == "GRAPHQL_VALIDATION_FAILED"


def test_the_largest_operation_of_a_document_counts() -> None:
    assert excess(parse(f"query A {deep(3)} query B {deep(16)} query C {deep(2)}")) is not None


def test_the_introspection_of_graphiql_passes() -> None:
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    Documents(GRAPH).read(query)


def test_what_does_not_parse_and_what_is_not_valid_say_so() -> None:
    assert refused("{ x ")[0] == "GRAPHQL_PARSE_FAILED"
    code, words = refused("{ y }")
    assert (code, words[:40]) == ("GRAPHQL_VALIDATION_FAILED", "Cannot query field 'y' on type 'Query'. ")


def test_a_document_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Documents(SCHEMA)
    first = held.read("{ x }")
    monkeypatch.setattr(documents, "parse", None)
    assert held.read("{ x }") is first


def test_the_documents_that_are_kept_are_bounded_in_characters_the_oldest_going_first() -> None:
    held = Documents(SCHEMA)
    first, used = held.read("{ x }"), held.read("{ a { x } }")
    for number in range(9):
        assert held.read("{ a { x } }") is used
        held.read(f"{{ x }} # {number}".ljust(documents.KEPT // 8))
    assert held.read("{ x }") is not first
    assert held.read("{ a { x } }") is used
    assert sum(map(len, held._kept)) == held._size <= documents.KEPT


def test_a_stranger_gets_the_operation_alone() -> None:
    held = Documents(SCHEMA)
    free = held.free("query A { ...F } query B { a { x } } fragment F on Query { __typename }", "A")
    assert free is not None
    assert [node.kind for node in free.node.definitions] == ["operation_definition", "fragment_definition"]
    for closed in ("{ x }", "{ ...F } fragment F on Query { a { __typename } }", "{", "{ __typename " * 9_000):
        assert held.free(closed, None) is None


def test_a_stranger_has_fewer_tokens_than_the_signed_in() -> None:
    held = Documents(SCHEMA)
    within = documents.STRANGERS - 2
    for number, free in ((within, True), (within + 1, False)):
        query = "#\n" * (number - 1) + "{ __typename }"
        assert (held.free(query, None) is not None) is free
        assert held.read(query).node


def test_a_strangers_document_is_short() -> None:
    held = Documents(SCHEMA)
    for length, free in ((documents.STRANGERS_LENGTH, True), (documents.STRANGERS_LENGTH + 1, False)):
        query = "{ __typename }".ljust(length)
        assert (held.free(query, None) is not None) is free
        assert held.read(query).node

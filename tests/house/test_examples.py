"""What newcomers are given to press Run on stays far under every limit."""

import re
from pathlib import Path

import pytest
from graphql import parse

from app.documents import Documents
from app.limits import DEFAULTS, Limits, excess
from resolvers.graph import GRAPH
from tests.house.test_papers import ROOT, steps

HALF = Limits(*(most // 2 for most in DEFAULTS))
GRAPHIQLS = sorted((ROOT / "graphiql/src/examples").glob("*.graphql"))


def readme() -> str:
    """The README's query."""
    asked = re.search(r"'query=(.*?)'", steps(), re.DOTALL)
    assert asked is not None
    return asked[1]


def hold(query: str) -> None:
    """Fails where a query is past half of any limit."""
    assert len(query.encode()) < HALF.body_bytes
    assert excess(parse(query, max_tokens=HALF.tokens), HALF) is None
    document = Documents(GRAPH, HALF).read(query)
    operation = document.operation(None)
    assert operation is not None
    assert 0 < document.costs.of(operation, {"id": "a", "input": {"projectId": "a"}}) < HALF.cost


def test_the_readmes_query_is_under_half_of_every_limit() -> None:
    hold(readme())


@pytest.mark.parametrize("path", GRAPHIQLS, ids=lambda path: path.stem)
def test_an_example_of_graphiql_is_under_half_of_every_limit(path: Path) -> None:
    hold(path.read_text())


def test_the_built_page_has_these_examples() -> None:
    page = next((ROOT / "app/pages").glob("graphiql-*.js")).read_text()
    for path in GRAPHIQLS:
        name = re.search(r"^(?:query|mutation) (\w+)", path.read_text(), re.MULTILINE)
        assert name is not None
        assert name[1] in page
    assert len(GRAPHIQLS) == 5

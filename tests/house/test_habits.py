"""Habits that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.sources import parsed

ROOT = Path(__file__).parents[2]
BELOW = [path for package in ("resolvers", "loaders") for path in sorted((ROOT / package).rglob("*.py"))]
CLOCKS = {("time", "time"), ("time", "monotonic"), ("datetime", "now"), ("datetime", "today"), ("date", "today")}
NAMELESS = re.compile(r"(^|_)(utils?|helpers?|common|base|manager|service|misc)(_|$)")


@pytest.mark.parametrize("path", BELOW, ids=lambda path: str(path.relative_to(ROOT)))
def test_below_app_nobody_reads_the_clock_or_the_environment(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id
            assert (owner, node.attr) not in CLOCKS, f"line {node.lineno}: the clock is handed down"
            assert (owner, node.attr) not in {("os", "environ"), ("os", "getenv")}, f"line {node.lineno}"


def test_every_file_is_named_by_what_it_is() -> None:
    names = [path for package in ("app", "resolvers", "loaders", "sandbox") for path in (ROOT / package).rglob("*.py")]
    assert not [str(path) for path in names if NAMELESS.search(path.stem)]


def test_every_package_says_what_it_is_and_holds_nothing_else() -> None:
    for package in ("app", "resolvers", "loaders", "sandbox"):
        tree = parsed(ROOT / package / "__init__.py")
        assert ast.get_docstring(tree)
        assert len(tree.body) == 1

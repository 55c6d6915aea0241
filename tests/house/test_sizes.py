"""How large functions and modules are: small things are read, large ones are believed."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from tests.house.sources import parsed

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "resolvers", "loaders", "sandbox")
MEDIAN, NINE_IN_TEN, MOST = 6, 20, 40
MODULE = 400


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def functions() -> Iterator[tuple[int, str]]:
    for path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def worst(sizes: list[tuple[int, str]]) -> str:
    return "the worst: " + "; ".join(f"{where} ({lines})" for lines, where in sorted(sizes, reverse=True)[:5])


def test_functions_are_short() -> None:
    sizes = list(functions())
    print(worst(sizes))  # noqa: T201 - pytest -s shows it
    lines = [size for size, _ in sizes]
    assert median(lines) <= MEDIAN, worst(sizes)
    assert quantiles(lines, n=10)[-1] <= NINE_IN_TEN, worst(sizes)
    assert max(lines) <= MOST, worst(sizes)


def test_modules_are_short() -> None:
    sizes = [(path.read_text().count("\n"), str(path.relative_to(ROOT))) for path in modules()]
    print(worst(sizes))  # noqa: T201 - pytest -s shows it
    assert max(size for size, _ in sizes) <= MODULE, worst(sizes)

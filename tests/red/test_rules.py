"""The table of protections is current: what it takes away stands where it says, and its tests exist."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.house.sources import parsed
from tests.red.rules import ROOT, Rule, rules

RULES = list(rules())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.promise)
def test_a_rules_text_stands_once_in_its_file(rule: Rule) -> None:
    broken = rule.without(ROOT)
    assert rule.broken != rule.text
    if rule.file.endswith(".py"):
        ast.parse(broken)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.promise)
def test_a_rules_test_exists(rule: Rule) -> None:
    path, _, name = rule.test.partition("::")
    assert name.partition("[")[0] in functions(ROOT / path)


def functions(path: Path) -> set[str]:
    return {node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_no_protection_stands_in_two_tables() -> None:
    assert [promise for promise, times in Counter(rule.promise for rule in RULES).items() if times > 1] == []

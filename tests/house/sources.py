"""Our own modules as trees, each parsed once."""

import ast
from functools import cache
from pathlib import Path

TRIES = 3


@cache
def parsed(path: Path) -> ast.Module:
    """A module's tree; CPython 3.11 may lose count of its depth while another thread parses too, and says so."""
    for _ in range(TRIES - 1):
        try:
            return ast.parse(path.read_text())
        except SystemError:
            continue
    return ast.parse(path.read_text())

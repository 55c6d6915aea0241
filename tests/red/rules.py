"""The table of protections: what each promises, the text that keeps it, and the test that fails without it.

One rule: a protection is taken away by one replacement in one file, of a text that stands there once.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


@dataclass(frozen=True)
class Rule:
    """A protection, and how it is taken away."""

    promise: str
    file: str
    text: str
    "What keeps the promise."
    broken: str
    "What stands there in its place without it."
    test: str
    "The test that then fails, as pytest names it."

    def without(self, tree: Path) -> str:
        """The file's content without the protection.

        Raises:
            ValueError: the text stands in the file never, or more than once.
        """
        content = (tree / self.file).read_text()
        if (times := content.count(self.text)) != 1:
            raise ValueError(f"expected in {self.file} once, got {times} times: {self.text!r}")
        return content.replace(self.text, self.broken)


def rules() -> Iterator[Rule]:
    """Every rule of every table, in the order of the files."""
    for table in sorted(FOLDER.glob("*.toml")):
        for promise, row in tomllib.loads(table.read_text()).items():
            yield Rule(promise, **row)

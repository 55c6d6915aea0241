"""`make red`: takes each protection away, in a copy of the tree of its own, and sees the test that holds it fail.

One rule: red is what a test says while it runs. One that cannot run, or fails with nothing broken, says nothing.
"""

# ruff: noqa: T201 - its words are for the terminal

import os
import shutil
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from venv import EnvBuilder

from tests.red.rules import ROOT, Rule, rules

ABREAST = 2
SECONDS = 150
"What one test may take on a slow machine; all of them together, with nothing broken, ten times that."
PASSED, FAILED = 0, 1
"pytest's exit codes."
MISTAKES = ("SyntaxError", "IndentationError", "NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError")
"What a replacement that is no code of ours fails of."
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "node_modules", "graphiql", "benchmarks")
COMMAND = "#!{python}\nfrom app.cli import main\nraise SystemExit(main())\n"


def main(words: list[str]) -> int:
    """Tries each rule that has all these words in its promise or its test; 1 where a protection was not missed."""
    chosen = [rule for rule in rules() if all(word.lower() in f"{rule.promise} {rule.test}".lower() for word in words)]
    if not chosen or not sound(chosen):
        print("expected rules whose tests pass while nothing is broken, got none, or others", file=sys.stderr)
        return 1
    survivors = 0
    with ThreadPoolExecutor(ABREAST) as pool:
        for rule, trouble in zip(chosen, pool.map(tried, chosen), strict=True):
            survivors += trouble is not None
            print(f"{'SURVIVED' if trouble else 'red'}\t{rule.promise}\t{rule.test}{trouble or ''}", flush=True)
    print(f"rules {len(chosen)}, survivors {survivors}")
    return 1 if survivors else 0


def sound(chosen: list[Rule]) -> bool:
    """Whether the tests pass while nothing is broken."""
    tests = dict.fromkeys(rule.test for rule in chosen)
    with TemporaryDirectory(prefix="red-") as folder:
        spread = ("--numprocesses", str(ABREAST), "--dist", "loadfile")
        done = run(copied(Path(folder)), *spread, *tests, seconds=10 * SECONDS)
    if done.returncode != PASSED:
        print(done.stdout[-5000:], done.stderr[-2000:])
    return done.returncode == PASSED


def tried(rule: Rule) -> str | None:
    """What a rule's test says that is not what it should say without the protection; None where it fails."""
    with TemporaryDirectory(prefix="red-") as folder:
        tree = copied(Path(folder))
        try:
            (tree / rule.file).write_text(rule.without(tree))
            done = run(tree, "--exitfirst", "--junitxml=red.xml", rule.test)
        except (ValueError, subprocess.TimeoutExpired) as error:
            return f"\n{error}"
        red = done.returncode == FAILED and failed(tree / "red.xml")
    return None if red else f"\n{done.stdout[-3000:]}{done.stderr[-1000:]}"


def failed(report: Path) -> bool:
    """Whether a test failed while it ran, and not of a mistake in the replacement."""
    words = [one.get("message", "") for one in ET.parse(report).iter("failure")]
    return bool(words) and not any(one.startswith(MISTAKES) for one in words)


def copied(folder: Path) -> Path:
    """A copy of the tree, with a Python and a command that find its code before the project's."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    EnvBuilder(symlinks=True).create(tree / ".venv")
    (packages,) = (tree / ".venv/lib").glob("python*/site-packages")
    (packages / "tree.pth").write_text(f"{tree}\nimport site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    command = tree / ".venv/bin/raken-gateway"
    command.write_text(COMMAND.format(python=command.with_name("python")))
    command.chmod(0o755)
    return tree


def run(tree: Path, *arguments: str, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
    """Runs tests of a copy."""
    command = [str(tree / ".venv/bin/python"), "-m", "pytest", "--quiet", "--tb=short", *arguments]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=tree, env=kept, capture_output=True, text=True, timeout=seconds, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

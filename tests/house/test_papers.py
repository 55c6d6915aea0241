"""The papers under test: what they name exists, and what exists they name."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from graphql import parse, validate

from app.cli import parser
from app.config import Settings
from app.metrics import Metrics
from loaders.errors import GatewayError
from loaders.slices import Memory
from loaders.usage import Usages
from resolvers.graph import GRAPH
from resolvers.schema import CATALOGUE
from tests.house.sources import parsed

ROOT = Path(__file__).parents[2]
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
PAPERS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *DECISIONS, ROOT / "sandbox/README.md"]
OPERATIONS = (ROOT / "docs/operations.md").read_text()
README = (ROOT / "README.md").read_text()

OWN = {name.upper() for name in Settings.model_fields} - {"TTLS", "SCOPES"}

CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
PATH = re.compile(r"(?<![\w/.-])(?:app|resolvers|loaders|sandbox|tests|docs|graphiql|benchmarks)/[\w./<>-]*[\w/>]")
FILE = re.compile(r"(?<![\w/.>-])(\w+\.(?:py|sql|toml|lock|graphql|md))\b")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NUMBERS = {"Four": 4, "four": 4, "Five": 5, "five": 5}


@pytest.fixture(params=PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def paper(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def section(text: str, heading: str) -> str:
    """The text under a heading, to the next one of its level."""
    level, _, _ = heading.partition(" ")
    _, _, rest = f"\n{text}".partition(f"\n{heading}\n")
    assert rest, f"there is no {heading!r}"
    return rest.partition(f"\n{level} ")[0]


def named(text: str) -> set[str]:
    """What the first cells of a text's tables name in code."""
    cells = (line.split("|")[1] for line in text.splitlines() if line.startswith("| "))
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def slugs(path: Path) -> set[str]:
    """The anchors of a paper's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_path_that_a_paper_names_exists(paper: Path) -> None:
    names = set(PATH.findall(paper.read_text()))
    assert [name for name in sorted(names) if not any(ROOT.glob(re.sub(r"<\w+>", "*", name).rstrip("/")))] == []


def test_every_file_that_a_paper_names_alone_exists(paper: Path) -> None:
    files = {name for code in CODE.findall(paper.read_text()) for name in FILE.findall(code)}
    folders = ("app", "resolvers", "loaders", "sandbox", "tests", "docs", "graphiql/src")
    inside = (path for folder in folders for path in (ROOT / folder).rglob("*.*"))
    assert files - {path.name for path in (*ROOT.glob("*.*"), *inside)} == set()


def test_every_relative_link_leads_somewhere(paper: Path) -> None:
    for target in LINK.findall(paper.read_text()):
        if target.startswith(("http:", "https:")):
            continue
        path, _, anchor = target.partition("#")
        where = (paper.parent / path).resolve() if path else paper
        assert where.exists(), target
        assert not anchor or anchor in slugs(where), target


def test_every_make_target_that_a_paper_names_exists(paper: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    said = {name for code in CODE.findall(paper.read_text()) for name in re.findall(r"\bmake ([a-z]+)\b", code)}
    assert said - targets == set()


def test_every_variable_is_in_operations_and_every_one_there_is_a_variable() -> None:
    assert named(section(OPERATIONS, "## Variables")) == OWN | {"TTL_<ENTITY>", "SCOPE_<ENTITY>"}


def test_the_variables_of_each_entity_are_on_the_generated_page() -> None:
    ttls = {f"TTL_{entity.name}" for entity in CATALOGUE}
    scopes = {f"SCOPE_{entity.name}" for entity in CATALOGUE if "project" in entity.keys}
    assert set(re.findall(r"`((?:TTL|SCOPE)_[A-Z_]+)`", (ROOT / "docs/entities.md").read_text())) == ttls | scopes


def test_a_variable_has_the_default_that_operations_says() -> None:
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (?:`(.+?)`|none|empty) \|", section(OPERATIONS, "## Variables"), re.MULTILINE
    )
    assert {name for name, _ in rows} == OWN
    for name, said in rows:
        default = Settings.model_fields[name.lower()].get_default(call_default_factory=True)
        assert said == ("" if str(default) in ("None", "()", "PydanticUndefined") else str(default)), name


def test_every_event_of_the_log_is_in_operations_and_every_one_there_is_logged() -> None:
    assert named(section(OPERATIONS, "## Log events")) == set(events())


def events() -> Iterator[str]:
    """The names of the events that the code logs."""
    for path in (path for package in ("app", "resolvers", "loaders") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and logs(node.func):
                assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}: an event's name is written out"
                yield str(node.args[0].value)


def logs(called: ast.Attribute) -> bool:
    """Whether what is called is a method of a structlog logger."""
    owner = ast.unparse(called.value)
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    return called.attr in levels and (owner == "_log" or owner.startswith("structlog.get_logger"))


async def test_every_metric_is_in_operations_and_every_one_there_is_exported() -> None:
    page = await Metrics(Usages(list(CATALOGUE)), Memory(0)).page(None)  # type: ignore[arg-type]
    exported = set(re.findall(r"^# TYPE (\w+)", bytes(page.body).decode(), re.MULTILINE))
    assert named(section(OPERATIONS, "## Metrics")) == {name for name in exported if not name.endswith("_created")}


def test_every_error_code_is_in_operations_and_every_one_there_is_told() -> None:
    tree = [GatewayError]
    for error in tree:
        tree += error.__subclasses__()
    own = set(re.findall(r'^[A-Z_]+ = "([A-Z_]+)"$', (ROOT / "app/errors.py").read_text(), re.MULTILINE))
    assert named(section(OPERATIONS, "## What clients are told")) == own | {error.code for error in tree}


def test_every_command_is_in_operations_and_every_one_there_is_a_command() -> None:
    offered = re.findall(r"^    ([a-z][\w-]*)(?:\s|$)", parser().format_help(), re.MULTILINE)
    assert {name.split()[1] for name in named(section(OPERATIONS, "## Commands"))} == set(offered)


def test_contributing_numbers_as_many_places_as_it_says() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for heading in ("## Adding an entity", "## Adding one of ASR's columns"):
        part = section(text, heading)
        said = re.search(r"(\w+) places", part)
        steps = re.findall(r"^(\d+)\. ", part, re.MULTILINE)
        assert said is not None
        assert steps == [str(number) for number in range(1, NUMBERS[said[1]] + 1)]


def test_decisions_are_numbered_without_a_gap_and_of_one_form() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for number, path in enumerate(DECISIONS, start=1):
        assert path.read_text().startswith(f"# {number}. "), path.name
        headings = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Turned down", "Consequences"], path.name


def test_the_image_holds_what_the_wheel_holds_and_is_made_by_the_makefiles_uv() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE)) == sorted(packages)
    assert {f"!{name}" for name in packages} <= set((ROOT / ".dockerignore").read_text().split())
    versions = re.findall(r"UV_VERSION := ([\d.]+)", (ROOT / "Makefile").read_text())
    assert re.findall(r"uv==([\d.]+)", dockerfile) == versions


def steps() -> str:
    """What the README has one type into a shell, once the gateway runs."""
    return blocks("## Ask it", "sh")[0]


def blocks(heading: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(README, heading), re.DOTALL)


def test_the_readmes_query_is_valid() -> None:
    asked = re.search(r"'query=(.*?)'", steps(), re.DOTALL)
    assert asked is not None
    assert validate(GRAPH, parse(asked[1])) == []


def await_ready(address: str) -> None:
    """Returns when the gateway says that it is ready; the test's time-out is its patience."""
    while True:
        with suppress(OSError), urlopen(f"{address}/readyz"):
            return
        time.sleep(0.05)


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """What `make run` starts, on ports that are free; gives the address that its log names."""
    command = [str(Path(sys.executable).with_name("raken-gateway")), "run"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    variables = {**kept, "PORT": "0", "SANDBOX_PORT": "0", "DATA_DIR": str(folder / "data")}
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            lines = (json.loads(line) for line in process.stderr)
            address = next(line["address"] for line in lines if line["event"] == "listening")
            await_ready(address)
            yield address
        finally:
            process.terminate()


@pytest.mark.slow  # it starts all that `make run` starts
@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's steps are typed with curl")
def test_the_readmes_steps_give_the_readmes_answer(tmp_path: Path) -> None:
    with demo(tmp_path) as address:
        script = steps().replace("http://127.0.0.1:8000", address)
        typed = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True)
    answer, written = json.loads(typed.stdout), json.loads(blocks("## Ask it", "json")[0])
    assert form(answer) == form(written)
    assert first_project(answer) == first_project(written)


def form(value: Any) -> Any:
    """What an answer is made of, whatever its dates and names: the days go by."""
    if isinstance(value, dict):
        return {name: form(inner) for name, inner in value.items()}
    return [form(value[0])] if isinstance(value, list) else "a value"


def first_project(answer: Any) -> Any:
    """What of the answer is the same on every day."""
    node = answer["data"]["projects"]["nodes"][0]
    return [node[name] for name in ("name", "number", "internalNotes")], node["freshness"]["state"]

"""The built pages as files: of the sources in graphiql/, complete, and sufficient to themselves."""

import hashlib
import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "graphiql"
PAGES = ROOT / "app" / "pages"
HTML = ["connect.html", "graphiql.html", "login.html"]


def test_the_built_pages_are_of_the_sources() -> None:
    recorded = dict(line.split("  ")[::-1] for line in (PAGES / "SOURCES.sha256").read_text().splitlines())
    inputs = [SOURCES / name for name in ("build.mjs", "package.json", "package-lock.json")]
    inputs += [path for path in (SOURCES / "src").rglob("*") if path.is_file()]
    current = {path.relative_to(SOURCES).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in inputs}
    assert recorded == current, "run `npm ci && npm run build` in graphiql/"


@pytest.mark.parametrize("name", HTML)
def test_a_page_names_only_files_that_are_there(name: str) -> None:
    named = re.findall(r'(?:href|src)="([^"{]+)"', (PAGES / name).read_text())
    assert named
    assert [path for path in named if not (PAGES / path.removeprefix("/pages/")).is_file()] == []


@pytest.mark.parametrize("name", HTML)
def test_a_page_has_no_inline_script_style_or_handler(name: str) -> None:
    html = (PAGES / name).read_text()
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html) == []


def test_the_style_sheets_load_nothing_from_elsewhere() -> None:
    loaded = [
        url for sheet in PAGES.glob("*.css") for url in re.findall(r"url\(\s*[\"']?([^\"')]+)", sheet.read_text())
    ]
    assert [url for url in loaded if re.match(r"(https?:)?//", url)] == []


def test_the_sign_in_page_has_each_placeholder_once() -> None:
    assert sorted(re.findall(r"{{(\w+)}}", (PAGES / "login.html").read_text())) == ["email", "error", "next"]


@pytest.mark.parametrize("path", sorted((SOURCES / "src" / "examples").iterdir()), ids=lambda path: path.stem)
def test_an_example_is_valid_and_explained(path: Path) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text(), assume_valid=True)
    document = path.read_text()
    assert validate(schema, parse(document)) == []
    assert document.startswith("# ")

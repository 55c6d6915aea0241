"""A manifest of trusted documents, of either form, is taken whole or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.manifest import WrongManifest, manifest

ME, HOME = "query Me { me { id } }", "query Home { projects { totalCount } }"
FORMAT = "apollo-persisted-query-manifest"


def apollo(*operations: Any, **more: Any) -> dict[str, Any]:
    return {"format": FORMAT, "version": 1, "operations": list(operations), **more}


def operation(name: str, body: str) -> dict[str, str]:
    return {"id": name, "name": "Me", "type": "query", "body": body}


def read(folder: Path, given: Any) -> dict[str, str]:
    file = folder / "manifest.json"
    file.write_bytes(given if isinstance(given, bytes) else json.dumps(given).encode())
    return dict(manifest(file))


@pytest.mark.parametrize(
    "given",
    [
        apollo(operation("a", ME), operation("b", HOME)),
        {"a": ME, "b": HOME},
        {"sha256:a": ME, "b": HOME},
        apollo(operation("a", ME), operation("b", HOME), operation("b", HOME)),
    ],
)
def test_both_forms_are_names_and_texts(tmp_path: Path, given: Any) -> None:
    assert read(tmp_path, given) == {"a": ME, "b": HOME}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"{", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b'{"a": "{ me { id } }", "a": "{ me { email } }"}', "it is not JSON whose objects have each name once"),
        ([ME], "it is no JSON object, but list"),
        ({}, "it has no document"),
        (apollo(), "it has no document"),
        (apollo(format="another"), f"it has not the format {FORMAT}, version 1"),
        (apollo(version=2), f"it has not the format {FORMAT}, version 1"),
        ({"operations": []}, f"it has not the format {FORMAT}, version 1"),
        (apollo() | {"operations": {"a": ME}}, "it has no list of operations"),
        (apollo(operation("a", ME), {"id": "b"}), "its document 2 has no name, or no text"),
        (apollo(operation("a", ME), "b"), "its document 2 has no name, or no text"),
        ({"": ME}, "its document 1 has no name, or no text"),
        ({"a": ME, "b": 1}, "its document 2 has no name, or no text"),
        (apollo(operation("a", ME), operation("a", HOME)), "it has two documents 'a'"),
        ({"a": ME, "sha256:a": HOME}, "it has two documents 'sha256:a'"),
        ({"a": "{ me"}, "its document 'a' does not parse: Syntax Error: Expected Name, found <EOF>."),
    ],
)
def test_a_manifest_that_is_wrong_is_told_of_in_a_line(tmp_path: Path, given: Any, words: str) -> None:
    with pytest.raises(WrongManifest) as wrong:
        read(tmp_path, given)
    assert str(wrong.value) == words


def test_a_file_that_is_not_there_is_told_of_too(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(WrongManifest, match="it cannot be read: "):
            manifest(path)

"""A manifest of trusted documents: their names and texts, as the build of a client has written them.

One rule: a manifest is taken whole or not at all, and what is wrong with one is said in a line.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLError, parse

from app.limits import DEFAULTS
from app.requests import decoded

APOLLO = "apollo-persisted-query-manifest"
VERSION = 1
SHA256 = "sha256:"
"What a name that is a hash may begin with (GraphQL over HTTP, appendix A)."


class WrongManifest(ValueError):
    """A manifest that cannot be used."""


def manifest(path: Path) -> Mapping[str, str]:
    """The texts of a file's documents, by their names.

    It is Apollo's persisted query manifest, or Relay's map of names and texts.

    Raises:
        WrongManifest: it cannot be read, has another form, names two documents alike, or has one that does not parse.
    """
    try:
        given = decoded(path.read_bytes())
    except OSError as error:
        raise WrongManifest(f"it cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise WrongManifest(f"it is not {error}") from None
    texts: dict[str, str] = {}
    for name, text in _documents(given):
        if texts.setdefault(bare(name), text) != text:
            raise WrongManifest(f"it has two documents {name[:100]!r}")
        _check(name, text)
    return texts


def bare(name: str) -> str:
    """A document's name without what only says how it was made."""
    return name.removeprefix(SHA256)


def _documents(given: Any) -> Iterator[tuple[str, str]]:
    """The names and texts of a manifest of either form."""
    if not isinstance(given, dict):
        raise WrongManifest(f"it is no JSON object, but {type(given).__name__}")
    rows = _apollo(given) if "format" in given or "operations" in given else list(given.items())
    if not rows:
        raise WrongManifest("it has no document")
    for number, (name, text) in enumerate(rows, start=1):
        if not isinstance(name, str) or not name or not isinstance(text, str):
            raise WrongManifest(f"its document {number} has no name, or no text")
        yield name, text


def _apollo(given: dict[str, Any]) -> list[tuple[Any, Any]]:
    form, version, operations = (given.get(name) for name in ("format", "version", "operations"))
    if (form, version) != (APOLLO, VERSION):
        raise WrongManifest(f"it has not the format {APOLLO}, version {VERSION}")
    if not isinstance(operations, list):
        raise WrongManifest("it has no list of operations")
    return [(one.get("id"), one.get("body")) if isinstance(one, dict) else (None, None) for one in operations]


def _check(name: str, text: str) -> None:
    try:
        parse(text, max_tokens=DEFAULTS.tokens)
    except GraphQLError as error:
        raise WrongManifest(f"its document {name[:100]!r} does not parse: {error.message[:200]}") from None

"""What is generated is current."""

from pathlib import Path

from app.papers import entities
from resolvers.graph import sdl

ROOT = Path(__file__).parents[2]


def test_the_schema_on_disk_is_the_schema_that_is_served() -> None:
    assert (ROOT / "schema.graphql").read_text() == sdl(), "run `make generate`"


def test_the_page_of_entities_is_the_catalogue() -> None:
    assert (ROOT / "docs/entities.md").read_text() == entities(), "run `make generate`"

"""The tree of errors, and how its members are told."""

import re

import pytest
from graphql import GraphQLError

from app.errors import told
from loaders import errors
from loaders.errors import GatewayError, RakenForbidden, RakenUnavailable


def kinds(kind: type[GatewayError]) -> list[type[GatewayError]]:
    """An error and all below it in the tree; what adapters say among themselves is not in it."""
    below = [each for each in kind.__subclasses__() if each.__module__ == kind.__module__]
    return [kind, *(found for each in below for found in kinds(each))]


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn = dict(re.findall(r"(\w+) +([A-Z_]{6,})", errors.__doc__ or ""))
    assert drawn == {kind.__name__: kind.code for kind in kinds(GatewayError) if kind.__name__ in drawn}
    assert {kind.__name__ for kind in kinds(GatewayError)} <= set(re.findall(r"\w+", errors.__doc__ or ""))
    for kind in kinds(GatewayError):
        assert kind.code == next(drawn[parent.__name__] for parent in kind.__mro__ if parent.__name__ in drawn)


@pytest.mark.parametrize(
    ("error", "extensions"),
    [
        (RakenUnavailable("Raken is away"), {"code": "UPSTREAM_UNAVAILABLE", "retryable": True}),
        (RakenForbidden("Raken says 403"), {"code": "UPSTREAM_FORBIDDEN"}),
    ],
)
def test_a_client_is_told_where_asking_again_may_help(error: GatewayError, extensions: dict[str, object]) -> None:
    located = GraphQLError(str(error), path=["projects"], original_error=error)
    assert told(located, "some-id") == {"message": str(error), "path": ["projects"], "extensions": extensions}

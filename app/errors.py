"""How an error reaches a client: the contract's code, and nothing that was not meant for it.

One rule: what nobody foresaw is masked, and the request id in its message is in the log too.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import structlog
from graphql import FieldNode, GraphQLError

from loaders.errors import GatewayError

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
TOO_COMPLEX = "QUERY_TOO_COMPLEX"
NOT_PERSISTED = "PERSISTED_QUERY_NOT_FOUND"
BAD_USER_INPUT = "BAD_USER_INPUT"
LONGEST = 1_000
"Characters of a message: graphql-core's own may quote a whole document."

_log = structlog.get_logger(__name__)


def told(error: GraphQLError, request_id: str, code: str = BAD_USER_INPUT) -> dict[str, Any]:
    """An error as the response has it; `code` is for one that the request itself caused."""
    original = error.original_error
    if isinstance(original, GatewayError):
        return _formatted(error, str(original), original.code, {"retryable": True} if original.retryable else {})
    if _of_the_request(error):
        return _formatted(error, error.message, code)
    # A path has aliases in it, which are the client's own words.
    _log.error("unforeseen_error", field=_field(error), exc_info=original)
    masked = GatewayError(f"something went wrong that was not foreseen; the log has it as request {request_id}")
    return _formatted(error, str(masked), masked.code)


def _field(error: GraphQLError) -> str | None:
    """The name of the field that an error is of."""
    node = error.nodes[0] if error.nodes else None
    return node.name.value if isinstance(node, FieldNode) else None


def _of_the_request(error: GraphQLError) -> bool:
    """Whether graphql-core found it in the document or its variables, before any field ran or at a field."""
    original = error.original_error
    # What a value of ours cannot be written as is a GraphQLError too, but points at no place in the document.
    return error.path is None or original is None or (isinstance(original, GraphQLError) and bool(original.nodes))


def _formatted(
    error: GraphQLError, message: str, code: str, more: Mapping[str, object] = MappingProxyType({})
) -> dict[str, Any]:
    return {**error.formatted, "message": message[:LONGEST], "extensions": {"code": code, **more}}


def plain(message: str, code: str) -> dict[str, Any]:
    """An error that has no place in a document."""
    return {"message": message, "extensions": {"code": code}}


def failure(message: str, code: str) -> dict[str, Any]:
    """All that REST answers where it fails."""
    return {"error": {"code": code, "message": message}}

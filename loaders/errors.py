"""The one tree of errors that a reader may meet; each says its contract code and whether asking again may help.

    GatewayError                 INTERNAL_SERVER_ERROR
    ├── BadInput                 BAD_USER_INPUT
    ├── Unauthenticated          UNAUTHENTICATED
    ├── Forbidden                FORBIDDEN
    ├── NotFound                 NOT_FOUND
    ├── Conflict                 CONFLICT
    ├── TooComplex               QUERY_TOO_COMPLEX
    ├── RateLimited              RATE_LIMITED
    ├── ExtensionsUnavailable    EXTENSIONS_UNAVAILABLE   Postgres is away
    └── RakenError               UPSTREAM_UNAVAILABLE
        ├── RakenUnavailable         timeout, refused, reset, 5xx, breaker open
        ├── RakenGarbled             HTML, cut-short JSON, a page without its envelope
        ├── RakenUnsettled           rows kept moving between pages
        ├── RakenThrottled           429, too many requests
        ├── RakenNotConnected        401 that renewal does not cure, no token, a dead chain
        ├── RakenRefused             400, 404 and other answers that say the question is wrong
        ├── DeltaUnsupported         what changed, or was deleted, cannot be asked for
        ├── StillReading             the answer is not there yet: deadline, or the operation's share is spent
        ├── QuotaExhausted       QUOTA_EXHAUSTED      the day's requests are spent, ours or Raken's
        └── RakenForbidden       UPSTREAM_FORBIDDEN   403: data access is not enabled

A library's exception is turned into one of these in its adapter, and nowhere else.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class GatewayError(Exception):
    """Something a reader is told: `str(error)` is the message, `code` the contract's `extensions.code`.

    `retryable`, in `extensions` too where it is true, says that the same question may be answered a little later.
    """

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"
    retryable: ClassVar[bool] = False


class BadInput(GatewayError):
    """An argument that cannot be meant; the message says what was expected and what came."""

    code = "BAD_USER_INPUT"


class Unauthenticated(GatewayError):
    """Nobody is signed in, or the credentials are wrong."""

    code = "UNAUTHENTICATED"


class Forbidden(GatewayError):
    """The role does not reach this field."""

    code = "FORBIDDEN"


class NotFound(GatewayError):
    """An update names something that does not exist."""

    code = "NOT_FOUND"


class Conflict(GatewayError):
    """The row changed since the writer read it."""

    code = "CONFLICT"


class TooComplex(GatewayError):
    """An answer would grow past all use."""

    code = "QUERY_TOO_COMPLEX"


class RateLimited(GatewayError):
    """More is asked for than is done; `wait` is in how many seconds it may be again."""

    code = "RATE_LIMITED"
    retryable = True

    def __init__(self, message: str, wait: int = 1) -> None:
        super().__init__(message)
        self.wait = wait


class ExtensionsUnavailable(GatewayError):
    """Postgres is away: ASR's own fields cannot be read or written."""

    code = "EXTENSIONS_UNAVAILABLE"
    retryable = True


class RakenError(GatewayError):
    """Raken's part of an answer is missing."""

    code = "UPSTREAM_UNAVAILABLE"


class RakenUnavailable(RakenError):
    """Raken could not be reached, took too long, or failed on its side."""

    retryable = True


class RakenGarbled(RakenError):
    """Raken answered something that is not the JSON page it documents."""

    retryable = True


class RakenUnsettled(RakenError):
    """Rows kept moving between pages, so that no reading was whole."""

    retryable = True


class RakenThrottled(RakenError):
    """Raken says 429, too many requests; `retry_after` is its wish in seconds, if it said one."""

    retryable = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RakenNotConnected(RakenError):
    """There is no token that Raken takes."""


class RakenRefused(RakenError):
    """Raken says that the question is wrong; `status` is the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class DeltaUnsupported(RakenError):
    """Raken does not say what changed or was deleted in a window: it refuses to, or takes no notice of the window."""


class StillReading(RakenError):
    """Raken is still being read for this; asking again a little later finds it."""

    retryable = True


class QuotaExhausted(RakenError):
    """The day's requests are spent."""

    code = "QUOTA_EXHAUSTED"


class RakenForbidden(RakenError):
    """Raken says 403: data access is not enabled for this app."""

    code = "UPSTREAM_FORBIDDEN"


def told(error: RakenError) -> dict[str, Any]:
    """An error as another process can be told of it."""
    return {"kind": type(error).__name__, "words": str(error), **vars(error)}


def untold(said: Mapping[str, Any]) -> RakenError:
    """The error that was told; one of a kind that this code does not know is a RakenUnavailable."""
    kinds = {kind.__name__: kind for kind in RakenError.__subclasses__()}
    more = {name: value for name, value in said.items() if name not in ("kind", "words")}
    try:
        return kinds[said["kind"]](said["words"], **more)
    except (KeyError, TypeError):
        return RakenUnavailable(str(said.get("words", "")))

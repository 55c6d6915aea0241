"""The keys of an identity provider (RFC 7517), by which its tokens are read: RS256 and ES256.

One rule: a key signs by its own algorithm alone, and a secret is never taken from a provider: so no token that was made
with a public key passes (RFC 8725, section 2.1).
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import jwt
import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from loaders import wire
from loaders.clock import Clock
from loaders.errors import Unauthenticated

SPACE = 60.0
"Seconds between two looks at the provider, however many tokens name a key that is not known."
LASTING = 3600.0
"Seconds after which the keys are looked at anew, behind whoever asks: one that was withdrawn is then gone."
TIMEOUT = 5.0
MOST = 256 * 1024
"Bytes of a key set."
RSA_BITS = 2048
"What RS256 asks of a key (RFC 7518, section 3.3)."
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
"How a key signs, by its type."

_log = structlog.get_logger("provider")


class Provider:
    """An identity provider's keys; none where no address is set."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._keys: list[jwt.PyJWK] = []
        self._looked: float | None = None
        self._look: asyncio.Task[None] | None = None
        self._trouble: str | None = None

    async def key(self, token: str) -> jwt.PyJWK | None:
        """The provider's key for a token; None for one that is not the provider's to sign.

        Raises:
            Unauthenticated: the token names a key that the provider does not have.
        """
        header = _header(token)
        algorithm, id_ = header.get("alg"), header.get("kid")
        if not self._url or algorithm not in ("RS256", "ES256"):
            return None
        key = self._known(algorithm, id_)
        if self._due(SPACE if key is None else LASTING):
            self._look = asyncio.create_task(self._read())
        if key is None and self._look is not None:
            # Whoever asks meanwhile waits for the same look; it goes on when they give up.
            await asyncio.shield(self._look)
            key = self._known(algorithm, id_)
        if key is None:
            raise Unauthenticated("expected a token signed by a key that the identity provider has; got another")
        return key

    async def close(self) -> None:
        """Ends a look that is under way."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)

    def _known(self, algorithm: str, id_: object) -> jwt.PyJWK | None:
        """The key of an id; where a token names none, the only one that signs so."""
        fitting = [key for key in self._keys if key.algorithm_name == algorithm and id_ in (None, key.key_id)]
        return fitting[0] if len(fitting) == 1 or (fitting and id_ is not None) else None

    def _due(self, seconds: float) -> bool:
        if self._look is not None and not self._look.done():
            return False
        return self._looked is None or self._clock.monotonic() - self._looked >= seconds

    async def _read(self) -> None:
        """Looks at the provider; where nothing good comes of it, the keys that are known stay."""
        self._looked = self._clock.monotonic()
        try:
            self._keys = keys(await wire.document(self._url, MOST, TIMEOUT))
            trouble = None
        except (OSError, ValueError) as error:
            trouble = str(error)
        if trouble is not None and self._trouble is None:
            _log.warning("identity_provider_away", error=trouble, keys=len(self._keys))
        if trouble is None and self._trouble is not None:
            _log.info("identity_provider_back", keys=len(self._keys))
        self._trouble = trouble


def keys(document: bytes) -> list[jwt.PyJWK]:
    """The keys of a key set that tokens are signed by; those of other kinds are passed over.

    Raises:
        ValueError: it is not a key set, or has no such key.
    """
    try:
        given = msgspec.json.decode(document, type=dict[str, Any]).get("keys")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        given = None
    if not isinstance(given, list):
        raise ValueError("expected a set of keys, got something else")  # noqa: TRY004 - it is the value of a document
    found = [key for key in map(_key, given) if key is not None]
    if not found:
        raise ValueError(f"expected a key for RS256 or ES256, got none among {len(given)}")
    return found


class _Shown(msgspec.Struct, omit_defaults=True):
    """What of a key is looked at."""

    kty: Literal["RSA", "EC"]
    kid: str | None = None
    use: Literal["sig"] | None = None
    alg: str | None = None
    crv: Literal["P-256"] | None = None
    n: str = ""
    e: str = ""
    x: str = ""
    y: str = ""
    d: None = None
    "Its private part: a key that everybody can sign by is no key."


def _key(given: object) -> jwt.PyJWK | None:
    try:
        shown = msgspec.convert(given, _Shown)
        key = jwt.PyJWK(msgspec.to_builtins(shown), ALGORITHMS[shown.kty])
    except (msgspec.ValidationError, jwt.PyJWTError, TypeError, ValueError):
        return None
    weak = isinstance(key.key, RSAPublicKey) and key.key.key_size < RSA_BITS
    return None if weak or shown.alg not in (None, key.algorithm_name) else key


def _header(token: str) -> Mapping[str, Any]:
    try:
        return jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        return {}

"""What a writer may hand in for ASR's own fields: checked, and turned into what Postgres is given.

Pure. Nothing is rounded, trimmed or mended: what cannot be kept as it is, is refused with BadInput.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeGuard

from loaders.errors import BadInput, NotFound
from loaders.uuids import is_uuid

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"NUL, and the surrogates that stand alone in a Python text: Postgres' UTF-8 has neither."
EMAIL_LENGTH = 254
"Characters that a mail server takes at most (RFC 5321, section 4.5.3.1.3, less its brackets)."
CUSTOM_FIELDS_BYTES = 65_536
CUSTOM_FIELDS_DEPTH = 256

_BUDGET_PLACES = 2
_BUDGET_DIGITS = 16  # before the point: numeric(18,2)
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def text(name: str, value: object) -> str:
    """A text, kept to the letter; the empty one too."""
    if not isinstance(value, str):
        raise BadInput(f"{name}: expected a text, got {type(value).__name__}")
    if UNSTORABLE.search(value):
        raise BadInput(f"{name}: expected a text without NUL and lone surrogates, got {value[:40]!a}")
    return value


def email(name: str, value: str) -> str:
    """An address as people write it, to the letter; whether it receives mail is not asked."""
    user, _, domain = value.partition("@")
    shaped = user and domain and "@" not in domain and value.isprintable() and " " not in value
    if not shaped or len(value) > EMAIL_LENGTH:
        raise BadInput(
            f"{name}: expected an address like name@company.example, with one @, no spaces and at most {EMAIL_LENGTH} "
            f"characters; got {value[:40]!a}"
        )
    return value


def texts(name: str, value: object) -> list[str]:
    """A list of texts, in its order."""
    if not _is_list(value):
        raise BadInput(f"{name}: expected a list of texts, got {type(value).__name__}")
    return [text(name, one) for one in value]


def uuids(name: str, value: object) -> list[str]:
    """A list of UUID-shaped ids, as given: order, letter case and repeats too."""
    ids = texts(name, value)
    for one in ids:
        if not is_uuid(one):
            raise BadInput(f"{name}: expected ids of the shape of a UUID, got {one[:40]!a}")
    return ids


def account(name: str, value: object) -> str:
    """The id of an account; one that no account can have is NotFound."""
    id_ = text(name, value)
    if not is_uuid(id_):
        raise NotFound(f"{name}: expected the id of an account, got {id_[:40]!a}")
    return id_


def budget(name: str, value: object) -> Decimal:
    """An exact amount that numeric(18,2) holds."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise BadInput(f"{name}: expected a finite decimal, got {value!s:.40}")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_BUDGET_PLACES:
        raise BadInput(f"{name}: expected at most two decimals, got {value!s:.40}")
    if value.adjusted() >= _BUDGET_DIGITS:
        raise BadInput(f"{name}: expected at most {_BUDGET_DIGITS} digits before the point, got {value!s:.40}")
    return value


def custom_fields(name: str, value: object) -> str:
    """An object as compact JSON; None is the empty one."""
    value = {} if value is None else value
    if not isinstance(value, Mapping):
        raise BadInput(f"{name}: expected an object, got {type(value).__name__}")
    _bound_depth(name, value)
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(written.encode())
    except (TypeError, ValueError) as error:  # NaN, an integer beyond 4,300 digits, a lone surrogate
        raise BadInput(f"{name}: expected what JSON in UTF-8 can say, got {error}") from error
    if _ESCAPED_NUL.search(written):
        raise BadInput(f"{name}: expected texts without NUL, got one with it")
    if size > CUSTOM_FIELDS_BYTES:
        raise BadInput(f"{name}: expected at most {CUSTOM_FIELDS_BYTES} bytes as compact JSON, got {size}")
    return written


def _bound_depth(name: str, value: object) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > CUSTOM_FIELDS_DEPTH:
            raise BadInput(f"{name}: expected at most {CUSTOM_FIELDS_DEPTH} levels, got more")
        level = [inner for outer in level for inner in _inside(outer)]


def _inside(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if _is_list(value) else []


def _is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(value, list | tuple)

"""What a writer may hand in for ASR's own fields: checked, and turned into what Postgres is given.

Pure. Nothing is rounded, trimmed or mended: what cannot be kept as it is, is refused with BadInput; and what is too
large before anything is made of it.
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
TEXT_BYTES = 65_536
"Bytes of UTF-8 that a text has at most."
PERMISSIONS = 1_000
PERMISSION_LENGTH = 200
"Characters that each has at most."
ASSIGNED = 10_000
"Projects that a member is assigned to at most."
CUSTOM_FIELDS_BYTES = 65_536
CUSTOM_FIELDS_DEPTH = 256

_BUDGET_PLACES = 2
_BUDGET_DIGITS = 16  # before the point: numeric(18,2)
_CUSTOM_FIELDS_ENTRIES = CUSTOM_FIELDS_BYTES // 2  # each is a character and a comma at least
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def text(name: str, value: object) -> str:
    """A text of `TEXT_BYTES` at most, kept to the letter; the empty one too."""
    if not isinstance(value, str):
        raise BadInput(f"{name}: expected a text, got {type(value).__name__}")
    size = len(value.encode(errors="surrogatepass"))
    if size > TEXT_BYTES:
        raise BadInput(f"{name}: expected at most {TEXT_BYTES} bytes of UTF-8, got {size}")
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


def permissions(name: str, value: object) -> list[str]:
    """A list of short texts, in its order."""
    given = _texts(name, value, PERMISSIONS)
    for one in given:
        if len(one) > PERMISSION_LENGTH:
            raise BadInput(f"{name}: expected texts of at most {PERMISSION_LENGTH} characters, got one of {len(one)}")
    return given


def uuids(name: str, value: object) -> list[str]:
    """A list of UUID-shaped ids, as given: order, letter case and repeats too."""
    ids = _texts(name, value, ASSIGNED)
    for one in ids:
        if not is_uuid(one):
            raise BadInput(f"{name}: expected ids of the shape of a UUID, got {one[:40]!a}")
    return ids


def _texts(name: str, value: object, most: int) -> list[str]:
    if not _is_list(value):
        raise BadInput(f"{name}: expected a list of texts, got {type(value).__name__}")
    if len(value) > most:
        raise BadInput(f"{name}: expected at most {most} entries, got {len(value)}")
    return [text(name, one) for one in value]


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
    _bound(name, value)
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(written.encode())
    except (TypeError, ValueError) as error:  # NaN, an integer beyond 4,300 digits, a lone surrogate
        raise BadInput(f"{name}: expected what JSON in UTF-8 can say, got {error}") from error
    if size > CUSTOM_FIELDS_BYTES:
        raise BadInput(f"{name}: expected at most {CUSTOM_FIELDS_BYTES} bytes as compact JSON, got {size}")
    if _ESCAPED_NUL.search(written):
        raise BadInput(f"{name}: expected texts without NUL, got one with it")
    return written


def _bound(name: str, value: object) -> None:
    level, depth, entries = [value], 0, 0
    while level:
        depth, entries = depth + 1, entries + len(level)
        if depth > CUSTOM_FIELDS_DEPTH:
            raise BadInput(f"{name}: expected at most {CUSTOM_FIELDS_DEPTH} levels, got more")
        if entries > _CUSTOM_FIELDS_ENTRIES:
            raise BadInput(f"{name}: expected at most {CUSTOM_FIELDS_BYTES} bytes as compact JSON, got more")
        level = [inner for outer in level for inner in _inside(outer)]


def _inside(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if _is_list(value) else []


def _is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(value, list | tuple)

"""What an id looks like. The rule: only what is UUID-shaped is ever looked up."""

import re

_SHAPE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def is_uuid(text: str) -> bool:
    """Says whether a text has the shape of a UUID (RFC 9562, section 4): hexadecimal in 8-4-4-4-12, any case."""
    return _SHAPE.fullmatch(text) is not None

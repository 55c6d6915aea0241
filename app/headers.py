"""What every response tells a browser not to do with it.

One rule: the strictest that works; a page says for itself what it needs beyond.
"""

from starlette.types import Message

FILES = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; font-src 'self'; "
    "img-src 'self' data:; style-src 'self' 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"The policy of GraphiQL, and of its files: a worker has the policy of its own script. Its editor writes styles."
PLAIN = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"The policy of pages without scripts."
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"The policy of what is no page: whoever opens an answer in a browser runs and loads nothing of it."
YEAR = 31_536_000

ALWAYS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": NOTHING,
    # Not `no-referrer`: a form would then be sent with `Origin: null`, and refused.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    # Pages of CORS_ORIGINS ask by CORS, which this leaves alone; it is for images, scripts and frames.
    "cross-origin-resource-policy": "same-origin",
}


class Protections:
    """The headers that responses get where they do not say otherwise."""

    def __init__(self, *, https: bool) -> None:
        """`https`: people come by it."""
        # By plain http a browser takes no notice of it, and before localhost it would be a nuisance for a year.
        given = {**ALWAYS, **({"strict-transport-security": f"max-age={YEAR}"} if https else {})}
        self._headers = [(name.encode(), value.encode()) for name, value in given.items()]

    def add(self, start: Message) -> None:
        """Adds what is missing to the start of a response."""
        headers = start["headers"] = list(start.get("headers", ()))
        there = {name.lower() for name, _ in headers}
        headers += [header for header in self._headers if header[0] not in there]

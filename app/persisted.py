"""Documents that are asked for by name: trusted ones, or such as a client has sent before.

One rule: what a name stands for never changes.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

from graphql import GraphQLError

from app.documents import Refused
from app.errors import NOT_PERSISTED
from app.manifest import bare
from app.requests import NO_QUERY, Asked, WrongRequest

KEPT = 4 * 1024 * 1024
"Bytes of the texts that are kept."
HASH = 64
"Bytes of a hash in hexadecimal."


class Unknown(Refused):
    """A name that stands for nothing yet: the client is to send the text with it."""

    def __init__(self) -> None:
        # Clients know it by these words, or by the code.
        super().__init__([GraphQLError("PersistedQueryNotFound")], NOT_PERSISTED)


class Texts(Protocol):
    """The texts that names stand for."""

    def text(self, asked: Asked) -> str:
        """The text that is to be run.

        Raises:
            Refused: there is none, or it is not to be run.
            WrongRequest: 400, where name and text do not go together.
        """
        ...

    def keep(self, asked: Asked) -> None:
        """Takes note that somebody who is signed in has asked for a text that is valid."""
        ...


def texts(trusted: Mapping[str, str] | None) -> Texts:
    """The texts of a manifest and none beside; without one, any, and names as they come."""
    return AutomaticTexts() if trusted is None else TrustedTexts(trusted)


class TrustedTexts:
    """The documents of a manifest: nothing else is run."""

    def __init__(self, trusted: Mapping[str, str]) -> None:
        self._trusted = trusted
        self._texts = frozenset(trusted.values())

    def text(self, asked: Asked) -> str:
        """The text of a name, or the text that was sent, where the manifest has it."""
        name = asked.hash or asked.document_id
        found = asked.query if name is None else self._trusted.get(bare(name))
        if found is None or found not in self._texts:
            raise Refused([GraphQLError("expected a document of the manifest, got another")], NOT_PERSISTED)
        if asked.query not in (None, found):
            raise WrongRequest(400, "expected the text that the manifest has under that name, got another")
        return found

    def keep(self, asked: Asked) -> None:
        """Takes note of nothing: the manifest has all there is."""


class AutomaticTexts:
    """Texts by their SHA-256, as clients have sent them: Apollo's automatic persisted queries.

    The least recently used go first.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._size = 0

    def text(self, asked: Asked) -> str:
        """The text that was sent, or the one of its hash that was sent before."""
        if asked.query is not None:
            if asked.hash is not None and asked.hash != hashlib.sha256(asked.query.encode()).hexdigest():
                raise WrongRequest(400, "expected sha256Hash to be the SHA-256 of query, in hexadecimal; got another")
            return asked.query
        if asked.hash is None:
            raise WrongRequest(400, NO_QUERY)
        if asked.hash not in self._kept:
            raise Unknown
        self._kept.move_to_end(asked.hash)
        return self._kept[asked.hash]

    def keep(self, asked: Asked) -> None:
        """Keeps a text that came with its hash, for whoever comes with the hash alone."""
        if asked.query is None or asked.hash is None or asked.hash in self._kept:
            return
        self._kept[asked.hash] = asked.query
        self._size += _bytes(asked.query)
        while self._size > KEPT:
            _, gone = self._kept.popitem(last=False)
            self._size -= _bytes(gone)


def _bytes(text: str) -> int:
    return len(text.encode()) + HASH

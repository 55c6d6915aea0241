"""Raken's tokens: what is held, and where it is kept.

The rule it keeps: a refresh token is spent by one process at a time, after a durable note that it will be;
and the pair it was spent for is stored before anything uses it.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from loaders.errors import RakenUnavailable


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pair as Raken gave it; neither token shows in its repr.

    An access token of `""` is one that never was: the start of a chain, of which only the refresh token is known.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    "When the access token ends, in UTC."


class Renewal(Protocol):
    """The exclusive right, over all processes, to spend the refresh token."""

    tokens: Tokens | None
    "As stored now: another process may have renewed meanwhile."

    async def intend(self) -> None:
        """Notes durably that the refresh token is about to be spent.

        Raises:
            RakenUnavailable: an earlier note was neither answered nor withdrawn, and its hard time-out has not passed.
            ExtensionsUnavailable: Postgres is away.
        """

    async def withdraw(self) -> None:
        """Takes the note back: the token call is over, and spent nothing (refused, 5xx)."""

    async def store(self, tokens: Tokens) -> None:
        """Stores the new pair durably, and clears the note; also where there was none, or it has timed out."""

    async def forget(self, reason: str) -> None:
        """Marks the chain as dead (invalid_grant) and clears the note; `load` then says so until a new chain."""


class TokenVault(Protocol):
    """Where the chain is kept: one row for all processes, encrypted."""

    async def load(self) -> Tokens:
        """The newest pair.

        Raises:
            RakenNotConnected: there is no chain, it is dead, or it cannot be decrypted; the message says which.
            ExtensionsUnavailable: Postgres is away.
        """
        ...

    def renewal(self) -> AbstractAsyncContextManager[Renewal]:
        """Waits for the exclusive right to renew, and gives it back at the end.

        Raises:
            RakenUnavailable: another process has held it for too long.
            ExtensionsUnavailable: Postgres is away.
        """
        ...

    async def ready(self) -> None:
        """Makes sure that a pair could be stored now.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """

    async def connect(self, tokens: Tokens, actor: str) -> None:
        """Stores the first pair of a new chain, whatever stands there, and writes down who has connected it.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """


class SpentInVain(RakenUnavailable):
    """A token call ended without an answer: nobody knows whether the refresh token is spent."""


class TokenEndpoint(Protocol):
    """Raken's token endpoint."""

    async def renew(self, refresh_token: str) -> Tokens:
        """Spends a refresh token for a new pair.

        Raises:
            RakenNotConnected: the token is dead (invalid_grant).
            SpentInVain: there was no answer that can be used, and it may be spent.
            RakenUnavailable: it is not spent.
        """
        ...

    async def exchange(self, code: str, redirect_uri: str) -> Tokens:
        """Spends a code that Raken gave an administrator for the first pair of a chain.

        Raises:
            RakenNotConnected: the code is dead (invalid_grant).
            RakenUnavailable: there is no answer that can be used.
        """
        ...

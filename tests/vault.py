"""A vault of tokens in memory (`loaders.tokens.TokenVault`)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from loaders.errors import ExtensionsUnavailable, RakenNotConnected
from loaders.tokens import Tokens


class Vault:
    """A vault in memory, which tells what was done to it, in order; it can be away."""

    def __init__(self, stored: Tokens | None) -> None:
        self.stored = stored
        self.done: list[str] = []
        self.away = False
        self.store_fails = False
        self.lock = asyncio.Lock()

    def _there(self) -> None:
        if self.away:
            raise ExtensionsUnavailable("Postgres is away")

    async def load(self) -> Tokens:
        self._there()
        if self.stored is None:
            raise RakenNotConnected("there is no token that Raken takes; an administrator connects it anew")
        return self.stored

    async def ready(self) -> None:
        self._there()
        self.done.append("ready")

    async def connect(self, tokens: Tokens, actor: str) -> None:
        self._there()
        self.stored = tokens
        self.done.append(f"connect {tokens.refresh_token} by {actor}")

    @asynccontextmanager
    async def renewal(self) -> "AsyncIterator[Renewal]":
        self._there()
        async with self.lock:
            yield Renewal(self)


class Renewal:
    """The right to renew."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.tokens = vault.stored

    async def intend(self) -> None:
        self.vault._there()
        self.vault.done.append("intend")

    async def withdraw(self) -> None:
        self.vault.done.append("withdraw")

    async def store(self, tokens: Tokens) -> None:
        if self.vault.store_fails:
            raise ExtensionsUnavailable("Postgres is away")
        self.vault.stored = tokens
        self.vault.done.append(f"store {tokens.refresh_token}")

    async def forget(self, reason: str) -> None:
        self.vault.stored = None
        self.vault.done.append(f"forget: {reason}")

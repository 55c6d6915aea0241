"""What only the process can do for a field: sign somebody in, and say how caches and Raken are doing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from app.accounts import Doorkeeper
from loaders.entity import SliceKey
from loaders.errors import ExtensionsUnavailable, RakenNotConnected, RakenUnavailable
from loaders.http_raken import HttpRaken
from loaders.ledger import Entry
from loaders.loader import Loader
from loaders.raken import Standing
from loaders.slices import total
from loaders.usage import Usage, Usages
from resolvers.context import CacheRow, SignedIn
from resolvers.extensions import worst


class Desk:
    """The process, as fields may ask it (a `resolvers.context.Process`)."""

    def __init__(self, doorkeeper: Doorkeeper, loader: Loader, usages: Usages, raken: HttpRaken) -> None:
        self._doorkeeper = doorkeeper
        self._loader = loader
        self._usages = usages
        self._raken = raken

    async def sign_in(self, email: str, password: str) -> SignedIn:
        """A session. Raises: Unauthenticated, ExtensionsUnavailable."""
        return await self._doorkeeper.sign_in(email, password)

    async def caches(self) -> Sequence[CacheRow]:
        """One row an entity, in the catalogue's order: of what this process holds, and of what all have in common."""
        entries = await self._entries()
        return [
            self._row(name, usage, {key: one for key, one in entries.items() if key.entity.name == name})
            for name, usage in self._usages
        ]

    def _row(self, name: str, usage: Usage, entries: Mapping[SliceKey, Entry]) -> CacheRow:
        lifetime = self._loader.lifetimes[name]
        held = {one.key: one for one in self._loader.memory if one.key.entity.name == name}
        others = {key: one for key, one in entries.items() if key not in held and one.age <= lifetime.max_stale}
        states = [self._loader.state(key, self._loader.age(one)) for key, one in held.items()]
        states += [self._loader.state(key, one.age) for key, one in others.items()]
        fetched = [one.reading.fetched_at for one in held.values()]
        fetched += [one.fetched_at for one in others.values() if one.fetched_at is not None]
        return CacheRow(
            entity=name,
            state=worst(states),
            objects=total(held.values()) + sum(one.rows for one in others.values()),
            ttl_seconds=int(lifetime.ttl),
            last_refreshed_at=max(fetched, default=None),
            # What this process has read later, and is publishing, says itself how it went.
            last_error=_last_trouble(
                one for key, one in entries.items() if key not in held or one.number >= held[key].reading.number
            )
            or usage.last_error,
            hits=usage.hits,
            misses=usage.misses,
            upstream_requests=usage.requests.total(),
        )

    async def standing(self) -> Standing:
        """How Raken is doing: as this process found it, or another that has asked since."""
        own, entries = await self._raken.status(), await self._entries()
        newest = min(entries.values(), key=_since, default=None)
        if newest is None or _since(newest) >= self._loader.clock.monotonic() - self._raken.informed_at:
            return own
        failed = newest.error if newest.failed_age < newest.age else None
        return replace(
            own,
            reachable=not isinstance(failed, RakenUnavailable),
            connected=own.connected and not isinstance(failed, RakenNotConnected),
            last_error=own.last_error if failed is None else str(failed),
        )

    async def _entries(self) -> Mapping[SliceKey, Entry]:
        """What all processes know of every slice; nothing while Postgres is away."""
        try:
            return await self._loader.source.entries()
        except ExtensionsUnavailable:
            return {}


def _last_trouble(entries: Iterable[Entry]) -> str | None:
    """The newest of what still ails some slices, whichever process met it."""
    troubled = [one for one in entries if one.trouble is not None]
    newest = min(troubled, key=_since, default=None)
    return None if newest is None else f"{newest.key.partition('@')[0]}: {newest.trouble}"


def _since(entry: Entry) -> float:
    """Seconds since a slice was last read, or asked for in vain."""
    return min(entry.age, entry.failed_age)

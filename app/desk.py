"""What only the process can do for a field: sign somebody in, and say how caches and Raken are doing."""

from collections.abc import Sequence

from app.accounts import Doorkeeper
from loaders.http_raken import HttpRaken
from loaders.loader import Loader
from loaders.raken import Standing
from loaders.slices import total
from loaders.usage import Usages
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

    def caches(self) -> Sequence[CacheRow]:
        """One row an entity, in the catalogue's order."""
        return [self._row(name) for name, _ in self._usages]

    def _row(self, name: str) -> CacheRow:
        usage = self._usages.of(name)
        slices = [one for one in self._loader.memory if one.key.entity.name == name]
        return CacheRow(
            entity=name,
            state=worst(self._loader.state(one) for one in slices),
            objects=total(slices),
            ttl_seconds=int(self._loader.lifetimes[name].ttl),
            last_refreshed_at=max((one.reading.fetched_at for one in slices), default=None),
            last_error=usage.last_error,
            hits=usage.hits,
            misses=usage.misses,
            upstream_requests=usage.requests.total(),
        )

    async def standing(self) -> Standing:
        """How Raken is doing."""
        return await self._raken.status()

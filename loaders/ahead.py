"""Reading ahead of need: what is in use is read anew a little before its ttl ends, and the critical path at the start.

The rule it keeps: it asks in the lowest lane, and never for what nobody has read of late.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from hashlib import blake2b

import structlog

from loaders.clock import Sleep
from loaders.entity import SliceKey
from loaders.errors import ExtensionsUnavailable
from loaders.loader import Loader

EARLY = 0.03
"The share of a ttl before its end at which a slice is due; up to so much earlier again, by its key."
IN_USE = 0.1
"The share of a ttl within which somebody has read a slice that is in use. Who reads it later is still served at once."
EVERY = 1.0
"Seconds between looks at what is due."
TIDYING = 3600.0
"Seconds between tidyings of what all processes have in common."
_log = structlog.get_logger(__name__)


class Ahead:
    """Looks each second at what this process holds."""

    def __init__(
        self,
        loader: Loader,
        critical: Callable[[], Iterable[SliceKey]],
        ready: asyncio.Event,
        tidy: Callable[[], Awaitable[None]],
    ) -> None:
        """`critical` are the slices that the first readers will want; nothing is asked before it is `ready`."""
        self._loader = loader
        self._critical = critical
        self._ready = ready
        self._tidy = tidy
        self._tidied = loader.clock.monotonic()

    def due(self) -> list[SliceKey]:
        """What is in use and about to be stale, or is stale."""
        return [one.key for one in self._loader.memory if self._is_due(one.key, self._loader.age(one) or 0.0)]

    def _is_due(self, key: SliceKey, age: float) -> bool:
        ttl = self._loader.lifetimes[key.entity.name].ttl
        return age >= ttl * (1 - EARLY * (1 + _share(key))) and self._loader.unused(key) <= ttl * IN_USE

    def tick(self) -> None:
        """Has read anew what is due, where Raken is there for it."""
        for key in self.due():
            self._loader.ahead(key)

    async def warm(self) -> None:
        """Brings what the first readers will want: what is in common already, else from Raken."""
        await asyncio.gather(*(self._loader.warm(key) for key in self._critical()))

    async def run(self, sleep: Sleep = asyncio.sleep) -> None:
        """Warms, and then looks each second, until it is cancelled."""
        await self._ready.wait()
        await self._survived(self.warm())
        while True:
            self.tick()
            if self._loader.clock.monotonic() - self._tidied > TIDYING:
                self._tidied = self._loader.clock.monotonic()
                await self._survived(self._tidy())
            await sleep(EVERY)

    async def _survived(self, work: Awaitable[None]) -> None:
        """Has something done; whatever it meets, there is a next time."""
        try:
            with suppress(ExtensionsUnavailable):
                await work
        except Exception:  # noqa: BLE001 - one crash must not end reading ahead
            _log.exception("ahead_crashed")


def _share(key: SliceKey) -> float:
    """A number from 0 to 1 of a key's own: what is read at the same time need not be due at the same time."""
    return blake2b(str(key).encode(), digest_size=1).digest()[0] / 255

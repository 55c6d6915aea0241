"""Whether the process lives, is ready, and what it depends on.

One rule: a dependency that is lost later is a row that says `down`, and not an end of being ready.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from loaders.errors import GatewayError
from loaders.patience import patient

Ping = Callable[[], Awaitable[None]]
PATIENCE = 2.0


class Health:
    """`/healthz` and `/readyz`."""

    def __init__(self, pings: Mapping[str, Ping]) -> None:
        """`pings` ask a dependency for nothing, and raise a GatewayError where it is down."""
        self._pings = pings
        self.migrated = asyncio.Event()
        "Whether the database's schema was once seen to be the newest."
        self.stopping = False

    async def alive(self, _: Request) -> Response:
        """200 while the process lives."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> Response:
        """200 once migrations were seen and until it stops; one row a dependency."""
        states = await asyncio.gather(*(self._state(ping) for ping in self._pings.values()))
        ready = self.migrated.is_set() and not self.stopping
        content: dict[str, Any] = {
            "ready": ready,
            "migrated": self.migrated.is_set(),
            "stopping": self.stopping,
            "dependencies": [{"name": name, **state} for name, state in zip(self._pings, states, strict=True)],
        }
        return JSONResponse(content, 200 if ready else 503)

    async def _state(self, ping: Ping) -> dict[str, str]:
        try:
            async with patient(PATIENCE):
                await ping()
        except GatewayError as error:
            return {"status": "down", "reason": str(error)}
        except TimeoutError:
            return {"status": "down", "reason": f"no answer within {PATIENCE:g} s"}
        return {"status": "up"}

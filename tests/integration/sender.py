"""One process of several that ask a sandbox: a Raken with a pace in Postgres, and nothing else.

Run as a script it asks without end, until it is killed or the day's quota is spent.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.clock import SystemClock
from loaders.errors import QuotaExhausted
from loaders.http_raken import HttpRaken, Manners
from loaders.postgres import Postgres
from loaders.postgres_pace import PostgresPace
from loaders.raken import Lane


class Keeper:
    """A keeper of a token that somebody else has fetched."""

    connected = True
    expires_at = None

    def __init__(self, token: str) -> None:
        self._token = token

    def standing(self) -> None:
        return None

    async def token(self) -> str:
        return self._token

    def worked(self, token: str) -> None:
        pass

    async def close(self) -> None:
        pass


class Sender:
    """What one process has: its pool, its pace, its Raken."""

    def __init__(self, postgres: Postgres, url: str, token: str, rate: float, limit: int | None) -> None:
        self.postgres = postgres
        self.pace = PostgresPace(postgres, SystemClock(), rate, limit, lambda: 1.0)
        manners = Manners(self.pace, timeout=5.0)
        self.raken = HttpRaken(f"{url}/api", Keeper(token), SystemClock(), manners)  # type: ignore[arg-type]

    async def ask(self, times: int = 1, lane: Lane = Lane.PEOPLE) -> list[BaseException]:
        """Asks so many times at once: what went wrong."""
        asked = (self.raken.page("/payTypes", {}, lane, len) for _ in range(times))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [answer for answer in answers if isinstance(answer, BaseException)]


@asynccontextmanager
async def sending(
    dsn: str, url: str, token: str, rate: float = 500.0, limit: int | None = None
) -> AsyncIterator[Sender]:
    """A sender that ends cleanly."""
    async with Postgres(dsn, SystemClock()) as postgres:
        sender = Sender(postgres, url, token, rate, limit)
        await sender.pace.heard("")
        yield sender
        await sender.raken.close()
        await sender.pace.close()


async def _without_end(dsn: str, url: str, token: str, rate: str, limit: str) -> None:
    async with sending(dsn, url, token, float(rate), int(limit)) as sender:
        while not any(isinstance(error, QuotaExhausted) for error in await sender.ask(4)):
            pass


if __name__ == "__main__":
    asyncio.run(_without_end(*sys.argv[1:]))

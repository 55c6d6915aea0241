"""Time that a test moves by hand."""

import asyncio
from datetime import UTC, datetime, timedelta


class Hands:
    """A clock (`loaders.clock.Clock`) that stands still until it is moved; whoever sleeps on it moves it."""

    def __init__(self, wall: datetime = datetime(2026, 3, 2, 12, tzinfo=UTC)) -> None:
        self.wall = wall
        self.seconds = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def move(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        # While one sleeps, others go on.
        for _ in range(5):
            await asyncio.sleep(0)
        self.move(seconds)

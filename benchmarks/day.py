"""A simulated working day: forty people and their phones, an administrator, Raken's own edits, three outages, a quota.

The rule: it is done in seconds and means what it says: the real gateway, the real sandbox, a clock that is moved by
hand, and every row of every answer held against what Raken had.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from app.main import spare_garbage
from benchmarks import views
from benchmarks.driver import World, world
from benchmarks.edits import Editors
from benchmarks.logbook import Logbook, keeping
from benchmarks.people import Act, Cast, Moment
from benchmarks.spoiling import unnoticed
from benchmarks.tally import Score
from sandbox.options import Options

TODAY = date(2026, 6, 17)
"A Wednesday in the middle of a month: the default window touches two."
OPENS = 8
"The hour at which people come, UTC."
HIT_RATE, SAVED = 99.0, 97.0
QUOTA = 6000
ENTITIES = ("TIME_CARDS", "PROJECTS", "MEMBERS", "WORK_LOGS", "EQUIPMENT", "DAILY_REPORTS")
VARIABLES = {
    # The simulated clock stands while requests wait for their turn, so that they would wait in real time.
    "RAKEN_REQUESTS_PER_SECOND": "1000",
    # A request that hangs is waited for in real time too.
    "RAKEN_TIMEOUT_SECONDS": "0.5",
    "RAKEN_DAILY_QUOTA": str(QUOTA),
}
SIZES = Options(port=0, projects=200, members=500, days=60, cards_per_day=200, today=TODAY)


@dataclass(frozen=True)
class Outage:
    """A while in which Raken fails: its kind, when as a part of the day, and for how many minutes of a whole one."""

    kind: str
    begins: float
    minutes: float


OUTAGES = (Outage("status", 0.32, 20), Outage("hang", 0.6, 5), Outage("rate", 0.85, 10))


@dataclass(frozen=True)
class Day:
    """How much of a day."""

    hours: float = 8.0
    people: int = 40
    seed: int = 1
    edits: float = 90.0
    "Seconds between two edits at Raken, on average."
    outages: tuple[Outage, ...] = OUTAGES

    @property
    def start(self) -> datetime:
        """When it begins."""
        return datetime(TODAY.year, TODAY.month, TODAY.day, OPENS, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """When it ends."""
        return self.start + timedelta(hours=self.hours)


def actors(day: Day, world: World) -> list[Iterator[Moment]]:
    """Everybody who does something that day, each with a chance of their own."""
    chance = Random(day.seed)  # noqa: S311 - made-up behaviour, not a secret
    projects, members = (sorted(world.record[name].versions) for name in ("projects", "members"))
    cast = Cast(Random(chance.random()), projects, members, TODAY)  # noqa: S311 - the same
    editors = Editors(world.company, Random(chance.random()), TODAY)  # noqa: S311 - the same
    at = (day.start, day.end)

    async def edit() -> None:
        editors.edit()

    return [
        *(world.looks(cast.visits(*at)) for _ in range(day.people)),
        *(world.looks(cast.polls(*at, every=600)) for _ in range(day.people)),
        world.looks(cast.looks(*at, every=900)),
        world.at((when, edit) for when in cast.every(*at, mean=day.edits)),
        world.at((when, partial(world.note, chance.choice(projects))) for when in cast.every(*at, mean=400)),
        world.at(
            (when, partial(world.assign, chance.choice(members), chance.choice(projects)))
            for when in cast.every(*at, mean=2400)
        ),
        world.at((when, partial(world.refresh, chance.choice(ENTITIES))) for when in cast.every(*at, mean=5400)),
        *(world.at(outage(day, one, world)) for one in day.outages),
        world.ticks(*at),
    ]


def outage(day: Day, one: Outage, world: World) -> Iterator[tuple[datetime, Act]]:
    """The begin and the end of an outage."""
    numbers: list[int] = []

    async def begin() -> None:
        numbers.append(world.company.fault(one.kind))

    async def end() -> None:
        world.company.lift(numbers[0])

    start = day.start + one.begins * (day.end - day.start)
    yield start, begin
    yield start + timedelta(minutes=one.minutes) * min(1.0, day.hours / Day.hours), end


async def live(day: Day, folder: Path, dsn: str | None = None) -> tuple[World, Score, list[str]]:
    """Lives through a day; what can be spoiled unnoticed comes last, and ought to be nothing."""
    async with world(SIZES, day.start, folder, dsn, **VARIABLES) as lived:
        lived.company.switch(daily_quota=QUOTA)
        await lived.run(*actors(day, lived))
        score = await lived.score()
        busiest = max(lived.record["projects"].versions, key=lived.record["timeCards"].size)
        kinds = [views.dashboard(), views.project(busiest, TODAY), views.members(), views.logs(busiest, TODAY)]
        kinds += [views.equipment(), views.day(TODAY), views.site(busiest, TODAY)]
        return lived, score, await unnoticed(lived, kinds)


def report(lived: World, score: Score, book: Logbook) -> str:
    """What there is to say of a day."""
    tally = lived.tally
    answers = tally.states.total()
    shares = ", ".join(
        f"{state} {100 * tally.states[state] / answers:.2f} %" for state in ("FRESH", "REVALIDATING", "DEGRADED")
    )
    lines = {
        "operations": f"{tally.operations.total()}: {_listed(tally.operations)}",
        "slices": f"{score.touches} touched, {score.touches - score.hits} waited for",
        "requests": f"{score.requests} to Raken, {score.uncached} without a cache: {_listed(lived.company.by_path)}",
        "answered": _listed(lived.company.by_status),
        "answers": shares,
        "oldest": f"{tally.oldest[0] / 60:.1f} minutes, of {tally.oldest[1]}",
        "errors": _listed(tally.errors) or "none",
        "logged": _listed(dict(book.events)),
    }
    return "".join(f"{name:<11}{words}\n" for name, words in lines.items())


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items(), key=lambda one: -one[1]))


def main() -> int:
    """Lives a day, prints what came of it, and says by the exit code whether it was good enough."""
    parser = argparse.ArgumentParser(description="A simulated working day of the gateway.")
    parser.add_argument("--hours", type=float, default=Day.hours)
    parser.add_argument("--people", type=int, default=Day.people)
    parser.add_argument("--seed", type=int, default=Day.seed)
    parser.add_argument("--edits", type=float, default=Day.edits, help="seconds between two edits at Raken")
    day = Day(**vars(parser.parse_args()))
    spare_garbage()
    began = time.perf_counter()
    with TemporaryDirectory(prefix="day-") as folder, keeping() as book:
        lived, score, blind = asyncio.run(live(day, Path(folder)))
    write = sys.stdout.write
    write(f"{day.hours:g} hours of {day.people} people and as many phones, seed {day.seed}\n")
    write(report(lived, score, book))
    write(f"took       {time.perf_counter() - began:.1f} s, {time.process_time():.1f} s of a processor\n")
    write("".join(f"wrong: {words}\n" for words in lived.tally.wrong[:10]))
    write("".join(f"the examination is blind: {words}\n" for words in blind[:10]))
    write(f"{score}\n")
    return int(score.hit_rate < HIT_RATE or score.saved < SAVED or score.wrong > 0 or bool(blind))


if __name__ == "__main__":
    sys.exit(main())

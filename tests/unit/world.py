"""A small world to read in: a Raken whose answers are written down, time that is moved by hand, and one Loader."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import pytest

from loaders.commons import Alone
from loaders.entities.members import MEMBERS
from loaders.entities.projects import PROJECTS, ProjectRow, ProjectStatus
from loaders.entities.time_cards import TIME_CARDS, TimeCardRow
from loaders.entities.work_logs import WORK_LOGS
from loaders.entity import Entity, Named, Scope, SliceKey
from loaders.errors import RakenError
from loaders.freshness import Lifetime
from loaders.loader import Loader
from loaders.lookups import Wanted
from loaders.operation import Operation, Serving
from loaders.pages import Reading
from loaders.raken import Answer, Lane, OnSend, unheard
from loaders.slices import Memory, Slice
from loaders.source import Policy, Source
from loaders.usage import Usages
from tests.hands import Hands
from tests.unit.rows import Json, body

T = TypeVar("T")
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ENTITIES = (PROJECTS, MEMBERS, TIME_CARDS, WORK_LOGS)
LIFETIME = Lifetime(ttl=300, stale_while_revalidate=300, max_stale=86_400)
COMPANY = SliceKey(PROJECTS)
DEADLINE = 8.0


def uuid(number: int) -> str:
    """An id of Raken's shape."""
    return f"00000000-0000-4000-8000-{number:012}"


def project(number: int, name: str = "Bridge", **more: Any) -> ProjectRow:
    """A project as the graph reads it."""
    fields: dict[str, Any] = {"status": ProjectStatus.ACTIVE, "created_at": NOW, "updated_at": NOW} | more
    return ProjectRow(id=uuid(number), name=name, **fields)


def card(number: int, day: date, on: int = 1, by: int = 1, hours: float = 8.0) -> TimeCardRow:
    """A time card as the graph reads it."""
    return TimeCardRow(
        id=uuid(number),
        date=day,
        total_hours=hours,
        approved=False,
        project_ref=Named(id=uuid(on)),
        worker_ref=Named(id=uuid(by)),
        created_at=NOW,
        updated_at=NOW,
    )


def sent(number: int, name: str = "Bridge", **more: Any) -> Json:
    """A project as Raken sends it."""
    stamps = {"createdAt": "2026-05-04T12:00:00Z", "updatedAt": "2026-05-04T12:00:00Z"}
    return {"uuid": uuid(number), "name": name, "status": "ACTIVE", **stamps, **more}


def reading(rows: Iterable[Any], sent_at: float = 1000.0, size: int = 0) -> Reading:
    """A reading that found these rows."""
    part = _Sized(size)
    return Reading(tuple(rows), (part,), (), NOW, sent_at, None, requests=1)  # type: ignore[arg-type]


class _Sized:
    def __init__(self, size: int) -> None:
        self.size = size


def slice_of(
    key: SliceKey, rows: Iterable[Any], sent_at: float = 1000.0, version: int = 1, size: int = 0
) -> Slice[Any]:
    """A slice of these rows."""
    return Slice.of(key, reading(rows, sent_at, size), None, version)


class ScriptedRaken:
    """Answers from `rows`, by path; fails with `error` of a path; holds its answers while `held`."""

    def __init__(self, clock: Hands) -> None:
        self._clock = clock
        self._gate = asyncio.Event()
        self._gate.set()
        self.rows: dict[str, list[Json]] = {}
        self.errors: dict[str, BaseException] = {}
        self.known: RakenError | None = None
        self.asked: list[tuple[str, dict[str, str], Lane]] = []

    def hold(self) -> None:
        """Answers wait from now on."""
        self._gate.clear()

    def let_go(self) -> None:
        """Answers go out."""
        self._gate.set()

    def failing(self, lane: Lane) -> RakenError | None:
        """What is known against asking."""
        assert lane in Lane
        return self.known

    async def page(
        self,
        path: str,
        params: Mapping[str, str],
        lane: Lane,
        parse: Callable[[bytes], T],
        *,
        etag: str | None = None,
        on_send: OnSend = unheard,
    ) -> Answer[T]:
        """One page, once the gate is open."""
        assert etag is None
        await asyncio.sleep(0)  # a request waits for its turn before it is sent
        await on_send()
        self.asked.append((path, dict(params), lane))
        fetched_at, sent_at = self._clock.now(), self._clock.monotonic()
        await self._gate.wait()
        if path in self.errors:
            raise self.errors[path]
        rows = self._chosen(path, params)
        at = int(params["offset"])
        page = body(rows[at : at + int(params["limit"])], total=len(rows))
        return Answer(parse(page), None, None, fetched_at, sent_at)

    def _chosen(self, path: str, params: Mapping[str, str]) -> list[Json]:
        first, last = params.get("fromDate", ""), params.get("toDate", "9")
        return [row for row in self.rows.get(path, ()) if first <= row.get("date", first) <= last]


class World:
    """One Loader, and what it stands on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **scopes: Scope) -> None:
        self.clock = Hands()
        self.raken = ScriptedRaken(self.clock)
        self.usages = Usages(ENTITIES)
        self.lifetimes = {entity.name: LIFETIME for entity in ENTITIES}
        self.memory = Memory(10_000_000)
        policy = Policy(self.lifetimes, scopes)
        source = Source(self.raken, Alone(), self.clock, self.memory, policy, self.usages, jitter=lambda: 1.0)
        self.loader = Loader(source, self.clock, self.lifetimes)
        self._ahead = 0.0
        loop = asyncio.get_running_loop()
        began = loop.time()
        monkeypatch.setattr(loop, "time", lambda: began + self._ahead)

    def operation(self, share: int = 50, lane: Lane = Lane.PEOPLE) -> Operation:
        """An operation that begins now."""
        return Operation(self.clock.monotonic() + DEADLINE, share, lane)

    async def read(self, key: SliceKey = COMPANY, *wanted: Wanted, operation: Operation | None = None) -> Serving:
        """Reads as an operation of its own, or as part of one."""
        return await self.loader.read(key, operation or self.operation(), wanted)

    async def warm(self, *rows: Json, key: SliceKey = COMPANY) -> Serving:
        """Reads a slice for the first time, which has these rows."""
        self.raken.rows[key.entity.path] = list(rows)
        return await self.read(key)

    async def move(self, seconds: float) -> None:
        """Lets so much time pass, for clocks and timers, and everything that it brings about happen."""
        self.clock.move(seconds)
        self._ahead += seconds
        await settle()

    @property
    def requests(self) -> int:
        """How many were sent."""
        return len(self.raken.asked)

    def outcomes(self, entity: Entity[Any] = PROJECTS) -> dict[str, int]:
        """What was counted."""
        return dict(self.usages.of(entity.name).outcomes)


async def settle(rounds: int = 50) -> None:
    """Lets every task go on as far as it can, in so many rounds."""
    for _ in range(rounds):
        await asyncio.sleep(0)

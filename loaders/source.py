"""Where slices come from: what another process has published, else Raken, read in one's turn.

The rule it keeps: what a reading found is held at once and published behind; what it failed of is remembered, by all.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from loaders.clock import Clock
from loaders.commons import Commons, Turn
from loaders.differences import Differences
from loaders.entity import Entity, Scope, SliceKey
from loaders.errors import (
    ExtensionsUnavailable,
    QuotaExhausted,
    RakenError,
    RakenGarbled,
    RakenNotConnected,
    RakenRefused,
)
from loaders.failures import Failures
from loaders.flight import Departure
from loaders.freshness import Lifetime
from loaders.ledger import Entry, Wish
from loaders.pages import Reading, read
from loaders.patience import end
from loaders.raken import Lane, Raken
from loaders.slices import Memory, Slice

REFUSED = 400
PUBLISHING = 5.0
"Seconds that a process which ends waits for what it is still publishing."


class Observer(Protocol):
    """Who counts what the reads do."""

    def served(self, key: SliceKey, outcome: str) -> None:
        """An operation touched a slice: hit, stale, degraded (none waited), miss or error."""

    def landed(self, key: SliceKey, reading: Reading | None, error: RakenError | None) -> None:
        """A slice was read: what was found, or an error; neither where another process has found it."""

    def crashed(self, error: BaseException) -> None:
        """A flight has ended with what nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator has chosen, by entity name."""

    lifetimes: Mapping[str, Lifetime]
    scopes: Mapping[str, Scope]
    "What is fixed of what declarations leave open."
    delta: bool = True
    "Whether Raken is asked what changed, where it may know."


@dataclass(frozen=True, slots=True)
class Landing:
    """What a flight brought, and what it replaced."""

    before: Slice[Any] | None
    after: Slice[Any]
    published: "asyncio.Task[None] | None" = None
    "Done when all processes can know of it; None where another process has published it."

    @property
    def empty(self) -> bool:
        """Whether nothing was brought, for nobody waited."""
        return self.after is self.before


@dataclass(slots=True)
class Errand:
    """On whose behalf a slice is fetched, and how."""

    lane: Lane
    since: float
    "When it set out, on the monotonic clock."
    depart: Departure
    on_send: Callable[[], None] = lambda: None
    idle: Callable[[], bool] = lambda: False
    "Whether nobody waits for it, so that it may be left where changes alone will not do."
    departed: bool = False


class Source:
    """Fetches slices into the memory of this process."""

    def __init__(
        self,
        raken: Raken,
        commons: Commons,
        clock: Clock,
        memory: Memory,
        policy: Policy,
        observer: Observer,
        jitter: Callable[[], float],
    ) -> None:
        """`jitter` gives 0 to 1."""
        self.memory = memory
        self.raken = raken
        self._commons = commons
        self._clock = clock
        self._lifetimes = policy.lifetimes
        self._scopes = dict(policy.scopes)
        self.observer = observer
        self._failures = Failures(clock, jitter)
        self._differences = Differences(raken, clock, memory) if policy.delta else None
        self._asked: dict[SliceKey, float] = {}
        self._recalls: dict[SliceKey, asyncio.Task[None]] = {}
        self._fetching: set[SliceKey] = set()
        self._woken: set[SliceKey] = set()
        self.publishing: set[asyncio.Task[Any]] = set()
        "What is on its way to the other processes."
        self._version = 0

    async def recall(self, key: SliceKey) -> Slice[Any] | None:
        """What another process, or an earlier one, has published of a slice, if that is later than what is held."""
        with suppress(ExtensionsUnavailable):
            await self._recalled(key)
        return self.memory.peek(key)

    async def _recalled(self, key: SliceKey) -> None:
        """Looks for what was published; whoever wants to know meanwhile looks along.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        task = self._recalls.get(key)
        if task is None:
            task = self._recalls[key] = asyncio.create_task(self._recall(key))
            task.add_done_callback(lambda task: self._recollect(key, task))
        await asyncio.shield(task)

    def _recollect(self, key: SliceKey, task: asyncio.Task[None]) -> None:
        del self._recalls[key]
        if not task.cancelled():
            # Seen, even where nobody waits for it any more.
            task.exception()

    async def _recall(self, key: SliceKey) -> None:
        while True:
            self._woken.discard(key)
            reading = await self._commons.recall(key, self.memory.peek(key))
            if reading is not None:
                self.observer.landed(key, None, None)
                self._keep(key, reading, self.memory.peek(key))
            # What was published while this one was on its way is later still.
            if key not in self._woken:
                return

    async def fetch(self, key: SliceKey, errand: Errand) -> Landing:
        """Brings a slice: as another process has just read it, or from Raken.

        Raises: RakenError.
        """
        self._fetching.add(key)
        try:
            return await self._fetch(key, errand)
        finally:
            self._fetching.discard(key)
            self._asked.pop(key, None)
            if key in self._woken and key not in self._recalls:
                self._spawn(self.recall(key))

    async def _fetch(self, key: SliceKey, errand: Errand) -> Landing:
        before = self.memory.peek(key)
        turn: Turn | Reading | None = None
        try:
            while True:
                turn = await self._turn(key, before, errand)
                if isinstance(turn, Reading):
                    self.observer.landed(key, None, None)
                    return Landing(before, self._keep(key, turn, before))
                # While one waited for the turn, others may have published.
                before = self.memory.peek(key) or before
                reading = await self._read(key, before, errand, turn)
                if reading is not None:
                    return self._land(key, before, replace(reading, number=turn.number), turn)
                await turn.release()
                if errand.idle() and before is not None:
                    return Landing(before, before)
        except RakenError as error:
            await self._lament(key, error, turn)
            raise
        except BaseException:
            if turn is not None and not isinstance(turn, Reading):
                await turn.release()
            raise

    async def _turn(self, key: SliceKey, before: Slice[Any] | None, errand: Errand) -> Turn | Reading:
        while True:
            turn = await self._commons.turn(key, before, lambda: self._wish(key, before))
            if not isinstance(turn, Reading):
                return turn
            # Somebody may have asked for a later one, while this one was on its way.
            if turn.sent_at >= self._asked.get(key, float("-inf")):
                errand.depart()
                return turn

    def _wish(self, key: SliceKey, before: Slice[Any] | None) -> Wish:
        """What of another's is as good as a reading of one's own: a fresh one, later than what is held or was asked."""
        asked, now = self._asked.get(key), self._clock.monotonic()
        if asked is not None:
            return Wish(within=now - asked, failed_within=now - asked, anew=True)
        ttl = self._lifetimes[key.entity.name].ttl
        if before is None or before.reading.number:
            return Wish(before.reading.number if before is not None else 0, ttl)
        return Wish(0, min(ttl, now - before.reading.sent_at))

    async def _read(self, key: SliceKey, before: Slice[Any] | None, errand: Errand, turn: Turn) -> Reading | None:
        """What Raken has; None where that would take more than changes, and nobody waits for it."""

        async def depart() -> None:
            if not errand.departed:
                errand.departed = True
                errand.depart()
                await turn.depart()

        async def sent() -> None:
            await depart()
            errand.on_send()

        # Who asks for it anew wants it whole: that is the reconciliation by hand.
        if (
            self._differences is not None
            and before is not None
            and key not in self._asked
            and self._differences.serves(before)
        ):
            await depart()
            merged = await self._differences.merged(before, errand.lane, errand.since, errand.on_send)
            if merged is not None or errand.idle():
                return merged
        reading = await read(self.raken, key, before.reading if before else None, errand.lane, sent)
        self._check_projects(key, reading)
        return reading

    def _land(self, key: SliceKey, before: Slice[Any] | None, reading: Reading, turn: Turn) -> Landing:
        after = self._keep(key, reading, before)
        self.observer.landed(key, reading, None)
        return Landing(before, after, self._spawn(self._publish(after, turn)))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Has something done behind."""
        task = asyncio.create_task(work)
        self.publishing.add(task)
        task.add_done_callback(self.publishing.discard)
        return task

    async def _publish(self, after: Slice[Any], turn: Turn) -> None:
        try:
            body = await turn.publish(after)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is held here, and another reads it for the others
            self.observer.crashed(error)
            await turn.release()
            return
        if body is not None and self.memory.peek(after.key) is after:
            self.memory.keep(replace(after, reading=replace(after.reading, body=body)))

    def _keep(self, key: SliceKey, reading: Reading, before: Slice[Any] | None) -> Slice[Any]:
        """Holds what was read, unless something later has come meanwhile."""
        held = self.memory.peek(key)
        if held is not None and reading.precedes(held.reading.number, held.reading.sent_at):
            return held
        before = held or before
        after = Slice.of(key, reading, before, self._version + 1)
        self._version = max(self._version, after.version)
        if before is not None and after.version == before.version and _same_pages(reading, before.reading):
            after = replace(after, reading=replace(reading, body=before.reading.body))
        self.memory.keep(after)
        self._failures.clear(key)
        return after

    async def _lament(self, key: SliceKey, error: RakenError, turn: Turn | Reading | None) -> None:
        """Remembers a failure, for all if it is one's own, unless it only taught how to ask."""
        seconds = 0.0
        if not self._learned(key, error):
            self.observer.landed(key, None, error)
            # Which lanes the quota withholds, and whether there is a token, is known anyway, and known sooner.
            if not isinstance(error, QuotaExhausted | RakenNotConnected):
                seconds = self._failures.remember(key, error)
        if turn is not None and not isinstance(turn, Reading):
            await turn.fail(error, seconds)

    def _open(self, key: SliceKey) -> bool:
        """Whether it is still open that Raken answers this company-wide."""
        return key.project is None and self.scope(key.entity) is Scope.EITHER

    def _check_projects(self, key: SliceKey, reading: Reading) -> None:
        # Of many rows, a few may lie on no project; that none of them names one is Raken's way with this entity.
        if self._open(key) and reading.rows and all(row.project_id is None for row in reading.rows):
            raise RakenRefused(f"expected {key.entity.name} rows that name their project, got none that does", REFUSED)

    def _learned(self, key: SliceKey, error: RakenError) -> bool:
        """Whether a failure says, where that was open, that Raken wants to be asked by project: then it is known."""
        insists = self._open(key) and isinstance(error, RakenRefused) and error.status == REFUSED
        if insists:
            self._scopes[key.entity.name] = Scope.PROJECT
        return insists

    def scope(self, entity: Entity[Any]) -> Scope:
        """How Raken is asked for one project's rows of an entity, as far as is known."""
        return self._scopes.get(entity.name, entity.scope)

    def failing(self, key: SliceKey, lane: Lane) -> RakenError | None:
        """Why a slice would not be asked for now; None where nothing is known against it."""
        return self._failures.of(key) or self.raken.failing(lane)

    def beside(self, key: SliceKey) -> list[SliceKey]:
        """The other slices that come up to date with one, for what changed is asked for all of them."""
        return [] if self._differences is None else self._differences.beside(key)

    def asked(self, key: SliceKey) -> None:
        """Whoever fetches a slice from now on is to bring a reading that begins after this."""
        self._asked[key] = self._clock.monotonic()

    def crashed(self, key: SliceKey, error: BaseException) -> None:
        """A fetch met what nobody foresaw: that must not be met, and Raken asked, once a read."""
        self.observer.crashed(error)
        self._failures.remember(key, crashed(key))

    async def heard(self, text: str) -> None:
        """Something was published, or failed: what is held of it is brought up to date.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        key = self._commons.wake(text)
        if key is not None:
            self._meet(key)
            if key in self._recalls or key in self._fetching:
                self._woken.add(key)
            if self.memory.peek(key) is not None:
                await self._recalled(key)
        elif not text:
            await self._look_around()

    async def entries(self) -> Mapping[SliceKey, Entry]:
        """What all processes know of every slice.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        return await self._commons.entries()

    async def _look_around(self) -> None:
        for key, entry in (await self.entries()).items():
            self._meet(key)
            held = self.memory.peek(key)
            if held is not None and entry.number > held.reading.number:
                await self._recalled(key)

    def _meet(self, key: SliceKey) -> None:
        """Learns from a key that others have how Raken wants to be asked."""
        if key.project is not None and self.scope(key.entity) is Scope.EITHER:
            self._scopes[key.entity.name] = Scope.PROJECT

    async def close(self) -> None:
        """Lets what is being published be published, for a moment."""
        await end(*self._recalls.values())
        if self._differences is not None:
            await self._differences.close()
        if self.publishing:
            _, late = await asyncio.wait(self.publishing, timeout=PUBLISHING)
            await end(*late)


def crashed(key: SliceKey) -> RakenError:
    """What people are told of a reading that met what nobody foresaw."""
    return RakenGarbled(f"{key.entity.name} could not be read; the log says why")


def _same_pages(one: Reading, other: Reading) -> bool:
    """Whether two readings of equal rows have the same to be confirmed by a 304, and left the same out."""
    return [part.etag for part in one.pages] == [part.etag for part in other.pages] and one.rejected == other.rejected

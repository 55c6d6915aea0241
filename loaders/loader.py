"""THE PATH OF ONE READ: from a slice's key to the slice, as one operation may see it.

One rule: nothing is asked singly. A read names a slice; whoever reads it meanwhile waits for the same flight.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loaders.backlog import Backlog
from loaders.clock import Clock
from loaders.entity import Entity, Scope, SliceKey
from loaders.errors import GatewayError, QuotaExhausted, RakenError, StillReading
from loaders.flight import Departure, Flight, Flights
from loaders.freshness import Action, Lifetime, State, judge
from loaders.lookups import Lookups, Wanted
from loaders.operation import Operation, Serving
from loaders.patience import end
from loaders.raken import Lane
from loaders.recent import Recent
from loaders.slices import Slice
from loaders.source import Errand, Landing, Source, crashed

BRIEFLY = 1.0
"Seconds that a reader waits for better than something stale (RFC 5861, section 4)."


class Loader:
    """Reads slices for operations: memory, then one flight to Raken, and `judge` between."""

    def __init__(self, source: Source, clock: Clock, lifetimes: Mapping[str, Lifetime]) -> None:
        """`lifetimes` are by entity name."""
        self.source = source
        self.memory = source.memory
        self.clock = clock
        self.lifetimes = lifetimes
        self._lookups = Lookups(clock)
        self._flights: Flights[SliceKey, Landing] = Flights(self._crash)
        self._backlog: Backlog[SliceKey] = Backlog(self._fill)
        self._used: Recent[SliceKey, None] = Recent(clock)
        self._idle: set[SliceKey] = set()
        self._expected: set[asyncio.Task[None]] = set()

    async def read(self, key: SliceKey, operation: Operation, wanted: Sequence[Wanted] = ()) -> Serving:
        """The slice of a key as the operation sees it; `wanted` are ids that it ought to hold.

        Raises: RakenError, where there is nothing that may be served.
        """
        # One answer never mixes two versions of a slice: the first touch decides for the whole operation.
        pin = operation.pins.get(key)
        first = pin is None
        if pin is None:
            pin = operation.pins[key] = asyncio.ensure_future(self._touch(key, operation, wanted))
        # Others may wait for the same pin: one that gives up must not end it for them.
        serving = await asyncio.shield(pin)
        # What a later touch finds lacking is read behind, for the next operation.
        if not first and self._lacks(key, operation, self.memory.peek(key) or serving.slice, wanted):
            self._board(key, operation)
        return serving

    def expect(self, key: SliceKey, operation: Operation) -> None:
        """Starts the flight of a slice that is not held and will be needed: what is needed first is not its delay."""
        if key not in operation.pins and self.memory.peek(key) is None:
            task = asyncio.ensure_future(self._expect(key, operation))
            self._expected.add(task)
            task.add_done_callback(self._expected.discard)

    async def _expect(self, key: SliceKey, operation: Operation) -> None:
        held = await self.source.recall(key)
        if held is None and key not in operation.pins and self.failing(key, operation.lane) is None:
            operation.expected.add(key)
            self._board(key, operation)

    async def _touch(self, key: SliceKey, operation: Operation, wanted: Sequence[Wanted]) -> Serving:
        try:
            serving, outcome = await self._serve(key, operation, wanted)
        except RakenError:
            self._count(key, operation, "error")
            raise
        self._used.put(key, None)
        self._count(key, operation, outcome)
        return serving

    def _count(self, key: SliceKey, operation: Operation, outcome: str) -> None:
        if operation.count(key, outcome):
            self.source.observer.served(key, outcome)

    async def _serve(self, key: SliceKey, operation: Operation, wanted: Sequence[Wanted]) -> tuple[Serving, str]:
        # Memory first, then what others have published. What is known of Raken is known without asking it.
        held = self.memory.use(key) or await self.source.recall(key)
        trouble = self.failing(key, operation.lane)
        verdict = judge(self.age(held), self.lifetimes[key.entity.name], failing=trouble is not None)
        # Nothing may be served: the flight, or at once the reason why there is none.
        if held is None or verdict.action in (Action.WAIT, Action.FAIL):
            if trouble is not None:
                raise trouble.with_traceback(None)
            return await self._wait(key, operation), "miss"
        # Stale and unhelped: say how old it is, and why.
        if verdict.state is State.DEGRADED:
            return self._serving(held, State.DEGRADED, trouble), "degraded"
        # It lacks what something newer names, or a person asks for: that is worth the wait, once.
        if self._lacks(key, operation, held, wanted):
            return await self._better(key, operation, held, verdict.state, operation.deadline), "miss"
        # Fresh: nobody is asked.
        if verdict.action is Action.SERVE:
            return self._serving(held, State.FRESH), "miss" if key in operation.expected else "hit"
        # Stale, with Raken there: one flight refreshes it, and the reader waits a moment at most.
        if verdict.action is Action.REVALIDATE:
            self._board(key, operation)
            return self._serving(held, State.REVALIDATING), "stale"
        soon = self.clock.monotonic() + BRIEFLY
        return await self._better(key, operation, held, verdict.state, soon), "miss"

    def _lacks(self, key: SliceKey, operation: Operation, held: Slice[Any], wanted: Sequence[Wanted]) -> bool:
        """Whether an early refresh is due, or under way, for ids that a slice lacks, and Raken is there to be asked."""
        if not wanted or self.failing(key, operation.lane) is not None:
            return False
        # Somebody else may be waiting for the same ids already.
        awaited = self._flights.under_way(key) and self._lookups.open(held, wanted)
        return self._lookups.due(held, wanted) or awaited

    async def _wait(self, key: SliceKey, operation: Operation) -> Serving:
        try:
            landing = await self._fly(key, operation, operation.deadline)
        except TimeoutError:
            raise StillReading(f"{key.entity.name} is still being read from Raken; ask again in a moment") from None
        if landing is None:
            message = (
                f"{key.entity.name} is still being read from Raken: this operation has spent its share of requests"
            )
            raise StillReading(message)
        return self._landed(landing)

    async def _better(
        self, key: SliceKey, operation: Operation, held: Slice[Any], state: State, until: float
    ) -> Serving:
        try:
            landing = await self._fly(key, operation, min(until, operation.deadline))
        except TimeoutError:
            landing = None
        except RakenError as error:
            return self._serving(held, State.FRESH if state is State.FRESH else State.DEGRADED, error)
        except Exception:  # noqa: BLE001 - it is told where it came up; what is held is there all the same
            return self._serving(held, State.FRESH if state is State.FRESH else State.DEGRADED, crashed(key))
        return self._serving(held, state) if landing is None else self._landed(landing)

    def _landed(self, landing: Landing) -> Serving:
        """What a flight has brought; a reading that took longer than its ttl, a second at least, is stale already."""
        fresh = (self.age(landing.after) or 0.0) < max(BRIEFLY, self.lifetimes[landing.after.key.entity.name].ttl)
        return self._serving(landing.after, State.FRESH if fresh else State.REVALIDATING)

    async def _fly(self, key: SliceKey, operation: Operation, until: float) -> Landing | None:
        """What the flight of a key brings; None where the operation's share is spent.

        Raises: RakenError; TimeoutError, where it is still under way at `until`.
        """
        joined = self._flights.under_way(key)
        operation.joined += joined
        flight = self._board(key, operation)
        try:
            landing = await self._land(flight, until)
            if landing is None or not landing.empty:
                return landing
        except QuotaExhausted:
            # The flight was another lane's, from which the quota is withheld sooner than from one's own.
            if not joined or self.failing(key, operation.lane) is not None:
                raise
        # Or it had given up, for nobody waited yet.
        return await self._land(self._board(key, operation), until)

    async def _land(self, flight: Flight[Landing] | None, until: float) -> Landing | None:
        return None if flight is None else await flight.land(max(0.0, until - self.clock.monotonic()))

    def _serving(self, slice_: Slice[Any], state: State, trouble: GatewayError | None = None) -> Serving:
        degraded = trouble is not None and state is State.DEGRADED
        warning = f"the last known answer, for Raken could not be read anew: {trouble}" if degraded else None
        age = self.age(slice_) or 0.0
        return Serving(slice_, state, age, self.lifetimes[slice_.key.entity.name], warning)

    def _board(self, key: SliceKey, operation: Operation) -> Flight[Landing] | None:
        """The flight of a key, charged to the operation if it starts here; None where its share is spent."""
        if self._flights.under_way(key):
            return self._start(key, operation.lane)
        if operation.share <= 0:
            self._backlog.add(key)
            return None
        ticket = operation.ticket()
        flight = self._start(key, operation.lane, ticket.sent)
        flight.task.add_done_callback(lambda _: ticket.settle())
        return flight

    def _start(
        self, key: SliceKey, lane: Lane, on_send: Callable[[], None] = lambda: None, *, idle: bool = False
    ) -> Flight[Landing]:
        """The flight of a key, with those that the same question of Raken serves beside it; it may be under way."""
        alone = idle or self._flights.under_way(key)
        (self._idle.add if idle else self._idle.discard)(key)
        flight = self._flights.join(key, lambda depart: self._fetch(key, lane, depart, on_send))
        for other in [] if alone else self.source.beside(key):
            if not self._flights.under_way(other):
                self._start(other, lane, idle=True)
        return flight

    async def _fill(self, key: SliceKey) -> bool:
        """Fetches what was left over; says whether trying again in a moment would be of no use."""
        trouble: BaseException | None = self.failing(key, Lane.AHEAD)
        if trouble is None:
            flight = self._start(key, Lane.AHEAD)
            await asyncio.wait({flight.task})
            trouble = None if flight.task.cancelled() else flight.task.exception()
        return not (isinstance(trouble, RakenError) and trouble.retryable)

    def ahead(self, key: SliceKey) -> Flight[Landing] | None:
        """Starts a flight that nobody waits for; None where one is under way, or Raken is not there for it."""
        if self._flights.under_way(key) or self.failing(key, Lane.AHEAD) is not None:
            return None
        return self._start(key, Lane.AHEAD)

    async def warm(self, key: SliceKey) -> None:
        """Has a slice held and fresh, if that can be."""
        held = self.memory.peek(key) or await self.source.recall(key)
        verdict = judge(self.age(held), self.lifetimes[key.entity.name], failing=False)
        flight = self.ahead(key) if verdict.action is not Action.SERVE else None
        if flight is not None:
            await asyncio.wait({flight.task})

    async def refresh(self, key: SliceKey, seconds: float, on_send: Callable[[], None] = lambda: None) -> Landing:
        """Reads a slice anew whatever its age, with a reading that starts after this call, and tells all processes.

        Raises: RakenError, StillReading too where it takes longer than so many seconds.
        """
        trouble = self.source.raken.failing(Lane.ASKED)
        if trouble is not None:
            raise trouble.with_traceback(None)
        try:
            async with asyncio.timeout(seconds):
                flight = await self._flights.anew(key, lambda depart: self._fetch(key, Lane.ASKED, depart, on_send))
                self.source.asked(key)
                self._idle.discard(key)
                landing = await flight.land()
                if landing.published is not None:
                    await asyncio.wait({landing.published})
                return landing
        except TimeoutError:
            raise StillReading(f"{key.entity.name} took longer than {seconds:g} s and goes on behind") from None

    async def _fetch(
        self, key: SliceKey, lane: Lane, depart: Departure, on_send: Callable[[], None] = lambda: None
    ) -> Landing:
        errand = Errand(lane, self.clock.monotonic(), depart, on_send, idle=lambda: key in self._idle)
        try:
            landing = await self.source.fetch(key, errand)
        except RakenError:
            self._lookups.failed(key)
            raise
        finally:
            self._idle.discard(key)
        self._backlog.drop(key)
        return landing

    def scope(self, entity: Entity[Any]) -> Scope:
        """How Raken is asked for one project's rows of an entity, as far as is known."""
        return self.source.scope(entity)

    def by_project(self, entity: Entity[Any]) -> bool:
        """Whether one project's rows are asked for by project."""
        return self.scope(entity) is Scope.PROJECT

    def failing(self, key: SliceKey, lane: Lane) -> RakenError | None:
        """Why a slice would not be asked for now; None where nothing is known against it."""
        return self.source.failing(key, lane)

    def age(self, slice_: Slice[Any] | None) -> float | None:
        """Seconds since a slice's reading began; None for none."""
        return None if slice_ is None else max(0.0, self.clock.monotonic() - slice_.reading.sent_at)

    def state(self, key: SliceKey, age: float | None) -> State:
        """How a slice of an age stands now, if a person asked for it."""
        trouble = self.failing(key, Lane.PEOPLE)
        return judge(age, self.lifetimes[key.entity.name], failing=trouble is not None).state

    def unused(self, key: SliceKey) -> float:
        """Seconds since somebody was served a slice; infinite where nobody was within a day."""
        return self._used.age(key)

    def used(self, entity: Entity[Any], seconds: float) -> list[SliceKey]:
        """The keys of an entity that somebody was served within so many seconds, a day at most."""
        return [key for key in self._used.since(seconds) if key.entity is entity]

    async def landed(self) -> None:
        """Returns when nothing is being read any more, and what was read is published."""
        while tasks := [*self._flights.tasks(), *self.source.publishing]:
            await asyncio.wait(tasks)

    def _crash(self, key: SliceKey, error: BaseException) -> None:
        if not isinstance(error, GatewayError):
            self.source.crashed(key, error)

    async def close(self) -> None:
        """Ends what is under way."""
        await end(*self._expected)
        await self._backlog.close()
        await self._flights.close()
        await self.source.close()

"""The shared tier: values that every process can read, each named by what it says.

The rule it keeps: whatever becomes of a cache, a reader is told a value that is the named one, or that there is none;
never an error. A cache that fails is left alone for a while, and then tried by one reader only.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

import structlog

from loaders.backoff import pause
from loaders.clock import Clock
from loaders.patience import end, patient

T = TypeVar("T")
PATIENCE, LASTING = 0.25, 1.0
"Seconds that the faster cache may take, and the image: a body of a few megabytes is on its way for a while."
FIRST, LONGEST = 1.0, 30.0
"Seconds that a cache which fails is left alone, at first and at most; the image at most for the first: it asks of \
Postgres, which is left alone itself while it is away."
SOON = 3600
"Seconds that the faster cache holds a value at most: what nobody names any more is in nobody's way there."
BEHIND = 4
"Values that are put back behind at once; more are not worth what they hold."
Counts = Counter[tuple[str, str]]
"By cache and outcome."

_log = structlog.get_logger(__name__)


class Refused(Exception):
    """A cache is there, and does not take a value: it is full, or may only be read."""


class Cache(Protocol):
    """What is asked of a cache, in aiocache's words."""

    async def get(self, key: str) -> Any:
        """The value of a key, or None."""

    async def set(self, key: str, value: bytes, *, ttl: float) -> Any:
        """Holds a value for so many seconds."""

    async def add(self, key: str, value: bytes, *, ttl: float) -> Any:
        """The same, but raises a ValueError where the key has a value."""

    async def exists(self, key: str) -> Any:
        """Whether a key has a value."""

    async def delete(self, key: str) -> Any:
        """Lets a value go."""


def name(key: str, body: bytes) -> str:
    """What a body is found by: what it is about, and a digest of what it says."""
    return f"{key}:{_digest(body)}"


def _digest(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


class _Away(Exception):
    """A cache has failed, or is left alone."""


class _Gate:
    """Whether a cache may be asked: while it fails, only by one after each pause."""

    def __init__(self, clock: Clock, longest: float) -> None:
        self._clock = clock
        self._longest = longest
        self._turn = 0
        self._failures = 0
        self._until = 0.0
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether the cache has answered last."""
        return not self._failures

    def admit(self) -> int:
        """The turn of one attempt, which is given back by one of the three below.

        Raises:
            _Away: none may begin.
        """
        if not self.open and (self._probing or self._clock.monotonic() < self._until):
            raise _Away
        self._probing = not self.open
        return self._turn

    def fail(self, turn: int) -> bool:
        """Leaves the cache alone; whether this is news. What began before the gate last moved says nothing."""
        if turn != self._turn:
            return False
        self._turn += 1
        self._failures += 1
        self._until = self._clock.monotonic() + pause(self._failures, 1.0, first=FIRST, longest=self._longest)
        self._probing = False
        return self._failures == 1

    def succeed(self, turn: int) -> bool:
        """Opens the gate; whether it was closed."""
        if turn != self._turn or self.open:
            return False
        self._turn += 1
        self._failures = 0
        self._probing = False
        return True

    def abandon(self, turn: int) -> None:
        """The attempt was given up; the next one may try."""
        if turn == self._turn:
            self._probing = False


class _Tier:
    """One cache, which is away as soon as it fails; it says so once, and once that it is back."""

    def __init__(self, name: str, cache: Cache, gate: _Gate, patience: float | None, owner: "SharedTier") -> None:
        self._name = name
        self._cache = cache
        self._gate = gate
        self._patience = patience
        self._reads = owner.reads
        self._writes = owner.writes
        self._refusing = False

    @property
    def there(self) -> bool:
        """Whether it has answered last."""
        return self._gate.open

    async def get(self, name: str) -> bytes | None:
        """The body of a name, if it is held."""
        try:
            body = await self._ask(partial(self._cache.get, name))
        except _Away:
            self._reads[self._name, "error"] += 1
            return None
        outcome = _outcome(name, body)
        self._reads[self._name, outcome] += 1
        if outcome == "wrong":
            await self.drop(name)
        return body if outcome == "hit" else None

    async def holds(self, name: str) -> bool:
        """Whether the cache answers that it has a name."""
        try:
            return bool(await self._ask(partial(self._cache.exists, name)))
        except _Away:
            return False

    async def put(self, write: Callable[[Cache], Awaitable[Any]]) -> bool:
        """Has a value written; whether it is held now."""
        try:
            refusal = await self._ask(partial(_refusal, write, self._cache))
        except _Away:
            self._writes[self._name, "error"] += 1
            return False
        self._tell(refusal)
        self._writes[self._name, "error" if refusal else "stored"] += 1
        return refusal is None

    async def drop(self, name: str) -> None:
        """Lets a value go, if the cache is there."""
        try:
            await self._ask(partial(self._cache.delete, name))
        except _Away:
            self._writes[self._name, "error"] += 1
        else:
            self._writes[self._name, "dropped"] += 1

    async def _ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        turn = self._gate.admit()
        try:
            async with patient(self._patience):
                answer = await ask()
        except Exception as error:
            # Whatever it raises, it has not answered.
            if self._gate.fail(turn):
                _log.warning("shared_tier_away", tier=self._name, error=repr(error))
            raise _Away from error
        except BaseException:
            self._gate.abandon(turn)
            raise
        if self._gate.succeed(turn):
            _log.info("shared_tier_back", tier=self._name)
        return answer

    def _tell(self, refusal: Refused | None) -> None:
        if refusal and not self._refusing:
            _log.warning("shared_tier_refuses", tier=self._name, error=str(refusal))
        elif self._refusing and not refusal:
            _log.info("shared_tier_takes", tier=self._name)
        self._refusing = refusal is not None


def _outcome(name: str, body: Any) -> str:
    if body is None:
        return "miss"
    right = isinstance(body, bytes) and name.endswith(f":{_digest(body)}")
    return "hit" if right else "wrong"


async def _refusal(write: Callable[[Cache], Awaitable[Any]], cache: Cache) -> Refused | None:
    """Has a value written; a cache that refuses it has answered."""
    try:
        await write(cache)
    except Refused as refusal:
        return refusal
    return None


class SharedTier:
    """Values in a cache that lasts, the image, and in a faster one before it, where there is one."""

    def __init__(self, image: Cache, faster: Cache | None, clock: Clock, keep_seconds: int) -> None:
        """`keep_seconds` is how long the image holds a value at least; the faster cache does for an hour at most."""
        self.reads: Counts = Counter()
        "Outcomes are hit, miss, wrong (what was found is not what was named) and error (left alone, too)."
        self.writes: Counts = Counter()
        "Outcomes are stored, dropped and error."
        self._keep_seconds = keep_seconds
        self._image = _Tier("postgres", image, _Gate(clock, FIRST), LASTING, self)
        self._faster = _Tier("redis", faster, _Gate(clock, LONGEST), PATIENCE, self) if faster is not None else None
        self._behind: dict[str, asyncio.Task[bool]] = {}

    async def get(self, name: str) -> bytes | None:
        """The body of a name, if it is held."""
        body = await self._faster.get(name) if self._faster else None
        if body is None:
            body = await self._image.get(name)
            if body is not None and self._faster and self._faster.there:
                self._put_back(self._faster, name, body)
        return body

    async def holds(self, name: str) -> bool:
        """Whether the image has a name; looking is not counted as a read."""
        return await self._image.holds(name)

    async def put(self, name: str, body: bytes) -> bool:
        """Holds a body under its name; whether the image, which lasts, has it now."""
        held = await self._image.put(partial(self._add, name, body))
        if self._faster:
            await self._faster.put(partial(self._set, name, body))
        return held

    async def drop(self, name: str) -> None:
        """Lets a body go."""
        await self._image.drop(name)
        if self._faster:
            await self._faster.drop(name)

    async def close(self) -> None:
        """Gives up what is under way behind."""
        tasks = list(self._behind.values())
        await end(*tasks)

    def _put_back(self, tier: _Tier, name: str, body: bytes) -> None:
        if name in self._behind or len(self._behind) >= BEHIND:
            return
        task = self._behind[name] = asyncio.create_task(tier.put(partial(self._set, name, body)))
        task.add_done_callback(lambda _: self._behind.pop(name))

    async def _set(self, name: str, body: bytes, cache: Cache) -> None:
        await cache.set(name, body, ttl=min(self._keep_seconds, SOON))

    async def _add(self, name: str, body: bytes, cache: Cache) -> None:
        """Holds what is not held; what is may be meant to last longer than a set would have it."""
        if await cache.exists(name):
            return
        try:
            await cache.add(name, body, ttl=self._keep_seconds)
        except ValueError:
            # A driver's own ValueError is no sign that the name is taken.
            if not await cache.exists(name):
                raise

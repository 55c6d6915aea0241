"""What all processes have in common of the slices: readings that one has published, and whose turn it is to read.

The rule it keeps: a slice is read by one process at a time, and what that one has published is the others' too. With
Postgres away there is no common ground, and each process reads for itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from loaders.clock import Clock
from loaders.encoding import Content, Unreadable, decode, encode, fingerprint
from loaders.entity import Entity, Month, SliceKey
from loaders.errors import ExtensionsUnavailable, QuotaExhausted, RakenError
from loaders.inputs import UNSTORABLE
from loaders.ledger import Account, Claim, Entry, Ledger, Wish
from loaders.pages import Reading
from loaders.patience import happened
from loaders.shared import SharedTier, name
from loaders.slices import Slice

POLL = 0.5
"Seconds between looks at a slice that somebody else reads, where no wake comes."
RENEW = 1.0
"Seconds between renewals of a lease."


class Turn(Protocol):
    """The right to read a slice, until it is given back by one of the last three."""

    number: int
    "Of the lease; 0: of none, for nobody coordinates."

    async def depart(self) -> None:
        """The first request goes out."""

    async def publish(self, slice_: Slice[Any]) -> str | None:
        """Gives to all what was read, and answers the name of its content; None where it was not taken."""

    async def fail(self, error: RakenError, seconds: float) -> None:
        """Tells all what the reading failed of, for so many seconds."""

    async def release(self) -> None:
        """Says nothing of how it went."""


class Commons(Protocol):
    """Where processes meet."""

    async def recall(self, key: SliceKey, held: Slice[Any] | None) -> Reading | None:
        """What was published of a slice later than what is held.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        ...

    async def turn(self, key: SliceKey, held: Slice[Any] | None, wish: Callable[[], Wish]) -> Turn | Reading:
        """The turn to read a slice, when it comes; or a published reading that fulfils the wish by then.

        Raises:
            RakenError: somebody else's reading has failed of it.
        """
        ...

    async def entries(self) -> Mapping[SliceKey, Entry]:
        """What is known of every slice.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        ...

    def wake(self, text: str) -> SliceKey | None:
        """Something has happened to the slice that is written so (empty: perhaps to any); the key, if it is one."""
        ...


class OwnTurn:
    """A turn that concerns this process alone."""

    number = 0

    async def depart(self) -> None:
        """Nobody need know."""

    async def publish(self, _slice: Slice[Any]) -> str | None:
        """Nobody is told."""

    async def fail(self, _error: RakenError, _seconds: float) -> None:
        """Nobody is told."""

    async def release(self) -> None:
        """Nobody waits."""


class Alone:
    """A process that shares with nobody."""

    async def recall(self, _key: SliceKey, _held: Slice[Any] | None) -> Reading | None:
        """Nobody has published anything."""
        return None

    async def turn(self, _key: SliceKey, _held: Slice[Any] | None, _wish: Callable[[], Wish]) -> Turn | Reading:
        """It is always one's turn."""
        return OwnTurn()

    async def entries(self) -> Mapping[SliceKey, Entry]:
        """Nothing is known."""
        return {}

    def wake(self, _text: str) -> SliceKey | None:
        """Nobody waits."""
        return None


class Shared:
    """Processes that share a ledger and a tier of values."""

    def __init__(self, ledger: Ledger, tier: SharedTier, clock: Clock, entities: Iterable[Entity[Any]]) -> None:
        self._ledger = ledger
        self._tier = tier
        self._clock = clock
        self._entities = {entity.name: entity for entity in entities}
        self._wakes: dict[str, asyncio.Event] = {}

    async def recall(self, key: SliceKey, held: Slice[Any] | None) -> Reading | None:
        """What was published of a slice later than what is held.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        asked_at = self._clock.monotonic()
        entry = await self._ledger.entry(written(key))
        if entry is None or (held is not None and not held.reading.precedes(entry.number, asked_at - entry.age)):
            return None
        return await self._reading(key, entry, held, asked_at)

    async def turn(self, key: SliceKey, held: Slice[Any] | None, wish: Callable[[], Wish]) -> Turn | Reading:
        """The turn to read a slice, when it comes; or a published reading that fulfils the wish by then.

        Raises:
            RakenError: somebody else's reading has failed of it.
        """
        awaited: Entry | None = None
        while True:
            text, asked_at = written(key), self._clock.monotonic()
            wished = wish() if awaited is None else wish().after(awaited)
            woken = self._wakes.setdefault(text, asyncio.Event())
            try:
                found = await self._ledger.claim(text, key.entity.name, wished)
            except ExtensionsUnavailable:
                return OwnTurn()
            if isinstance(found, Claim):
                return Lease(self._ledger, self._tier, key, found, self._clock)
            # Meanwhile somebody may have asked for more.
            wished = wish() if awaited is None else wish().after(awaited)
            if wished.fulfilled(found):
                reading = await self._reading(key, found, held, asked_at)
                if reading is not None:
                    return reading
                # What was published is nowhere to be had: only a later one will do.
            elif wished.failed(found) and found.failure is not None:
                raise found.failure
            else:
                await happened(woken, POLL)
            awaited = found

    async def _reading(self, key: SliceKey, entry: Entry, held: Slice[Any] | None, asked_at: float) -> Reading | None:
        """A published reading; None where its content is not to be had."""
        content = await self._content(key, entry, held)
        if content is None or entry.fetched_at is None:
            return None
        return Reading(
            rows=content.rows,
            pages=content.pages,
            rejected=content.rejected,
            fetched_at=entry.fetched_at,
            # Its age by the database's clock when it was asked for, and monotonic time since.
            sent_at=asked_at - entry.age,
            date=entry.date,
            requests=entry.requests,
            whole_for=entry.whole_age - entry.age,
            number=entry.number,
            body=entry.body,
        )

    async def _content(self, key: SliceKey, entry: Entry, held: Slice[Any] | None) -> Content | None:
        if entry.body is None:
            return None
        if held is not None and held.reading.body == entry.body:
            return Content(held.reading.rows, held.reading.pages, held.reading.rejected)
        body = await self._tier.get(entry.body)
        with suppress(Unreadable):
            return None if body is None else await decode(key.entity, body)
        return None

    async def entries(self) -> Mapping[SliceKey, Entry]:
        """What is known of every slice that this code can read.

        Raises:
            ExtensionsUnavailable: Postgres is away.
        """
        found = {self._key(entry.key): entry for entry in await self._ledger.entries()}
        return {key: entry for key, entry in found.items() if key is not None}

    def wake(self, text: str) -> SliceKey | None:
        """Something has happened to the slice that is written so (empty: perhaps to any); the key, if it is one."""
        for one in [text] if text else list(self._wakes):
            if one in self._wakes:
                self._wakes.pop(one).set()
        return self._key(text)

    def _key(self, text: str) -> SliceKey | None:
        """The key that is written so; None where other code wrote it."""
        printed, _, encoding = text.partition("@")
        entity = self._entities.get(printed.partition("/")[0])
        if entity is None or encoding != fingerprint(entity):
            return None
        _, project, month = printed.split("/")
        return SliceKey(entity, None if project == "*" else project, None if month == "*" else Month.read(month))


class Lease:
    """A turn that the ledger has given, renewed until it is given back."""

    def __init__(self, ledger: Ledger, tier: SharedTier, key: SliceKey, claim: Claim, clock: Clock) -> None:
        self.number = claim.number
        self._clock = clock
        self._ledger = ledger
        self._tier = tier
        self._key = key
        self._text = written(key)
        self._body = claim.body
        self._over = False
        self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        # A driver may swallow a cancellation.
        while not self._over:
            await asyncio.sleep(RENEW)
            with suppress(ExtensionsUnavailable):
                await self._ledger.renew(self._text, self.number)

    async def depart(self) -> None:
        """The first request goes out."""
        with suppress(ExtensionsUnavailable):
            await self._ledger.depart(self._text, self.number)

    async def publish(self, slice_: Slice[Any]) -> str | None:
        """Gives to all what was read, and answers the name of its content; None where it was not taken."""
        async with self._ending():
            body = await self._put(slice_.reading)
            if body is None:
                await self._ledger.release(self._text, self.number)
            elif await self._ledger.publish(self._text, self.number, self._account(slice_.reading, body)):
                return body
        return None

    async def _put(self, reading: Reading) -> str | None:
        """The name of a reading's content, which is then among the values; None where it cannot be."""
        if reading.body is not None and reading.body == self._body and await self._tier.holds(self._body):
            return self._body
        try:
            encoded = await encode(self._key.entity, Content(reading.rows, reading.pages, reading.rejected))
        except Unreadable:
            return None
        body = name(self._text, encoded)
        return body if await self._tier.put(body, encoded) else None

    def _account(self, reading: Reading, body: str) -> Account:
        left_out = reading.rejected
        return Account(
            body=body,
            age=self._clock.monotonic() - reading.sent_at,
            whole_for=reading.whole_for,
            fetched_at=reading.fetched_at,
            date=reading.date,
            rows=len(reading.rows),
            requests=reading.requests,
            left_out=UNSTORABLE.sub("\ufffd", f"left out {len(left_out)}, the first: {left_out[0]}")
            if left_out
            else None,
        )

    async def fail(self, error: RakenError, seconds: float) -> None:
        """Tells all what the reading failed of, for so many seconds."""
        # The quota is withheld from one lane sooner than from another: that is nobody else's failure.
        if isinstance(error, QuotaExhausted):
            await self.release()
            return
        async with self._ending():
            await self._ledger.fail(self._text, self.number, error, seconds)

    async def release(self) -> None:
        """Says nothing of how it went."""
        async with self._ending():
            await self._ledger.release(self._text, self.number)

    @asynccontextmanager
    async def _ending(self) -> AsyncIterator[None]:
        """Where Postgres is away, the lease ends by itself."""
        try:
            with suppress(ExtensionsUnavailable):
                yield
        finally:
            self._over = True
            self._renewing.cancel()


def written(key: SliceKey) -> str:
    """A key as the ledger has it: other encodings of a slice are other slices."""
    return f"{key}@{fingerprint(key.entity)}"

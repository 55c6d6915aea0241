"""Sign-ins that failed, and how long somebody then waits for the next.

One rule: nobody is locked out. An account waits for those at one address alone, never for longer than `LONGEST`; and
who has signed in from an address before does not wait for what others fail at there.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeVar

from loaders.clock import Clock
from loaders.errors import RateLimited

FREE = 10
"Failures of one account from one address that cost nothing: people mistype."
FREE_AT_ADDRESS = 100
"Failures from one address, whichever the accounts: an office may be behind it."
LONGEST = 300
"Seconds that the next try waits at most; the wait doubles with each failure."
LONGEST_AT_ADDRESS = 60
FADES = 3600
"Seconds after which failures are forgotten."
KNOWN = 10_000
"Pairs, addresses and guests that are remembered, of each; the least recent go."

Pair = tuple[bytes, str]
Key = TypeVar("Key")


@dataclass(slots=True)
class _Failures:
    number: int = 0
    last: float = 0.0
    until: float = 0.0
    "When the next try may be."


class Attempts:
    """What is remembered of sign-ins, in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pairs: OrderedDict[Pair, _Failures] = OrderedDict()
        self._addresses: OrderedDict[str, _Failures] = OrderedDict()
        self._guests: OrderedDict[Pair, None] = OrderedDict()

    def begin(self, email: str, address: str) -> Pair:
        """Begins a try, which counts as failed until it is known to be otherwise: many at once count too.

        Raises:
            RateLimited: too many have failed before, and it is too soon.
        """
        pair = (_digest(email), address)
        own, others = self._of(self._pairs, pair), self._of(self._addresses, address)
        until = own.until if pair in self._guests else max(own.until, others.until)
        wait = until - self._clock.monotonic()
        if wait > 0:
            seconds = ceil(wait)
            raise RateLimited(f"expected fewer sign-ins that fail; the next may be in {seconds} s", seconds)
        self._count(own, FREE, LONGEST)
        self._count(others, FREE_AT_ADDRESS, LONGEST_AT_ADDRESS)
        return pair

    def right(self, pair: Pair) -> None:
        """The password was right: the account's failures from there are forgotten, and it is known there."""
        self.void(pair)
        self._pairs.pop(pair, None)
        self._guests[pair] = None
        _bound(self._guests)

    def void(self, pair: Pair) -> None:
        """It was no failure: nobody could look."""
        for failures in (self._pairs.get(pair), self._addresses.get(pair[1])):
            if failures is not None:
                failures.number = max(failures.number - 1, 0)
                failures.until = 0.0

    def _of(self, known: OrderedDict[Key, _Failures], key: Key) -> _Failures:
        failures = known.setdefault(key, _Failures())
        known.move_to_end(key)
        _bound(known)
        if self._clock.monotonic() - failures.last > FADES:
            failures.number, failures.until = 0, 0.0
        return failures

    def _count(self, failures: _Failures, free: int, longest: int) -> None:
        failures.number += 1
        failures.last = self._clock.monotonic()
        over = failures.number - free
        # 2 to the tenth is past the longest wait already.
        failures.until = failures.last + min(2 ** min(over, 10), longest) if over >= 0 else 0.0


def _digest(email: str) -> bytes:
    """An email as it is remembered: of one length, and unreadable."""
    return hashlib.blake2b(email.strip().casefold().encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _bound(known: OrderedDict[Any, Any]) -> None:
    if len(known) > KNOWN:
        known.popitem(last=False)

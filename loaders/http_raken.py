"""Raken over HTTP, asked politely.

The rule it keeps: every request to Raken goes through here, and through all of: the token, the lane's turn, the quota,
the breaker, the clock. What comes back is judged by its status, and only what may help is tried once more.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import aiohttp

from loaders import wire
from loaders.breaker import Breaker, Permit
from loaders.clock import Clock, Sleep
from loaders.errors import RakenError, RakenForbidden, RakenGarbled, RakenNotConnected, RakenUnavailable
from loaders.keeper import TokenKeeper
from loaders.limiter import Turnstile
from loaders.pace import Pace
from loaders.raken import Answer, Lane, OnSend, Standing, unheard
from loaders.reply import Reply
from loaders.throttle import Refusal, retry_after, speaks_of_quota

T = TypeVar("T")
MOST = 64 << 20
"Bytes of a page, decompressed."
LATE = 0.03
"Seconds after its place within which a request still leaves in it."
SOON = 0.2
"Seconds before a request is tried again, at least; twice that at most."


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    path: str
    params: Mapping[str, str]
    lane: Lane
    parse: Callable[[bytes], T]
    etag: str | None
    on_send: OnSend


@dataclass(frozen=True, slots=True)
class Manners:
    """How Raken is asked."""

    pace: Pace
    timeout: float = 10.0
    "Seconds, a request."
    abreast: int = 8
    "Requests that are out at once, at most."


class _NoAnswer(Exception):
    """The network's failure; the message is for people."""


class HttpRaken:
    """Raken's API, below one base URL."""

    def __init__(
        self,
        base_url: str,
        keeper: TokenKeeper,
        clock: Clock,
        manners: Manners,
        on_answer: Callable[[str, int | None], None] = lambda _path, _status: None,
        *,
        jitter: Callable[[], float] = random.random,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`on_answer` hears of each request that was sent: its path and status, None where no answer came.

        Made where an event loop runs; `jitter` gives 0 to 1.
        """
        self._base_url = base_url.rstrip("/")
        self._keeper = keeper
        self._clock = clock
        self._pace = manners.pace
        self._timeout = manners.timeout
        self._on_answer = on_answer
        self._jitter = jitter
        self._sleep = sleep
        self._breaker = Breaker()
        self._turnstile = Turnstile(manners.pace, manners.abreast, self.failing, sleep)
        self._session = wire.session(manners.abreast)
        self._tried_at = float("-inf")
        self._reachable = False
        self._last_error: str | None = None

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
        """Asks one question, and has the body parsed; `on_send` is awaited right before each request goes out.

        Raises:
            RakenError: there is no answer.
        """
        question = _Question(path, params, lane, parse, etag, on_send)
        try:
            return await self._answer(question)
        except (RakenUnavailable, RakenGarbled):
            # Not into what is known to fail by now.
            if self.failing(lane) is not None:
                raise
        await self._sleep(SOON * (1 + self._jitter()))
        return await self._answer(question)

    def failing(self, lane: Lane) -> RakenError | None:
        """Why a question in this lane would fail at once, as far as is known without asking."""
        return self._keeper.standing() or self._pace.withheld(lane) or self._breaker.standing(self._clock.monotonic())

    async def status(self) -> Standing:
        """How Raken stands; what was sent today is what all processes have sent."""
        today = await self._pace.today()
        return Standing(
            reachable=self._reachable,
            connected=self._keeper.connected,
            token_expires_at=self._keeper.expires_at,
            circuit=self._breaker.circuit,
            requests_today=today.requests,
            daily_quota=self._pace.limit,
            throttled_today=today.throttled,
            last_error=self._last_error,
        )

    @property
    def informed_at(self) -> float:
        """When this process last asked, or got a token to ask with, on the monotonic clock."""
        return max(self._tried_at, self._keeper.adopted_at)

    async def ping(self) -> None:
        """Says whether Raken is up by what is known; it spends no request.

        Raises:
            RakenError: it is not.
        """
        known = self.failing(Lane.PEOPLE)
        if known is not None:
            raise known
        if self._last_error is not None and not self._reachable:
            raise RakenUnavailable(self._last_error)

    async def close(self) -> None:
        """Lets a renewal of the token end, and closes the connections."""
        await self._turnstile.close()
        await self._keeper.close()
        await self._session.close()

    async def _answer(self, question: _Question[T]) -> Answer[T]:
        try:
            return await self._authorized(question)
        except RakenError as error:
            self._last_error = str(error)
            raise

    async def _authorized(self, question: _Question[T]) -> Answer[T]:
        """Asks with the token there is, and once more with another where Raken does not take it."""
        token = await self._keeper.token()
        reply = await self._attempt(question, token)
        other = await self._other_token(reply, token)
        if other is not None:
            token, reply = other, await self._attempt(question, other)
        if reply.status == HTTPStatus.UNAUTHORIZED:
            if other is not None:
                await self._keeper.after_401(token)
            raise RakenNotConnected(f"Raken says 401 to {question.path}, to a token too that was just renewed")
        if reply.status == HTTPStatus.FORBIDDEN:
            raise RakenForbidden(f"Raken says 403 to {question.path}: data access is not enabled for this app")
        self._keeper.worked(token)
        return reply.answer(question.parse, question.etag)

    async def _other_token(self, reply: Reply, token: str) -> str | None:
        """A token to try once more with; None where there is none, or no need."""
        if reply.status == HTTPStatus.UNAUTHORIZED:
            return await self._keeper.after_401(token)
        if reply.status == HTTPStatus.FORBIDDEN:
            return await self._keeper.after_403(token)
        return None

    async def _attempt(self, question: _Question[Any], token: str) -> Reply:
        """One request, when its turn comes; what it says about Raken's health is noted."""
        async with self._turnstile.turn(question.lane):
            turned = self._clock.monotonic()
            permit = self._breaker.admit(self._clock.monotonic())
            try:
                await self._pace.spend(question.lane)
                await question.on_send()
                # Its place may have passed while Postgres was asked: then it takes another.
                if self._clock.monotonic() - turned > LATE:
                    await self._sleep(await self._pace.reserve())
                since = self._pace.depart()
                reply = await self._exchange(question, token)
                await self._note(question, reply, permit, since)
            except _NoAnswer as error:
                self._fail(permit)
                raise RakenUnavailable(str(error)) from None
            finally:
                self._breaker.abandon(permit)
        return reply

    async def _exchange(self, question: _Question[Any], token: str) -> Reply:
        status: int | None = None
        fetched_at, sent_at = self._clock.now(), self._clock.monotonic()
        self._tried_at = sent_at
        try:
            async with self._session.get(
                self._base_url + question.path,
                params=question.params,
                headers={"Authorization": f"Bearer {token}"}
                | ({"If-None-Match": question.etag} if question.etag else {}),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            ) as response:
                body = await wire.body(response, MOST)
                status = response.status
        except TimeoutError:
            raise _NoAnswer(f"Raken did not answer {question.path} within {self._timeout:g} s") from None
        except aiohttp.ClientConnectorError:
            raise _NoAnswer(f"Raken cannot be reached: no connection for {question.path}") from None
        except (aiohttp.ClientError, OSError) as error:
            # Its own words may hold the query.
            raise _NoAnswer(f"Raken's answer to {question.path} broke off ({type(error).__name__})") from None
        finally:
            self._on_answer(question.path, status)
        if body is None:
            raise RakenGarbled(f"Raken's answer to {question.path}: expected at most {MOST} bytes, got more")
        return Reply(question.path, status, response.headers, body, fetched_at, sent_at)

    async def _note(self, question: _Question[Any], reply: Reply, permit: Permit, since: int) -> None:
        """Learns from a status how Raken is; raises where it asks to be left alone, or fails."""
        wish = retry_after(reply.headers.get("Retry-After"), reply.date or self._clock.now())
        if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._fail(permit)
            if wish and reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
                await self._pace.refused(Refusal(reply.status, wish), since)
            raise RakenUnavailable(f"Raken answered {question.path} with {reply.status}")
        self._reachable = True
        self._breaker.succeed(permit)
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise await self._pace.refused(Refusal(reply.status, wish, speaks_of_quota(reply.body)), since)
        await self._pace.answered(since)

    def _fail(self, permit: Permit) -> None:
        self._reachable = False
        self._breaker.fail(permit, self._clock.monotonic(), self._jitter())

"""HttpRaken against a real server on the loopback: every fault, and every rule of asking politely."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web

from loaders.errors import (
    QuotaExhausted,
    RakenError,
    RakenForbidden,
    RakenGarbled,
    RakenNotConnected,
    RakenRefused,
    RakenThrottled,
    RakenUnavailable,
)
from loaders.http_raken import HttpRaken, Manners
from loaders.raken import Answer, Circuit, Lane
from tests.hands import Hands
from tests.integration.loopback import EMPTY, Handler, Loopback, answer, hang, loopback, reset, reset_halfway
from tests.pace import OwnPace
from tests.waiting import within


class Keeper:
    """A keeper of made-up tokens: `t1`, and after each renewal the next one."""

    def __init__(self) -> None:
        self.number = 1
        self.spare = 0
        self.trouble: RakenError | None = None
        self.worked_with: list[str] = []
        self.connected = True
        self.expires_at = datetime(2026, 3, 2, 22, tzinfo=UTC)

    def standing(self) -> RakenError | None:
        return self.trouble

    async def token(self) -> str:
        if self.trouble is not None:
            raise self.trouble
        return f"t{self.number}"

    async def after_401(self, token: str) -> str | None:
        if not self.spare:
            self.connected = False
            return None
        self.spare -= 1
        self.number += 1
        return f"t{self.number}"

    after_403 = after_401

    def worked(self, token: str) -> None:
        self.worked_with.append(token)

    async def close(self) -> None:
        pass


class Caller:
    """HttpRaken with all that it needs; time stands still, but for its own sleeping."""

    def __init__(self, server: Loopback, *, timeout: float = 5.0, quota: int | None = None, abreast: int = 8) -> None:
        self.server = server
        self.hands = Hands()
        self.keeper = Keeper()
        self.answers: list[tuple[str, int | None]] = []
        self.sent = 0
        self.parse: Callable[[bytes], int] = len
        self.raken = HttpRaken(
            f"{server.url}/api/",
            self.keeper,  # type: ignore[arg-type]
            self.hands,
            Manners(OwnPace(self.hands, 5, quota), timeout, abreast),
            lambda path, status: self.answers.append((path, status)),
            jitter=lambda: 1.0,
            sleep=self.hands.sleep,
        )

    async def ask(self, lane: Lane = Lane.PEOPLE, etag: str | None = None) -> Answer[int]:
        return await self.raken.page(
            "/members", {"statuses": "ACTIVE,INVITED"}, lane, self.parse, etag=etag, on_send=self._send
        )

    async def _send(self) -> None:
        self.sent += 1

    async def fails(self, lane: Lane = Lane.PEOPLE) -> str:
        """Asks, and gives the error as `Kind: message`."""
        with pytest.raises(RakenError) as error:
            await self.ask(lane)
        return f"{type(error.value).__name__}: {error.value}"


@asynccontextmanager
async def calling(server: Loopback, **more: float) -> AsyncIterator[Caller]:
    made = Caller(server, **more)  # type: ignore[arg-type]
    yield made
    await made.raken.close()


@pytest.fixture
async def server() -> AsyncIterator[Loopback]:
    """Yields a server that answers with an empty page until it is told otherwise."""
    async with loopback() as script:
        yield script


@pytest.fixture
async def caller(server: Loopback) -> AsyncIterator[Caller]:
    """Yields a HttpRaken that asks it."""
    async with calling(server) as made:
        yield made


async def test_a_page_is_asked_for_and_parsed(caller: Caller) -> None:
    caller.server.always = answer(ETag='"e"', Date="Mon, 02 Mar 2026 12:00:05 GMT")
    found = await caller.ask()
    (request,) = caller.server.requests
    assert request.path_qs == "/api/members?statuses=ACTIVE,INVITED"
    assert request.headers["Authorization"] == "Bearer t1"
    assert request.headers["Accept-Encoding"] == "gzip"
    assert "If-None-Match" not in request.headers
    assert found == Answer(len(EMPTY), '"e"', datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC), caller.hands.now(), 1000.0)
    assert (caller.sent, caller.answers, caller.keeper.worked_with) == (1, [("/members", 200)], ["t1"])


async def test_an_answer_is_as_old_as_the_request_that_was_answered(caller: Caller) -> None:
    caller.server.script = [answer(500)]
    found = await caller.ask()
    assert found.sent_at == caller.hands.seconds > 1000.0
    assert found.fetched_at == caller.hands.now()


async def test_an_etag_is_sent_back_and_304_has_no_content(caller: Caller) -> None:
    caller.server.always = answer(304, "")
    found = await caller.ask(etag='"e"')
    assert caller.server.requests[0].headers["If-None-Match"] == '"e"'
    assert found.content is None
    assert (await caller.raken.status()).requests_today == 1


async def test_who_hears_of_a_request_hears_before_it_is_sent_and_may_stop_it(caller: Caller) -> None:
    async def stop() -> None:
        assert caller.server.requests == []
        raise RakenUnavailable("not now")

    with pytest.raises(RakenUnavailable, match="not now"):
        await caller.raken.page("/members", {}, Lane.PEOPLE, len, on_send=stop)
    assert (caller.server.requests, caller.answers) == ([], [])


async def test_a_compressed_body_is_read(caller: Caller) -> None:
    async def compressed(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(EMPTY.encode()), headers={"Content-Encoding": "gzip"})

    caller.server.always = compressed
    assert (await caller.ask()).content == len(EMPTY)


def garbled(body: bytes) -> int:
    raise RakenGarbled("/members: expected a JSON page, got HTML (<html…)")


HTML = answer(text="<html>", Content_Type="text/html")
FAULTS: list[tuple[Handler, str]] = [
    (hang, "RakenUnavailable: Raken did not answer /members within 0.5 s"),
    (reset, "RakenUnavailable: Raken's answer to /members broke off (ClientOSError)"),
    (reset_halfway, "RakenUnavailable: Raken's answer to /members broke off (ClientPayloadError)"),
    (answer(500), "RakenUnavailable: Raken answered /members with 500"),
    (answer(502, "<html>Bad Gateway"), "RakenUnavailable: Raken answered /members with 502"),
    (answer(503), "RakenUnavailable: Raken answered /members with 503"),
    (answer(504), "RakenUnavailable: Raken answered /members with 504"),
    (answer(204, ""), "RakenGarbled: Raken's answer to /members: expected 200 with a page, got 204"),
    (answer(304, ""), "RakenGarbled: Raken's answer to /members: expected 200 with a page, got 304"),
    (
        answer(text="not gzip", Content_Encoding="gzip"),
        "RakenUnavailable: Raken's answer to /members broke off (ClientPayloadError)",
    ),
]


@pytest.mark.parametrize(("fault", "message"), FAULTS, ids=[message.split(": ", 1)[1] for _, message in FAULTS])
async def test_a_fault_that_may_pass_is_tried_once_more(server: Loopback, fault: Handler, message: str) -> None:
    async with calling(server, timeout=1.0) as caller:
        server.script = [fault]
        assert (await caller.ask()).content == len(EMPTY)
        assert (len(server.requests), caller.sent, (await caller.raken.status()).requests_today) == (2, 2, 2)
        assert caller.hands.slept[-2:] == [pytest.approx(0.4), 0.0]


@pytest.mark.parametrize(("fault", "message"), FAULTS, ids=[message.split(": ", 1)[1] for _, message in FAULTS])
async def test_a_fault_that_stays_says_what_was_expected_and_what_came(
    server: Loopback, fault: Handler, message: str
) -> None:
    async with calling(server, timeout=0.5 if fault is hang else 10.0) as caller:
        server.always = fault
        assert await caller.fails() == message
        assert len(server.requests) == 2
        assert (await caller.raken.status()).last_error == message.split(": ", 1)[1]


async def test_a_body_that_cannot_be_parsed_is_tried_once_more(caller: Caller) -> None:
    caller.parse = garbled
    assert await caller.fails() == "RakenGarbled: /members: expected a JSON page, got HTML (<html…)"
    assert len(caller.server.requests) == 2


async def test_a_refused_connection_says_so(unused_tcp_port_factory: Callable[[], int]) -> None:
    script = Loopback()
    script.url = f"http://127.0.0.1:{unused_tcp_port_factory()}"
    async with calling(script) as caller:
        assert await caller.fails() == "RakenUnavailable: Raken cannot be reached: no connection for /members"
        assert caller.answers == [("/members", None)] * 2
        assert not (await caller.raken.status()).reachable


async def test_a_connection_that_breaks_is_not_used_again_behind_the_quota_s_back(caller: Caller) -> None:
    await caller.ask()
    caller.server.always = reset
    await caller.fails()
    assert len(caller.server.requests) == caller.sent == (await caller.raken.status()).requests_today == 3


async def test_a_body_without_end_is_not_read_to_the_end(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loaders.http_raken.MOST", 1000)
    caller.server.always = answer(text="x" * 1001)
    assert await caller.fails() == "RakenGarbled: Raken's answer to /members: expected at most 1000 bytes, got more"
    caller.server.always = answer(text="x" * 1000)
    assert (await caller.ask()).content == 1000


async def test_a_bomb_is_not_unpacked(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def bomb(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b"x" * 50_000_000), headers={"Content-Encoding": "gzip"})

    monkeypatch.setattr("loaders.http_raken.MOST", 1_000_000)
    caller.server.always = bomb
    assert "expected at most 1000000 bytes" in await caller.fails()


@pytest.mark.parametrize("status", [400, 404, 405, 410])
async def test_a_refusal_is_never_tried_again(caller: Caller, status: int) -> None:
    caller.server.always = answer(status, '{"message": "projectUuid is required"}')
    with pytest.raises(RakenRefused) as refused:
        await caller.ask()
    assert str(refused.value) == f"Raken answered /members with {status}: projectUuid is required"
    assert (refused.value.status, len(caller.server.requests)) == (status, 1)
    assert (await caller.raken.status()).reachable


async def test_a_redirect_is_not_followed(caller: Caller) -> None:
    caller.server.always = answer(302, Location=f"{caller.server.url}/login")
    with pytest.raises(RakenRefused, match=r"expected 200 with a page, got a redirect \(302\); none is followed"):
        await caller.ask()
    assert len(caller.server.requests) == 1


async def test_a_401_is_tried_once_more_with_another_token(caller: Caller) -> None:
    caller.keeper.spare = 1
    caller.server.script = [answer(401)]
    await caller.ask()
    assert caller.server.bearers == ["t1", "t2"]
    assert caller.keeper.worked_with == ["t2"]


async def test_a_401_that_another_token_does_not_cure_says_so(caller: Caller) -> None:
    caller.keeper.spare = 1
    caller.server.always = answer(401)
    message = "RakenNotConnected: Raken says 401 to /members, to a token too that was just renewed"
    assert await caller.fails() == message
    assert caller.server.bearers == ["t1", "t2"]
    assert not (await caller.raken.status()).connected


async def test_a_403_is_tried_once_more_with_another_token(caller: Caller) -> None:
    caller.keeper.spare = 1
    caller.server.script = [answer(403)]
    await caller.ask()
    assert caller.server.bearers == ["t1", "t2"]


async def test_a_403_that_stays_says_that_data_access_is_not_enabled(caller: Caller) -> None:
    caller.keeper.spare = 1
    caller.server.always = answer(403)
    with pytest.raises(RakenForbidden, match="Raken says 403 to /members: data access is not enabled for this app"):
        await caller.ask()
    assert caller.server.bearers == ["t1", "t2"]
    with pytest.raises(RakenForbidden):
        await caller.ask()
    assert caller.server.bearers == ["t1", "t2", "t2"]


async def test_without_a_token_nothing_is_sent(caller: Caller) -> None:
    caller.keeper.trouble = RakenNotConnected("there is no token")
    assert await caller.fails() == "RakenNotConnected: there is no token"
    assert isinstance(caller.raken.failing(Lane.PEOPLE), RakenNotConnected)
    assert caller.server.requests == []


async def test_a_429_is_not_tried_again_and_nobody_asks_until_the_time_it_names(caller: Caller) -> None:
    caller.server.script = [answer(429, Retry_After="7")]
    with pytest.raises(RakenThrottled) as throttled:
        await caller.ask()
    assert throttled.value.retry_after == 7
    for lane in Lane:
        assert "left alone for 7 s" in await caller.fails(lane)
    assert len(caller.server.requests) == 1
    caller.hands.move(7)
    assert caller.raken.failing(Lane.AHEAD) is None
    await caller.ask()
    assert (await caller.raken.status()).throttled_today == 1


async def test_a_retry_after_that_is_a_date_is_taken_by_raken_s_clock(caller: Caller) -> None:
    dates = {"Date": "Fri, 01 Jan 2027 00:00:00 GMT", "Retry_After": "Fri, 01 Jan 2027 00:00:30 GMT"}
    caller.server.script = [answer(429, **dates)]
    await caller.fails()
    caller.hands.move(29)
    assert caller.raken.failing(Lane.PEOPLE) is not None
    caller.hands.move(1)
    assert caller.raken.failing(Lane.PEOPLE) is None


async def test_a_429_that_repeats_after_the_back_off_is_the_quota(caller: Caller) -> None:
    caller.server.always = answer(429, '{"message": "Too many requests"}')
    with pytest.raises(RakenThrottled):
        await caller.ask()
    caller.hands.move(1)
    with pytest.raises(QuotaExhausted):
        await caller.ask()
    assert isinstance(caller.raken.failing(Lane.PEOPLE), QuotaExhausted)
    caller.server.always = answer()
    caller.hands.move(2)
    await caller.ask()
    assert caller.raken.failing(Lane.PEOPLE) is None


async def test_a_429_after_an_answer_is_no_repetition(caller: Caller) -> None:
    caller.server.script = [answer(429), answer(), answer(429)]
    for _ in range(2):
        with pytest.raises(RakenThrottled):
            await caller.ask()
        caller.hands.move(1)
        await caller.ask()


async def test_a_429_that_says_limit_exceeded_is_the_quota(caller: Caller) -> None:
    caller.server.always = answer(429, '{"message": "Limit exceeded"}')
    assert await caller.fails() == "QuotaExhausted: Raken says 429: the day's quota of requests is spent"
    caller.hands.move(59)
    await caller.fails()
    assert len(caller.server.requests) == 1


async def test_a_503_that_names_a_time_is_obeyed_by_everyone(caller: Caller) -> None:
    caller.server.script = [answer(503, Retry_After="9")]
    assert await caller.fails() == "RakenUnavailable: Raken answered /members with 503"
    assert "left alone for 9 s" in await caller.fails()
    assert len(caller.server.requests) == 1


async def test_those_who_wait_when_a_429_comes_are_not_sent(server: Loopback) -> None:
    async with calling(server, abreast=1) as caller:
        server.always = answer(429, Retry_After="7")
        results = await asyncio.gather(*(caller.ask() for _ in range(10)), return_exceptions=True)
        assert [type(result) for result in results] == [RakenThrottled] * 10
        assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [answer(500), answer(503), reset, reset_halfway, hang])
async def test_five_failures_open_the_breaker_and_then_nothing_is_sent(server: Loopback, fault: Handler) -> None:
    async with calling(server, timeout=0.5 if fault is hang else 10.0) as caller:
        server.always = fault
        for _ in range(3):
            await caller.fails()
        # Two at a time, and the sixth not any more.
        assert (len(server.requests), (await caller.raken.status()).circuit) == (5, Circuit.OPEN)
        assert "failed 5 times in a row or more; it is tried again in 2 s" in await caller.fails()
        assert isinstance(caller.raken.failing(Lane.AHEAD), RakenUnavailable)
        assert len(server.requests) == 5


async def test_one_probe_goes_out_after_the_pause_and_closes_the_breaker(caller: Caller) -> None:
    caller.server.always = answer(500)
    for _ in range(3):
        await caller.fails()
    held, go = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        held.set()
        await go.wait()
        return web.Response(text=EMPTY)

    caller.server.always = slow
    caller.hands.move(2)
    probe = asyncio.create_task(caller.ask())
    await held.wait()
    assert (await caller.raken.status()).circuit is Circuit.HALF_OPEN
    assert "one request is out to see whether it is back" in await caller.fails()
    go.set()
    await probe
    assert (len(caller.server.requests), (await caller.raken.status()).circuit) == (6, Circuit.CLOSED)


async def test_a_probe_that_is_given_up_leaves_room_for_another(caller: Caller) -> None:
    caller.server.always = answer(500)
    for _ in range(3):
        await caller.fails()
    caller.server.always = hang
    caller.hands.move(2)
    probe = asyncio.create_task(caller.ask())
    while len(caller.server.requests) < 6:  # noqa: ASYNC110 - another's thread of control
        await asyncio.sleep(0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    caller.server.always = answer()
    await caller.ask()
    assert (await caller.raken.status()).circuit is Circuit.CLOSED


@pytest.mark.parametrize("status", [400, 404, 429])
async def test_what_raken_says_on_purpose_never_opens_the_breaker(caller: Caller, status: int) -> None:
    caller.server.always = answer(status)
    for _ in range(10):
        await caller.fails()
        caller.hands.move(3600)
    assert (await caller.raken.status()).circuit is Circuit.CLOSED
    assert len(caller.server.requests) == 10


async def test_a_request_in_vain_is_counted_before_it_is_sent_and_none_passes_the_quota(server: Loopback) -> None:
    async with calling(server, quota=4) as caller:
        server.script = [answer(500), answer(500), answer(304, ""), answer()]
        await caller.fails()
        await caller.ask(etag='"e"')
        await caller.ask()
        message = "QuotaExhausted: the day's 4 requests to Raken are spent; the next are at midnight UTC"
        assert await caller.fails() == message
        assert (
            len(server.requests),
            (await caller.raken.status()).requests_today,
            (await caller.raken.status()).daily_quota,
        ) == (4, 4, 4)
        caller.hands.move(12 * 3600)
        await caller.ask()
        assert (await caller.raken.status()).requests_today == 1


async def test_at_once_too_the_quota_is_never_passed(server: Loopback) -> None:
    async with calling(server, quota=10) as caller:
        results = await asyncio.gather(*(caller.ask() for _ in range(30)), return_exceptions=True)
        assert [type(result) for result in results].count(QuotaExhausted) == 20
        assert len(server.requests) == 10


async def test_as_the_quota_runs_down_what_is_ahead_of_need_stops_first(server: Loopback) -> None:
    async with calling(server, quota=8) as caller:
        for _ in range(6):
            await caller.ask(Lane.AHEAD)
        assert isinstance(caller.raken.failing(Lane.AHEAD), QuotaExhausted)
        assert "the last 2 are kept" in await caller.fails(Lane.AHEAD)
        await caller.ask(Lane.ASKED)
        await caller.ask(Lane.PEOPLE)


async def test_requests_leave_spaced_and_few_at_once(server: Loopback) -> None:
    async with calling(server, abreast=2) as caller:
        out = most = 0

        async def slow(request: web.Request) -> web.Response:
            nonlocal out, most
            out += 1
            most = max(most, out)
            await asyncio.sleep(0.01)
            out -= 1
            return web.Response(text=EMPTY)

        server.always = slow
        await asyncio.gather(*(caller.ask() for _ in range(10)))
        assert most <= 2
        assert caller.hands.seconds == pytest.approx(1000 + 9 * 0.2)


async def test_in_real_time_too_the_server_sees_them_spaced(server: Loopback) -> None:
    caller = Caller(server)
    raken = HttpRaken(
        server.url,
        caller.keeper,  # type: ignore[arg-type]
        Real(),
        Manners(OwnPace(Real(), 50)),
    )
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(raken.page("/x", {}, Lane.PEOPLE, len) for _ in range(10)))
    await raken.close()
    await caller.raken.close()
    # None is seen before its place; a busy machine may see it late.
    assert all(at >= began + n / 50 - 0.001 for n, at in enumerate(server.at))
    assert len(server.at) == 10


class Real:
    """The loop's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


async def test_the_status_says_how_raken_stands(caller: Caller) -> None:
    before = await caller.raken.status()
    assert (before.reachable, before.last_error, before.requests_today, before.throttled_today) == (False, None, 0, 0)
    await caller.ask()
    after = await caller.raken.status()
    assert (after.reachable, after.connected, after.circuit, after.requests_today) == (True, True, Circuit.CLOSED, 1)
    assert after.token_expires_at == datetime(2026, 3, 2, 22, tzinfo=UTC)
    caller.server.always = answer(500)
    await caller.fails()
    assert ((await caller.raken.status()).reachable, (await caller.raken.status()).last_error) == (
        False,
        "Raken answered /members with 500",
    )


async def test_ping_spends_no_request_and_says_what_is_known(caller: Caller) -> None:
    await caller.raken.ping()
    assert caller.server.requests == []
    caller.server.always = answer(502)
    await caller.fails()
    with pytest.raises(RakenUnavailable, match="Raken answered /members with 502"):
        await caller.raken.ping()
    caller.server.always = answer()
    await caller.ask()
    await caller.raken.ping()
    caller.server.always = answer(429, Retry_After="60")
    await caller.fails()
    with pytest.raises(RakenThrottled):
        await caller.raken.ping()


async def test_no_error_shows_a_token_or_the_query(caller: Caller) -> None:
    for fault in [hang, reset, reset_halfway, answer(500), answer(400), answer(401), answer(403), answer(302), HTML]:
        caller.hands.move(3600)
        caller.server.always = fault
        caller.parse = garbled
        caller.raken._timeout = 0.5 if fault is hang else 10.0
        message = await caller.fails()
        assert "t1" not in message
        assert "ACTIVE" not in message


async def test_who_gives_up_leaves_nothing_behind(caller: Caller) -> None:
    caller.server.always = hang
    asking = [asyncio.create_task(caller.ask()) for _ in range(20)]
    while len(caller.server.requests) < 8:  # noqa: ASYNC110 - another's thread of control
        await asyncio.sleep(0)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    caller.server.always = answer()
    with within(5):
        await caller.ask()


async def test_time_spent_waiting_for_a_turn_is_no_time_out(server: Loopback) -> None:
    async with calling(server, timeout=1.0, abreast=1) as caller:

        async def slow(request: web.Request) -> web.Response:
            await asyncio.sleep(0.15)
            return web.Response(text=EMPTY)

        server.always = slow
        await asyncio.gather(*(caller.ask() for _ in range(10)))
        assert len(server.requests) == 10

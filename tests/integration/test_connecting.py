"""Connecting Raken by the page: the whole way by hand, and what nobody gets stored by it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import asyncpg
import pytest
from structlog.testing import capture_logs

from app.accounts import COOKIE as SESSION
from app.accounts import hashed
from app.clock import SystemClock
from app.connect import COOKIE
from loaders.accounts import Accounts, Role
from loaders.postgres import Postgres
from sandbox.running import Address
from tests.integration.browser import FORM, Browser, asked, browser, consented, cookie
from tests.integration.conftest import Line
from tests.integration.door import HOST, Answer, Door, opened, signed, token

START = "/auth/raken/connect"
PASSWORD = "the password of ann's"
NEWEST = "SELECT * FROM audit_log ORDER BY id DESC LIMIT 1"


async def connected(door: Door) -> bool:
    """What upstreamStatus says."""
    answer = await door.ask("{ upstreamStatus { connected } }")
    return bool(answer.data["upstreamStatus"]["connected"])


async def counted(door: Door) -> Answer:
    """A query that needs Raken."""
    return await door.ask("{ projects { totalCount } }")


async def row(dsn: str, statement: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchrow(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def unconnected(sandbox: Address, dsn: str, **variables: str) -> AsyncIterator[Door]:
    """The door of a gateway without a chain of tokens."""
    sandbox.reset()
    variables.setdefault("RAKEN_REFRESH_TOKEN", "")
    async with opened(sandbox, dsn, first=True, **variables) as door:
        yield door


@pytest.fixture
async def dsn(home: str) -> str:
    """The tests' database, in which no chain stands."""
    await row(home, "UPDATE raken_tokens SET pair = NULL, seeds = '{}', intended_at = NULL, dead_reason = NULL")
    return home


@pytest.fixture
async def door(sandbox: Address, dsn: str) -> AsyncIterator[Door]:
    """Yields the door of a gateway that is not connected."""
    async with unconnected(sandbox, dsn) as door:
        yield door


@pytest.fixture
def ann(door: Door) -> Browser:
    """An administrator's browser."""
    return browser(door)


@pytest.mark.parametrize("echoed", [True, False])
async def test_an_administrator_connects_raken_whether_or_not_raken_echoes_the_state(
    door: Door, ann: Browser, sandbox: Address, dsn: str, *, echoed: bool
) -> None:
    sandbox.switch(state_echoed=echoed)
    assert not await connected(door)
    back = consented(sandbox, await ann.get(START))
    assert ("state=" in back) == echoed
    done = await ann.get(back)
    assert (done.status, done.media_type) == (200, "text/html")
    assert b"Raken is connected" in done.body
    assert await connected(door)
    assert (await counted(door)).data["projects"]["totalCount"] > 0
    written = await row(dsn, f"SELECT actor, action, subject, before, after FROM ({NEWEST}) a")
    assert tuple(written) == ("ann", "connect_raken", "raken", None, None)


async def test_the_other_processes_hear_of_it(
    door: Door, ann: Browser, sandbox: Address, dsn: str, until: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    async with unconnected(sandbox, dsn) as other:
        assert (await counted(other)).codes == {"projects": "UPSTREAM_UNAVAILABLE"}
        await ann.get(consented(sandbox, await ann.get(START)))
        await until(lambda: other.gateway.keeper.connected)
    assert sandbox.requests("/oauth/token") == 1


async def test_a_state_that_comes_back_in_the_query_alone_does_too(ann: Browser, sandbox: Address) -> None:
    back = urlsplit(consented(sandbox, await ann.get(START)))
    done = await ann.get(f"/auth/raken/callback?{back.query}")
    assert (done.status, sandbox.requests("/oauth/token")) == (200, 1)


async def test_a_token_in_the_header_signs_an_administrator_in_too(door: Door, sandbox: Address) -> None:
    nobody, bearer = browser(door, None), signed("ADMIN")["authorization"]
    back = consented(sandbox, await nobody.get(START, authorization=bearer))
    assert (await nobody.get(back, authorization=bearer)).status == 200
    assert await connected(door)


async def test_raken_is_asked_for_a_code_with_a_state_that_only_this_browser_knows(
    ann: Browser, sandbox: Address
) -> None:
    first, second = await ann.get(START), await ann.get(START)
    assert first.headers["location"].startswith(f"{sandbox.environment['RAKEN_AUTHORIZE_URL']}?")
    question = asked(first)
    state = question.pop("state")
    assert question == {
        "response_type": "code",
        "client_id": "sandbox",
        "redirect_uri": f"http://{HOST}/auth/raken/callback/{state}",
    }
    assert len(state) >= 43
    assert asked(second)["state"] != state
    kept = cookie(first, COOKIE)
    assert (kept.value, kept["path"], kept["max-age"]) == (state, "/auth/raken", "600")
    assert (kept["httponly"], kept["samesite"].lower(), kept["secure"], kept["domain"]) == (True, "lax", "", "")


async def test_where_people_come_by_https_raken_leads_back_there_and_the_cookie_goes_by_nothing_else(
    sandbox: Address, dsn: str
) -> None:
    async with unconnected(sandbox, dsn, PUBLIC_URL="https://raken.asr.example/") as door:
        ann = browser(door)
        sent_off = await ann.get(START)
        assert asked(sent_off)["redirect_uri"].startswith("https://raken.asr.example/auth/raken/callback/")
        assert cookie(sent_off, COOKIE)["secure"] is True
        back = consented(sandbox, sent_off).removeprefix("https://raken.asr.example")
        assert (await ann.get(back)).status == 200


async def test_no_page_of_it_is_kept_framed_or_tells_where_one_came_from(ann: Browser, sandbox: Address) -> None:
    sent_off = await ann.get(START)
    back = consented(sandbox, sent_off)
    for answer in (sent_off, await ann.get(f"{START}?confirm"), await ann.get(back), await ann.get(back)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "script" not in answer.headers["content-security-policy"]


async def test_a_stranger_is_sent_to_sign_in_and_asked_after_it(door: Door, dsn: str, sandbox: Address) -> None:
    async with Postgres(dsn, SystemClock()) as postgres:
        await Accounts(postgres).add("ann@asr.example", Role.ADMIN, password_hash=hashed(PASSWORD))
    somebody = browser(door, None)
    sign_in = await somebody.get(START)
    assert (sign_in.status, COOKIE in somebody.cookies) == (303, False)
    assert sign_in.headers["location"] == "/login?next=/auth/raken/connect%3Fconfirm"
    form = urlencode({"email": "ann@asr.example", "password": PASSWORD, "next": f"{START}?confirm"})
    entered = await somebody.call("POST", "/login", form.encode(), **FORM)
    question = await somebody.get(entered.headers["location"])
    assert (question.status, f'href="{START}"'.encode() in question.body) == (200, True)
    back = consented(sandbox, await somebody.get(START))
    assert (await somebody.get(back)).status == 200


async def test_a_code_that_a_stranger_brings_is_not_spent(door: Door, ann: Browser, sandbox: Address) -> None:
    back = consented(sandbox, await ann.get(START))
    del ann.cookies[SESSION]
    answer = await ann.get(back)
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=/auth/raken/connect%3Fconfirm")
    assert (await connected(door), sandbox.requests("/oauth/token")) == (False, 0)


@pytest.mark.parametrize("role", ["VIEWER", "MANAGER", "PAYROLL"])
async def test_another_role_connects_nothing(door: Door, ann: Browser, sandbox: Address, role: str) -> None:
    other = browser(door, role)
    assert (await other.get(START)).status == 403
    assert COOKIE not in other.cookies
    back = consented(sandbox, await ann.get(START))
    other.cookies[COOKIE] = ann.cookies[COOKIE]
    answer = await other.get(back)
    assert (answer.status, b"Only an administrator" in answer.body) == (403, True)
    assert (await connected(door), sandbox.requests("/oauth/token")) == (False, 0)


FORGED = {
    "another in the path": ("callback/", "callback/x"),
    "another in the query": ("state=", "state=x"),
    "another besides": ("?", "?state=x&"),
    "an odd one": ("state=", "state=%C3%A9%00"),
    "none": (None, "/auth/raken/callback"),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_code_with_a_forged_state_is_not_spent(door: Door, ann: Browser, sandbox: Address, name: str) -> None:
    back = consented(sandbox, await ann.get(START))
    genuine, forged = FORGED[name]
    code = parse_qs(urlsplit(back).query)["code"][0]
    answer = await ann.get(back.replace(genuine, forged) if genuine else f"{forged}?code={code}")
    assert (answer.status, b"does not lead back from" in answer.body) == (400, True)
    assert (await connected(door), sandbox.requests("/oauth/token")) == (False, 0)


async def test_a_code_that_somebody_else_was_given_is_not_spent(door: Door, ann: Browser, sandbox: Address) -> None:
    lure = consented(sandbox, await browser(door).get(START))
    assert (await ann.get(lure)).status == 400
    await ann.get(START)
    assert (await ann.get(lure)).status == 400
    assert (await connected(door), sandbox.requests("/oauth/token")) == (False, 0)


async def test_a_state_of_somebody_elses_is_not_taken_even_where_their_cookie_was_planted(
    door: Door, ann: Browser, sandbox: Address
) -> None:
    eve = Browser(door, {SESSION: (token("ADMIN", "eve"), "/")})
    lure = consented(sandbox, await eve.get(START))
    ann.cookies[COOKIE] = eve.cookies[COOKIE]
    assert (await ann.get(lure)).status == 400
    ann.cookies[COOKIE] = ("made-up", "/auth/raken")
    assert (await ann.get("/auth/raken/callback/made-up?code=c")).status == 400
    assert (await connected(door), sandbox.requests("/oauth/token")) == (False, 0)


async def test_a_state_is_good_once(door: Door, ann: Browser, sandbox: Address) -> None:
    sent_off = await ann.get(START)
    first, second = consented(sandbox, sent_off), consented(sandbox, sent_off)
    assert (await ann.get(first)).status == 200
    assert COOKIE not in ann.cookies
    for back in (first, second):
        assert (await ann.get(back)).status == 400
    assert (await connected(door), sandbox.requests("/oauth/token")) == (True, 1)


async def test_a_code_that_is_dead_leaves_the_chain_that_stands(door: Door, ann: Browser, sandbox: Address) -> None:
    back, kept = consented(sandbox, await ann.get(START)), ann.cookies[COOKIE]
    assert (await ann.get(back)).status == 200
    ann.cookies[COOKIE] = kept
    again = await ann.get(back)
    assert (again.status, b"Raken does not take the code" in again.body) == (400, True)
    assert f'href="{START}"'.encode() in again.body
    assert COOKIE not in ann.cookies
    assert await connected(door)


REFUSALS = [
    ("error=access_denied", b"access was denied"),
    ("error=server_error", b"Raken says server_error."),
    ("error=%3Cscript%3E&error_description=%3Cscript%3E", b"Raken says that something is wrong."),
    ("error=access_denied&code=c", b"access was denied"),
    ("", b"without a code"),
    ("code=", b"without a code"),
]


@pytest.mark.parametrize(("answered", "words"), REFUSALS)
async def test_what_raken_refuses_is_said_and_can_be_tried_again(
    door: Door, ann: Browser, sandbox: Address, answered: str, words: bytes
) -> None:
    state = asked(await ann.get(START))["state"]
    answer = await ann.get(f"/auth/raken/callback/{state}?{answered}")
    assert (answer.status, words in answer.body, b"<script" in answer.body) == (400, True, False)
    assert (await connected(door), sandbox.requests("/oauth/token"), COOKIE in ann.cookies) == (False, 0, False)
    assert (await ann.get(consented(sandbox, await ann.get(START)))).status == 200


async def test_a_person_who_denies_connects_nothing(door: Door, ann: Browser, sandbox: Address) -> None:
    answer = await ann.get(consented(sandbox, await ann.get(START), "deny"))
    assert (answer.status, b"access was denied" in answer.body) == (400, True)
    assert not await connected(door)


async def test_a_token_endpoint_that_is_away_is_said(door: Door, ann: Browser, sandbox: Address) -> None:
    sandbox.fault("status", "/oauth/token", status=503)
    answer = await ann.get(consented(sandbox, await ann.get(START)))
    assert (answer.status, b"got 503" in answer.body) == (502, True)
    assert not await connected(door)


async def test_with_postgres_away_no_code_is_spent(sandbox: Address, line: Line) -> None:
    async with unconnected(sandbox, line.dsn) as door:
        ann = browser(door)
        back = consented(sandbox, await ann.get(START))
        await line.cut()
        answer = await ann.get(back)
        assert (answer.status, b"Postgres is away" in answer.body) == (503, True)
        assert sandbox.requests("/oauth/token") == 0
        await line.mend()


async def test_another_sites_page_cannot_send_an_administrator_off_unasked(ann: Browser) -> None:
    for site in ("cross-site", "same-site"):
        question = await ann.get(START, sec_fetch_site=site)
        assert (question.status, f'href="{START}"'.encode() in question.body) == (200, True)
        assert COOKIE not in ann.cookies
    for site in ("none", "same-origin"):
        assert (await ann.get(START, sec_fetch_site=site)).status == 303


async def test_without_an_oauth_app_the_page_says_what_to_set(sandbox: Address, dsn: str) -> None:
    async with unconnected(sandbox, dsn, RAKEN_CLIENT_ID="", RAKEN_CLIENT_SECRET="") as door:
        for target in (START, "/auth/raken/callback/x?code=c"):
            answer = await browser(door).get(target)
            assert answer.status == 503
            assert all(name in answer.body for name in (b"RAKEN_CLIENT_ID", b"RAKEN_CLIENT_SECRET"))


async def test_tokens_that_no_key_decrypts_are_said_and_cured(sandbox: Address, dsn: str) -> None:
    async with unconnected(sandbox, dsn, TOKEN_KEYS="lost") as door:
        ann = browser(door)
        await ann.get(consented(sandbox, await ann.get(START)))
    async with unconnected(sandbox, dsn, TOKEN_KEYS="another") as door:
        [error] = (await counted(door)).errors
        assert "none of TOKEN_KEYS decrypts" in error["message"]
        assert not await connected(door)
        ann = browser(door)
        assert b"none of TOKEN_KEYS decrypts" in (await ann.get(f"{START}?confirm")).body
        assert (await ann.get(consented(sandbox, await ann.get(START)))).status == 200
        assert await connected(door)


async def test_the_page_says_whether_raken_gives_data_and_asks_for_none(
    door: Door, ann: Browser, sandbox: Address
) -> None:
    told = [await ann.get(consented(sandbox, await ann.get(START)))]
    assert sandbox.requests() == 0
    sandbox.fault("forbidden")
    await counted(door)
    told.append(await ann.get(f"{START}?confirm"))
    sandbox.lift()
    await door.ask("{ teamMembers { totalCount } }")
    before = sandbox.requests()
    told.append(await ann.get(consented(sandbox, await ann.get(START))))
    for answer, words in zip(
        told, (b"has not been asked", b"refused this app its data", b"gave this app"), strict=True
    ):
        assert words in answer.body
    assert sandbox.requests() == before


async def test_no_code_state_or_token_is_in_a_page_or_the_log(ann: Browser, sandbox: Address, dsn: str) -> None:
    with capture_logs() as lines:
        backs = [consented(sandbox, await ann.get(START))]
        await ann.get(backs[0])
        await ann.get(backs[0])
        backs.append(consented(sandbox, await ann.get(START)))
        sandbox.fault("reset", "/oauth/token")
        await ann.get(backs[1])
    assert [line["event"] for line in lines] == ["raken_connected", "raken_not_connected", "raken_not_connected"]
    secrets = [value for back in backs for [value] in parse_qs(urlsplit(back).query).values()]
    told = str(lines) + "".join(page.body.decode() for page in ann.pages)
    stored = str(await row(dsn, f"SELECT t, a FROM raken_tokens t, ({NEWEST}) a"))
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in told + stored]

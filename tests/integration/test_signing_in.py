"""Signing in by the page: the cookie, where one is sent on to, and which sites' pages it works for."""

import asyncio
from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from app.accounts import COOKIE, hashed
from app.clock import SystemClock
from app.site import local
from loaders.accounts import Accounts, Role
from loaders.attempts import FREE
from loaders.postgres import Postgres
from sandbox.running import Address
from tests.database_clock import fake_clock, stop_clock
from tests.integration.conftest import Line
from tests.integration.door import HOST, Answer, Door, opened, token

PASSWORD = "the password of ann's"
HASH = hashed(PASSWORD)
ME = {"query": "{ me { email } }"}


@pytest.fixture(scope="module")
def home(home: str) -> str:
    """The module's database, whose time stands still: however long passwords take, nobody has waited."""
    asyncio.run(fake_clock(home))
    asyncio.run(stop_clock(home))
    return home


@pytest.fixture
async def ann(home: str) -> str:
    """The email of an account that may sign in."""
    return await added(home)


async def added(home: str, *, active: bool = True) -> str:
    async with Postgres(home, SystemClock()) as postgres:
        account = await Accounts(postgres).add(f"{uuid4().hex}@asr.example", Role.MANAGER, password_hash=HASH)
        async with postgres.asking() as connection:
            await connection.execute("UPDATE accounts SET active = $1 WHERE email = $2", active, account.email)
    return account.email


async def submitted(door: Door, email: str, password: str = PASSWORD, next_: str = "", **headers: str) -> Answer:
    body = urlencode({"email": email, "password": password, "next": next_}).encode()
    return await door.call(
        "POST", "/login", body, {"content-type": "application/x-www-form-urlencoded; charset=utf-8", **headers}
    )


def cookie(answer: Answer) -> Morsel[str]:
    return SimpleCookie(answer.headers["set-cookie"])[COOKIE]


async def test_who_signs_in_gets_a_session_that_lets_in(door: Door, ann: str) -> None:
    answer = await submitted(door, f" {ann.upper()} ")
    assert (answer.status, answer.headers["location"]) == (303, "/graphql")
    session = cookie(answer)
    assert (session["httponly"], session["samesite"].lower(), session["path"]) == (True, "lax", "/")
    assert (session["secure"], session["domain"], session["max-age"]) == ("", "", "43200")
    headers = {"cookie": f"{COOKIE}={session.value}"}
    assert (await door.post(ME, headers)).data == {"me": {"email": ann}}
    page = await door.call("GET", "/graphql", headers={**headers, "accept": "text/html,*/*;q=0.8"})
    assert (page.status, page.media_type) == (200, "text/html")


@pytest.fixture
async def secure(sandbox: Address, home: str) -> AsyncIterator[Door]:
    async with opened(sandbox, home, PUBLIC_URL="https://raken.asr.example/") as door:
        yield door


async def test_where_people_come_by_https_the_cookie_goes_by_nothing_else(secure: Door, ann: str) -> None:
    assert cookie(await submitted(secure, ann))["secure"] is True
    left = await secure.call("POST", "/logout")
    assert cookie(left)["secure"] is True


async def test_signing_out_takes_the_session_from_the_browser(door: Door) -> None:
    answer = await door.call("POST", "/logout")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    gone = cookie(answer)
    assert (gone.value, gone["max-age"], gone["httponly"], gone["path"]) == ("", "0", True, "/")
    assert (await door.call("GET", "/logout")).status == 405


async def test_a_sign_in_that_fails_does_not_say_why(door: Door, home: str, ann: str) -> None:
    gone = await added(home, active=False)
    tries = [(ann, "wrong"), (gone, PASSWORD), (f"{'x' * 32}@asr.example", PASSWORD)]
    told = [await submitted(door, email, password) for email, password in tries]
    assert {answer.status for answer in told} == {401}
    assert not any("set-cookie" in answer.headers for answer in told)
    pages = {answer.body.replace(email.encode(), b"EMAIL") for answer, (email, _) in zip(told, tries, strict=True)}
    assert len(pages) == 1
    assert b"That email and password do not go together." in pages.pop()


async def test_a_page_shows_what_was_typed_as_text_alone(door: Door) -> None:
    answer = await submitted(door, '"><script>alert(1)</script>{{next}}', next_='/"><b>')
    assert b"<script>alert" not in answer.body
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;{{next}}" in answer.body
    assert b"<b>" not in answer.body
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


OURS = ["/graphql", "/graphql?query={me{id}}", "/", "/x//y", "/?a=//b"]
THEIRS = [
    "//evil.example",
    "///evil.example",
    "https://evil.example",
    "http:evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "evil.example",
    "@evil.example",
    "",
]


@pytest.mark.parametrize("target", OURS)
def test_next_is_a_path_of_this_site(target: str) -> None:
    assert local(target) == target


@pytest.mark.parametrize("target", THEIRS)
async def test_next_never_leads_to_another_site(door: Door, ann: str, target: str) -> None:
    answer = await submitted(door, ann, next_=target)
    assert (answer.status, answer.headers["location"]) == (303, "/graphql")
    shown = await door.call("GET", f"/login?{urlencode({'next': target})}")
    assert b'name="next" value="/graphql"' in shown.body


async def test_next_cannot_add_a_header(door: Door, ann: str) -> None:
    answer = await submitted(door, ann, next_="/a\x0bb\x00c\u2028d\u00e4")
    assert answer.headers["location"] == "/a%0Bb%00c%E2%80%A8d%C3%A4"


async def test_a_browser_that_is_not_signed_in_is_sent_to_the_sign_in_page_and_back(door: Door) -> None:
    for headers in ({}, {"cookie": f"{COOKIE}=nonsense"}, {"authorization": "Bearer nonsense"}):
        answer = await door.call("GET", "/graphql?query=%7Bme%7D&a=b", headers={"accept": "text/html", **headers})
        assert answer.status == 303
        assert answer.headers["location"] == "/login?next=/graphql%3Fquery%3D%257Bme%257D%26a%3Db"


FOREIGN = ["https://evil.example", "null", "", f"http://{HOST}.evil.example", f"http://evil.example#{HOST}", HOST]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_another_sites_page_gets_nothing_with_the_cookie(door: Door, ann: str, origin: str) -> None:
    headers = {"cookie": f"{COOKIE}={token(sub=ann)}", "origin": origin}
    for answer in (await door.post(ME, headers), await door.get(ME["query"], headers)):
        assert answer.status == 401
        assert "data" not in answer.json
        assert "access-control-allow-origin" not in answer.headers
    assert (await submitted(door, ann, origin=origin)).status == 403
    assert (await door.call("POST", "/logout", headers=headers)).status == 403


async def test_a_token_that_is_shown_lets_in_from_any_page(door: Door, ann: str) -> None:
    headers = {"authorization": f"Bearer {token(sub=ann)}", "origin": "https://evil.example"}
    assert (await door.post(ME, headers)).data == {"me": {"email": ann}}


@pytest.mark.parametrize("origin", [f"https://{HOST}", "https://raken.asr.example"])
async def test_the_gateways_own_pages_may_use_the_cookie_behind_a_proxy_too(
    secure: Door, ann: str, origin: str
) -> None:
    assert (await submitted(secure, ann, origin=origin)).status == 303
    headers = {"cookie": f"{COOKIE}={token(sub=ann)}", "origin": origin}
    assert (await secure.post(ME, headers)).data == {"me": {"email": ann}}


async def test_a_requests_line_in_the_log_has_the_accounts_id(door: Door, ann: str) -> None:
    query = {"query": "{ me { id } }"}
    with capture_logs() as lines:
        answer = await door.post(query, {"authorization": f"Bearer {token(sub=ann)}"})
        await door.call("GET", "/api/equipment/", headers={"authorization": f"Bearer {token(sub=ann)}"})
    told = {line["event"]: line["account"] for line in lines if "account" in line}
    assert told == {"graphql": answer.data["me"]["id"], "rest": answer.data["me"]["id"]}
    assert ann not in str(lines)


async def test_an_origin_that_is_named_may_use_the_cookie_and_reads_the_answer(
    sandbox: Address, home: str, ann: str
) -> None:
    named = "https://dashboard.asr.example"
    async with opened(sandbox, home, CORS_ORIGINS=f" {named} , http://localhost:3000") as door:
        answer = await door.post(ME, {"cookie": f"{COOKIE}={token(sub=ann)}", "origin": named})
        assert answer.data == {"me": {"email": ann}}
        assert answer.headers["access-control-allow-origin"] == named
        assert answer.headers["access-control-allow-credentials"] == "true"
        asked = {
            "origin": named,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
        }
        assert (await door.call("OPTIONS", "/graphql", headers=asked)).status == 200
        other = await door.call("OPTIONS", "/graphql", headers={**asked, "origin": "https://evil.example"})
        assert (other.status, other.headers.get("access-control-allow-origin")) == (400, None)


async def test_where_every_origin_may_ask_none_may_use_the_cookie(sandbox: Address, home: str, ann: str) -> None:
    async with opened(sandbox, home, CORS_ORIGINS="*") as door:
        headers = {"cookie": f"{COOKIE}={token(sub=ann)}", "origin": "https://evil.example"}
        answer = await door.post(ME, headers)
        assert answer.status == 401
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_form_that_is_none_is_refused_as_what_it_is(door: Door) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await door.call("POST", "/login", b"{}", {"content-type": "application/json"})).status == 415
    assert (await door.call("POST", "/login", b"email=" + b"x" * 20_000, form)).status == 413
    assert (await door.call("POST", "/login", b"\xff\x00&&==&email", form)).status == 401


async def test_nobody_signs_in_while_postgres_is_away(sandbox: Address, line: Line) -> None:
    async with opened(sandbox, line.dsn) as door:
        await line.cut()
        answer = await submitted(door, "ann@asr.example")
    assert answer.status == 503
    assert b"Nobody can sign in right now. Postgres is away" in answer.body


async def test_the_log_tells_of_sign_ins_without_email_and_password(door: Door, ann: str) -> None:
    with capture_logs() as lines:
        await submitted(door, ann)
        await submitted(door, ann, "wrong-password")
    assert [line["event"] for line in lines] == ["signed_in", "sign_in_refused"]
    told = str(lines)
    assert not any(secret in told for secret in (ann, PASSWORD, "wrong-password"))


async def tried(door: Door, email: str, password: str, client: str) -> Answer:
    body = urlencode({"email": email, "password": password}).encode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    return await door.call("POST", "/login", body, form, client=client)


async def test_who_guesses_is_slowed_down_and_the_right_password_lets_in_from_elsewhere(door: Door, ann: str) -> None:
    guesses = [await tried(door, ann, f"guess {number}", "192.0.2.1") for number in range(FREE)]
    assert {answer.status for answer in guesses} == {401}
    with capture_logs() as lines:
        held = [await tried(door, written, PASSWORD, "192.0.2.1") for written in (ann, ann.upper())]
    assert {answer.status for answer in held} == {429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in held)
    assert not any("set-cookie" in answer.headers for answer in held)
    assert [(line["event"], line["address"]) for line in lines] == [("sign_in_limited", "192.0.2.1")] * 2
    assert ann not in str(lines)
    login = f'mutation {{ login(email: "{ann}", password: "{PASSWORD}") {{ token }} }}'
    by_graph = await door.post({"query": login}, client="192.0.2.1")
    assert by_graph.codes == {"login": "RATE_LIMITED"}
    assert (await tried(door, ann, PASSWORD, "192.0.2.2")).status == 303


async def test_each_sign_in_begins_a_session_of_its_own(door: Door, ann: str) -> None:
    first = cookie(await submitted(door, ann)).value
    second = cookie(await submitted(door, ann, cookie=f"{COOKIE}=chosen-by-somebody-else")).value
    assert first != "chosen-by-somebody-else" != second
    assert first != second


async def test_a_postgres_that_is_away_is_nobodys_failure(sandbox: Address, line: Line) -> None:
    async with opened(sandbox, line.dsn) as door:
        await line.cut()
        for _ in range(FREE + 1):
            assert (await submitted(door, "ann@asr.example")).status == 503


async def test_one_who_guesses_at_many_processes_is_slowed_down_by_all(
    sandbox: Address, home: str, door: Door, ann: str
) -> None:
    async with opened(sandbox, home, first=False) as another:
        doors = [door, another] * (FREE // 2)
        guesses = [await tried(one, ann, "a guess", "192.0.2.1") for one in doors]
        assert {answer.status for answer in guesses} == {401}
        assert [(await tried(one, ann, PASSWORD, "192.0.2.1")).status for one in (door, another)] == [429, 429]


async def test_a_process_lets_go_of_what_is_forgotten_of_sign_ins(door: Door, home: str, ann: str) -> None:
    await tried(door, ann, "a guess", "192.0.2.1")
    async with Postgres(home, SystemClock()) as postgres, postgres.asking() as connection:
        await connection.execute("UPDATE sign_ins SET last_at = last_at - interval '2 hours'")
        await door.gateway.ahead._tidy()
        assert await connection.fetchval("SELECT count(*) FROM sign_ins") == 0

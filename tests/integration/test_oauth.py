"""The token endpoint over HTTP: what is sent, what comes back, and what may have been spent."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from aiohttp import web

from loaders.errors import RakenNotConnected, RakenUnavailable
from loaders.oauth import OAuth
from loaders.tokens import SpentInVain, Tokens
from tests.hands import Hands
from tests.integration.loopback import Handler, Loopback, answer, hang, loopback, reset, reset_halfway

PAIR = '{"access_token": "a2", "refresh_token": "r2", "token_type": "bearer", "expires_in": 36000}'


@pytest.fixture
async def server() -> AsyncIterator[Loopback]:
    """Yields a server that gives a pair until it is told otherwise."""
    async with loopback() as script:
        script.always = answer(text=PAIR)
        yield script


def app(url: str) -> OAuth:
    return OAuth(f"{url}/oauth/token", "app", "app-secret", Hands(), 0.2)


async def test_a_refresh_token_is_spent_for_a_new_pair(server: Loopback) -> None:
    tokens = await app(server.url).renew("r1")
    assert tokens == Tokens("a2", "r2", Hands().now() + timedelta(hours=10))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/oauth/token")
    assert request.content_type == "application/x-www-form-urlencoded"
    assert server.forms == [
        {"grant_type": "refresh_token", "refresh_token": "r1", "client_id": "app", "client_secret": "app-secret"}
    ]


async def test_a_code_is_spent_for_the_first_pair(server: Loopback) -> None:
    assert (await app(server.url).exchange("code-1", "https://gateway.example/connect")).refresh_token == "r2"
    assert server.forms == [
        {
            "grant_type": "authorization_code",
            "code": "code-1",
            "redirect_uri": "https://gateway.example/connect",
            "client_id": "app",
            "client_secret": "app-secret",
        }
    ]


async def test_a_pair_that_says_no_time_is_taken_to_live_an_hour(server: Loopback) -> None:
    server.always = answer(text='{"access_token": "a2", "refresh_token": "r2"}')
    assert (await app(server.url).renew("r1")).expires_at == Hands().now() + timedelta(hours=1)


async def test_a_dead_refresh_token_says_who_can_help(server: Loopback) -> None:
    server.always = answer(400, '{"error": "invalid_grant", "error_description": "r1 is dead"}')
    message = r"Raken takes the refresh token no more \(invalid_grant\); an administrator connects anew"
    with pytest.raises(RakenNotConnected, match=message):
        await app(server.url).renew("r1")


@pytest.mark.parametrize("word", ["invalid_client", "unauthorized_client"])
async def test_an_app_that_raken_does_not_know_says_what_to_look_at(server: Loopback, word: str) -> None:
    server.always = answer(401, f'{{"error": "{word}"}}')
    with pytest.raises(RakenUnavailable, match="see RAKEN_CLIENT_ID and RAKEN_CLIENT_SECRET") as unknown:
        await app(server.url).renew("r1")
    assert not isinstance(unknown.value, SpentInVain)


@pytest.mark.parametrize("status", [302, 400, 403, 404, 429, 500, 503])
async def test_an_answer_without_a_pair_has_spent_nothing(server: Loopback, status: int) -> None:
    server.always = answer(status, "<html>", Location="/elsewhere")
    with pytest.raises(RakenUnavailable, match=f"expected 200 of Raken's token endpoint, got {status}") as unspent:
        await app(server.url).renew("r1")
    assert not isinstance(unspent.value, SpentInVain)
    assert len(server.requests) == 1


async def test_a_refused_connection_has_spent_nothing(unused_tcp_port_factory: Callable[[], int]) -> None:
    with pytest.raises(RakenUnavailable, match="Raken's token endpoint cannot be reached") as unspent:
        await app(f"http://127.0.0.1:{unused_tcp_port_factory()}").renew("r1")
    assert not isinstance(unspent.value, SpentInVain)


IN_VAIN: list[tuple[Handler, str]] = [
    (hang, r"did not answer within 0\.2 s"),
    (reset, "broke off: ServerDisconnectedError|broke off: ClientOSError"),
    (reset_halfway, "broke off: ClientPayloadError"),
    (answer(502), "expected 200 of Raken's token endpoint, got 502"),
    (answer(504), "expected 200 of Raken's token endpoint, got 504"),
    (answer(text="<html>"), "expected a token pair from Raken's token endpoint, got something else"),
    (answer(text="{}"), "expected a token pair from Raken's token endpoint, got something else"),
    (answer(text=PAIR[:40]), "expected a token pair from Raken's token endpoint, got something else"),
    (answer(text=" " * 70_000 + PAIR), "expected a token pair from Raken's token endpoint, got something else"),
]


@pytest.mark.parametrize(("fault", "message"), IN_VAIN, ids=[message for _, message in IN_VAIN])
async def test_a_call_without_a_usable_answer_may_have_spent_the_token(
    server: Loopback, fault: Handler, message: str
) -> None:
    server.always = fault
    with pytest.raises(SpentInVain, match=message):
        await app(server.url).renew("r1")
    assert len(server.requests) == 1


async def test_no_error_shows_a_token_or_the_secret(server: Loopback) -> None:
    async def telltale(request: web.Request) -> web.Response:
        return web.Response(status=400, text='{"error": "invalid_grant", "error_description": "token-1 app-secret"}')

    server.always = telltale
    with pytest.raises(RakenNotConnected) as dead:
        await app(server.url).renew("token-1")
    assert "token-1" not in str(dead.value)
    assert "secret" not in str(dead.value)

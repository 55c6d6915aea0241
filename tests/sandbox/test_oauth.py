"""OAuth as Raken does it, and the tokens that die."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.running import Address, running
from tests.sandbox.conftest import SMALL
from tests.sandbox.reader import Reader

CALLBACK = "http://127.0.0.1:9/callback?from=raken"


@pytest.fixture
def strict() -> Iterator[Reader]:
    """A reader of a sandbox that lets in one client, with one refresh token."""
    options = replace(SMALL, client_id="id", client_secret="secret", refresh_token="first", expires_in=60)
    with running(options) as address:
        yield Reader(address)


def test_data_needs_a_good_token(reader: Reader) -> None:
    assert reader.get("/userInfo").status == 200
    assert reader.ask("GET", "/api/userInfo").status == 401
    reader.token = "made-up"
    assert reader.get("/userInfo").status == 401


def test_a_refresh_token_is_rotated(reader: Reader) -> None:
    reply = reader.refresh("never seen")
    assert reply.status == 200
    assert set(reply.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert reply.json["expires_in"] == 36000
    assert reply.json["refresh_token"] != "never seen"
    reader.token = reply.json["access_token"]
    assert reader.get("/userInfo").status == 200


def test_a_rotated_refresh_token_dies_at_once(reader: Reader) -> None:
    second = reader.refresh("first").json["refresh_token"]
    reply = reader.refresh("first")
    assert reply.status == 400
    assert reply.json["error"] == "invalid_grant"
    assert reply.json["error_description"]
    assert reader.refresh(second).status == 200
    assert reader.refresh(second).status == 400


def test_a_rotated_refresh_token_can_be_let_live(reader: Reader) -> None:
    reader.address.switch(rotated_refresh="lives")
    assert [reader.refresh("first").status for _ in range(3)] == [200, 200, 200]


def test_a_rotated_refresh_token_can_revoke_its_whole_chain(reader: Reader) -> None:
    reader.address.switch(rotated_refresh="revokes")
    granted = reader.refresh("first").json
    assert reader.refresh("first").status == 400
    assert reader.refresh(granted["refresh_token"]).status == 400
    reader.token = granted["access_token"]
    assert reader.get("/userInfo").status == 401
    assert reader.refresh("another chain").status == 200


def test_a_strict_sandbox_knows_one_refresh_token_and_what_follows_from_it(strict: Reader) -> None:
    def refresh(token: str, secret: str = "secret") -> int:
        form = {"client_id": "id", "client_secret": secret, "refresh_token": token}
        return strict.post("/oauth/token", grant_type="refresh_token", **form).status

    assert refresh("another") == 400
    assert refresh("first", secret="wrong") == 401
    assert refresh("first") == 200
    assert refresh("first") == 400


def test_an_access_token_expires(strict: Reader) -> None:
    assert strict.get("/userInfo").status == 200
    strict.address.clock(advance=61)
    assert strict.get("/userInfo").status == 401
    strict.address.switch(expired_token_status=403)
    assert strict.get("/userInfo").status == 403


def test_a_refresh_token_lives_180_days_from_its_last_renewal(reader: Reader) -> None:
    second = reader.refresh("first").json["refresh_token"]
    reader.address.clock(advance=179 * 86400)
    third = reader.refresh(second).json["refresh_token"]
    reader.address.clock(advance=181 * 86400)
    assert reader.refresh(third).status == 400


def test_tokens_can_be_ended_from_outside(reader: Reader) -> None:
    granted = reader.refresh("first").json
    reader.token = granted["access_token"]
    reader.address.expire_tokens()
    assert reader.get("/userInfo").status == 401
    again = reader.refresh(granted["refresh_token"]).json["refresh_token"]
    reader.address.expire_tokens(refresh=True)
    assert reader.refresh(again).status == 400


def test_consent_leads_back_with_a_code_and_the_state(reader: Reader) -> None:
    page = reader.ask(
        "GET", "/oauth/authorize?response_type=code&client_id=gw&redirect_uri=http%3A%2F%2Fx%2F&state=a%22b"
    )
    assert page.status == 200
    assert b'value="a&quot;b"' in page.body
    reply = reader.post("/oauth/authorize", redirect_uri=CALLBACK, state='a"b', consent="allow")
    back = urlsplit(str(reply.headers["Location"]))
    answer = parse_qs(back.query)
    assert reply.status == 303
    assert (back.netloc, back.path) == ("127.0.0.1:9", "/callback")
    assert answer["state"] == ['a"b']
    assert answer["from"] == ["raken"]
    assert exchange(reader, answer["code"][0]) == 200
    assert exchange(reader, answer["code"][0]) == 400


def test_the_state_can_be_kept_back(reader: Reader) -> None:
    reader.address.switch(state_echoed=False)
    assert "state" not in consent(reader)


def test_a_code_lives_a_minute(reader: Reader) -> None:
    early, late = consent(reader)["code"][0], consent(reader)["code"][0]
    reader.address.clock(stopped=True)
    reader.address.clock(advance=58)
    assert exchange(reader, early) == 200
    reader.address.clock(advance=2)
    assert exchange(reader, late) == 400


def test_denied_consent_leads_back_with_access_denied(reader: Reader) -> None:
    reply = reader.post("/oauth/authorize", redirect_uri=CALLBACK, state="s", consent="deny")
    assert parse_qs(urlsplit(str(reply.headers["Location"])).query)["error"] == ["access_denied"]


def test_wrong_token_requests_are_refused_by_their_oauth_names(reader: Reader) -> None:
    wrong = {
        "unsupported_grant_type": reader.post("/oauth/token", grant_type="password", client_id="a", client_secret="b"),
        "invalid_client": reader.post("/oauth/token", grant_type="refresh_token", refresh_token="x"),
        "invalid_request": reader.ask("POST", "/oauth/token", "{}", {"Content-Type": "application/json"}),
        "invalid_grant": reader.refresh(""),
    }
    assert {name: reply.json["error"] for name, reply in wrong.items()} == {name: name for name in wrong}


def test_an_address_knows_the_variables_of_a_gateway(address: Address) -> None:
    assert address.environment == {
        "RAKEN_BASE_URL": f"{address.url}/api",
        "RAKEN_TOKEN_URL": f"{address.url}/oauth/token",
        "RAKEN_AUTHORIZE_URL": f"{address.url}/oauth/authorize",
        "RAKEN_CLIENT_ID": "sandbox",
        "RAKEN_CLIENT_SECRET": "sandbox",
        "RAKEN_REFRESH_TOKEN": "sandbox",
    }


def consent(reader: Reader) -> dict[str, list[str]]:
    reply = reader.post("/oauth/authorize", redirect_uri=CALLBACK, state="s", consent="allow")
    return parse_qs(urlsplit(str(reply.headers["Location"])).query)


def exchange(reader: Reader, code: str) -> int:
    form = {"client_id": "a", "client_secret": "b", "redirect_uri": CALLBACK}
    return reader.post("/oauth/token", grant_type="authorization_code", code=code, **form).status

"""What no foreign page can do, and what every response tells a browser not to do with it."""

from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import pytest

from app.accounts import COOKIE
from sandbox.running import Address
from tests.integration.door import HOST, JSON, Door, opened, signed, token

NAMED = "https://dashboard.asr.example"
FOREIGN = "https://evil.example"
SESSION = {"cookie": f"{COOKIE}={token()}"}
REFRESH = "mutation { refresh(entities: []) { ok } }"
CHANGES = 'mutation { updateProjectExtension(input: { projectId: "00000000-0000-4000-8000-000000000000" }) { id } }'


@pytest.fixture
async def public(sandbox: Address, home: str) -> AsyncIterator[Door]:
    """Yields the door of a gateway that people come to by https, and that names a dashboard's origin."""
    async with opened(sandbox, home, PUBLIC_URL="https://raken.asr.example", CORS_ORIGINS=NAMED) as door:
        yield door


PATHS = ["/", "/graphql?query={__typename}", "/login", "/logout", "/healthz", "/readyz", "/metrics", "/nothing"]


async def test_every_response_has_its_protections(door: Door, public: Door) -> None:
    for path, one, https in [(path, *which) for path in PATHS for which in ((door, False), (public, True))]:
        headers = (await one.call("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-request-id"]
        assert headers.get("strict-transport-security") == ("max-age=31536000" if https else None)
        assert "server" not in headers
        rules = policy(headers["content-security-policy"])
        assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == ["'none'"]
        assert len(headers.getlist("content-security-policy")) == 1


async def test_no_page_and_none_of_its_files_may_run_inline_script(door: Door) -> None:
    page = await door.call("GET", "/graphql", headers={**signed(), "accept": "text/html"})
    script = page.body.decode().partition('src="')[2].partition('"')[0]
    for answer in (page, await door.call("HEAD", script), await door.call("GET", "/login")):
        assert answer.status == 200
        rules = policy(answer.headers["content-security-policy"])
        assert rules.get("script-src", ["'self'"]) == ["'self'"]
        assert rules["frame-ancestors"] == ["'none'"]
        assert b"<script>" not in answer.body
    assert "style-src 'self' 'unsafe-inline'" in page.headers["content-security-policy"]


def policy(text: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (rule.split() for rule in text.split(";"))}


async def test_an_error_that_nobody_foresaw_has_its_protections_and_is_told_to_the_page_that_asked(
    public: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public.gateway.endpoint, "respond", None)
    answer = await public.post({"query": "{ __typename }"}, {**signed(), "origin": NAMED})
    assert answer.status == 500
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["access-control-allow-origin"] == NAMED


FORMS = {
    "application/x-www-form-urlencoded": urlencode({"query": REFRESH}).encode(),
    "multipart/form-data; boundary=x": (
        b'--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{"query": "mutation { x }"}\r\n--x--\r\n'
    ),
    "text/plain": b'{"query": "mutation { refresh(entities: []) { ok } }"}',
    "text/plain; application/json": b'{"query": "mutation { refresh(entities: []) { ok } }"}',
    "": b'{"query": "mutation { refresh(entities: []) { ok } }"}',
}


async def test_what_a_form_can_send_is_never_run(door: Door) -> None:
    ways = (signed(), SESSION, {**SESSION, "origin": f"http://{HOST}"})
    for headers, type_ in [(headers, type_) for headers in ways for type_ in FORMS]:
        answer = await door.call("POST", "/graphql", FORMS[type_], {**headers, "content-type": type_})
        assert answer.status == 415
        assert "data" not in answer.json
        aside = await door.call(
            "POST", f"/graphql?{urlencode({'query': REFRESH})}", FORMS[type_], {**headers, "content-type": type_}
        )
        assert aside.status == 415


async def test_no_link_and_no_image_causes_a_mutation(door: Door) -> None:
    for headers, mutation in [(headers, one) for headers in (signed(), SESSION) for one in (REFRESH, CHANGES)]:
        answer = await door.get(mutation, headers)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert "data" not in answer.json


async def test_another_sites_page_that_sends_no_origin_gets_nothing_with_the_cookie(door: Door) -> None:
    modes = ("no-cors", "cors", "websocket")
    for site, mode in [(site, mode) for site in ("cross-site", "same-site") for mode in modes]:
        fetched = {**SESSION, "sec-fetch-site": site, "sec-fetch-mode": mode}
        answer = await door.get("{ me { id } }", fetched)
        assert (answer.status, set(answer.json)) == (401, {"errors"})
        answer = await door.post({"query": "{ me { id } }"}, fetched)
        assert answer.status == 401
        assert set(answer.json) == {"errors"}


async def test_another_sites_page_signs_nobody_in_or_out_by_a_form_without_an_origin(door: Door) -> None:
    for site, path in [(site, path) for site in ("cross-site", "same-site") for path in ("/login", "/logout")]:
        form = {"content-type": "application/x-www-form-urlencoded", **SESSION}
        fetched = {**form, "sec-fetch-site": site, "sec-fetch-mode": "navigate"}
        assert (await door.call("POST", path, b"email=a&password=b", fetched)).status == 403


async def test_where_people_come_by_https_a_page_that_did_not_is_another_site(public: Door, door: Door) -> None:
    body = {"query": "{ me { id } }"}
    assert (await public.post(body, {**SESSION, "origin": f"http://{HOST}"})).status == 401
    assert (await public.post(body, {**SESSION, "origin": f"https://{HOST}"})).status == 200
    # Who has not said so may stand behind a proxy that speaks https.
    for scheme in ("http", "https"):
        assert (await door.post(body, {**SESSION, "origin": f"{scheme}://{HOST}"})).status == 200


async def test_our_own_pages_and_links_of_others_to_us_work_with_the_cookie(door: Door) -> None:
    for site, mode in (("same-origin", "cors"), ("none", "navigate"), ("cross-site", "navigate")):
        headers = {**SESSION, "sec-fetch-site": site, "sec-fetch-mode": mode, "accept": "text/html"}
        assert (await door.call("GET", "/graphql", headers=headers)).status == 200


async def test_a_named_origin_is_allowed_as_itself_and_every_answer_varies_by_who_asks(public: Door) -> None:
    body = {"query": "{ me { id } }"}
    named = await public.post(body, {**SESSION, "origin": NAMED})
    assert named.data == {"me": {"id": "somebody"}}
    assert named.headers["access-control-allow-origin"] == NAMED
    assert named.headers["access-control-allow-credentials"] == "true"
    # A page of another origin reads how old a collection is there, and nowhere else.
    assert "age" in varies(named.headers.getlist("access-control-expose-headers"))
    for origin in (
        FOREIGN,
        "null",
        NAMED.upper(),
        f"{NAMED}.evil.example",
        f"{NAMED}:444",
        "http://dashboard.asr.example",
    ):
        other = await public.post(body, {**signed(), "origin": origin})
        assert "access-control-allow-origin" not in other.headers
        assert varies(other.headers.getlist("vary")).count("origin") == 1
    for answer in (named, await public.post(body, signed()), await public.call("GET", "/healthz")):
        assert varies(answer.headers.getlist("vary")).count("origin") == 1


def varies(lines: list[str]) -> list[str]:
    return [name.strip().lower() for line in lines for name in line.split(",")]


async def test_a_preflight_says_what_a_named_origin_may_send_and_nothing_to_others(public: Door) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    named = await public.call("OPTIONS", "/graphql", headers={**asked, "origin": NAMED})
    assert named.status == 200
    assert named.headers["access-control-allow-origin"] == NAMED
    assert named.headers["access-control-allow-credentials"] == "true"
    assert varies([named.headers["access-control-allow-methods"]]) == ["get", "post"]
    assert {"authorization", "content-type"} <= set(varies([named.headers["access-control-allow-headers"]]))
    assert "origin" in varies(named.headers.getlist("vary"))
    for headers in (
        {**asked, "origin": FOREIGN},
        {**asked, "origin": NAMED, "access-control-request-method": "DELETE"},
        {**asked, "origin": NAMED, "access-control-request-headers": "x-anything"},
    ):
        assert (await public.call("OPTIONS", "/graphql", headers=headers)).status == 400
    other = await public.call("OPTIONS", "/graphql", headers={**asked, "origin": FOREIGN})
    assert "access-control-allow-origin" not in other.headers


async def test_without_named_origins_no_foreign_page_reads_anything(door: Door) -> None:
    answer = await door.post({"query": "{ me { id } }"}, {**signed(), "origin": FOREIGN})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    asked = {"origin": FOREIGN, "access-control-request-method": "POST"}
    assert (await door.call("OPTIONS", "/graphql", headers=asked)).status == 405


async def test_a_stranger_gets_no_ide(door: Door) -> None:
    for accept in ("text/html", "text/html,application/xhtml+xml,*/*;q=0.8"):
        for path in ("/graphql", f"/graphql?query={quote('{__typename}')}"):
            answer = await door.call("GET", path, headers={"accept": accept})
            assert (answer.status, answer.body) == (303, b"")
            assert answer.headers["location"].startswith("/login?next=")
    for path in ("/graphiql", "/playground", "/altair", "/console", "/graphql/console", "/pages/graphiql.html"):
        assert (await door.call("GET", path, headers={"accept": "text/html"})).status == 404


async def test_an_array_of_operations_is_refused(door: Door) -> None:
    for headers in ({}, signed()):
        answer = await door.post([{"query": "{ __typename }"}] * 10, headers)
        assert answer.status == 400
        assert answer.media_type in (JSON, "application/graphql-response+json")

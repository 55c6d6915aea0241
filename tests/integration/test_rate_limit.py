"""The rate limit at the door: whose operations count as whose, and what those past it are told."""

from app.rate import MINUTE
from sandbox.running import Address
from tests.integration.door import JSON, RESPONSE, Answer, Door, opened, signed, token

FREE = {"query": "{ __typename }"}


def limited(answer: Answer) -> bool:
    """Whether an answer is the limit's; then it says all that it has to."""
    if answer.status != 429:
        return False
    assert [error["extensions"] for error in answer.errors] == [{"code": "RATE_LIMITED", "retryable": True}]
    assert set(answer.json) == {"errors"}
    assert 1 <= int(answer.headers["retry-after"]) <= MINUTE + 1
    assert answer.headers["cache-control"] == "no-store"
    return True


async def test_operations_past_the_limit_are_429_and_each_subject_has_its_own(sandbox: Address, home: str) -> None:
    async with opened(sandbox, home, RATE_LIMIT_PER_MINUTE="3") as door:
        for sub in ("ann", "bob"):
            answers = [await door.ask("{ me { id } }", sub=sub) for _ in range(5)]
            assert [limited(answer) for answer in answers] == [False] * 3 + [True] * 2
        strangers = [await door.post(FREE) for _ in range(4)]
        assert [limited(answer) for answer in strangers] == [False] * 3 + [True]
        assert (await door.post(FREE, client="192.0.2.1")).status == 200
        page = (await door.call("GET", "/metrics")).body.decode()
        assert 'request_seconds_count{status="429"} 5.0' in page


async def test_one_persons_tokens_are_one_subject_wherever_they_come_from(sandbox: Address, home: str) -> None:
    async with opened(sandbox, home, RATE_LIMIT_PER_MINUTE="2") as door:
        ways = [
            ({"authorization": f"Bearer {token(sub='Ann@asr.example', jti='1')}"}, "192.0.2.1"),
            ({"cookie": f"raken_gateway_session={token(sub=' ann@ASR.example', jti='2')}"}, "192.0.2.2"),
            ({"authorization": f"bearer {token('VIEWER', 'ANN@asr.example')}"}, "192.0.2.3"),
        ]
        answers = [await door.post(FREE, headers, client=client) for headers, client in ways]
        assert [limited(answer) for answer in answers] == [False, False, True]


async def test_bad_tokens_count_as_their_address(sandbox: Address, home: str) -> None:
    async with opened(sandbox, home, RATE_LIMIT_PER_MINUTE="2") as door:
        tries = [{"authorization": f"Bearer {token(sub=sub, secret='x' * 32)}"} for sub in ("a", "b", "c")]
        answers = [await door.post({"query": "{ me { id } }"}, headers) for headers in tries]
        assert [answer.status for answer in answers] == [401, 401, 429]


async def test_what_is_past_the_limit_is_not_read(sandbox: Address, home: str) -> None:
    async with opened(sandbox, home, RATE_LIMIT_PER_MINUTE="1") as door:
        await door.post(FREE)
        for accept in (JSON, RESPONSE, "text/csv", "*/*"):
            for body in (b"{", b"x" * 2_000_000, b'{"query": "{"}'):
                answer = await door.post(body, {"accept": accept})
                assert limited(answer)
                assert answer.media_type == (accept if accept in (JSON, RESPONSE) else JSON)
            assert limited(await door.get("{", {"accept": accept}))


async def test_pages_health_and_metrics_are_no_operations(sandbox: Address, home: str) -> None:
    async with opened(sandbox, home, RATE_LIMIT_PER_MINUTE="1") as door:
        await door.ask("{ me { id } }")
        for path in ("/graphql", "/login", "/healthz", "/metrics", "/graphql"):
            answer = await door.call("GET", path, headers={**signed(), "accept": "text/html"})
            assert answer.status == 200, path
        assert limited(await door.ask("{ me { id } }"))


async def test_without_a_limit_there_is_none(door: Door) -> None:
    answers = [await door.post(FREE) for _ in range(100)]
    assert {answer.status for answer in answers} == {200}


async def test_a_page_of_a_named_origin_may_read_that_it_is_past_the_limit(sandbox: Address, home: str) -> None:
    named = "https://dashboard.asr.example"
    async with opened(sandbox, home, RATE_LIMIT_PER_MINUTE="1", CORS_ORIGINS=named) as door:
        asked = {"origin": named, "access-control-request-method": "POST"}
        for _ in range(3):
            assert (await door.call("OPTIONS", "/graphql", headers=asked)).status == 200
        headers = {**signed(), "origin": named}
        await door.post(FREE, headers)
        answer = await door.post(FREE, headers)
        assert limited(answer)
        assert answer.headers["access-control-allow-origin"] == named
        assert "retry-after" in answer.headers["access-control-expose-headers"].lower()


async def test_rest_counts_along_and_tells_of_it_in_its_own_form(sandbox: Address, home: str) -> None:
    async with opened(sandbox, home, RATE_LIMIT_PER_MINUTE="2") as door:
        assert (await door.ask("{ me { id } }")).status == 200
        assert (await door.call("GET", "/api/raken/projects", headers=signed())).status == 308
        assert (await door.call("GET", "/api/projects/", headers=signed())).status == 200
        for path in ("/api/projects/", "/api/projects/1", "/api/nothing"):
            for accept in ("text/html", "application/json"):
                answer = await door.call("GET", path, headers={**signed(), "accept": accept})
                assert (answer.status, answer.json["error"]["code"]) == (429, "RATE_LIMITED")
                assert int(answer.headers["retry-after"]) >= 1
        assert limited(await door.ask("{ me { id } }"))

"""`Cache-Status` at the door: it says that Raken was asked exactly where the sandbox was."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from sandbox.running import Address
from tests.integration.conftest import Line
from tests.integration.door import Answer, signed
from tests.integration.lab import Lab, lab

PROJECTS = "{ projects(first: 1) { totalCount } }"
BOTH = "{ projects(first: 1) { totalCount } teamMembers(first: 1) { totalCount } }"
REFRESH = "mutation { refresh(entities: [PROJECTS]) { entity } }"
TTLS = {"TTL_PROJECTS": "300", "TTL_MEMBERS": "200"}


@pytest.fixture
async def gateway(sandbox: Address, line: Line) -> AsyncIterator[Lab]:
    """Yields a gateway that has read nothing."""
    async with lab(sandbox, line.dsn, **TTLS) as gateway:
        yield gateway


def told(answer: Answer) -> str:
    """What the field says after the cache's name."""
    name, _, rest = answer.headers["cache-status"].partition("; ")
    assert name == "raken-gateway"
    return rest


async def test_the_first_reader_went_to_raken_and_the_second_did_not(gateway: Lab) -> None:
    first = told(await gateway.ask(PROJECTS))
    assert first == f'fwd=miss; ttl=299; detail="requests={gateway.requests()}"'
    assert told(await gateway.ask(PROJECTS)) == "hit; ttl=299"
    assert gateway.requests() == 0


async def test_of_many_slices_the_one_that_ends_first_gives_the_ttl(gateway: Lab) -> None:
    await gateway.ask(PROJECTS)
    gateway.clock.ahead += 60
    requests = gateway.requests()
    assert told(await gateway.ask(BOTH)) == f'fwd=partial; ttl=199; detail="requests={gateway.requests()}"'
    assert requests > 0
    gateway.clock.ahead += 150
    assert told(await gateway.ask(BOTH)) == "hit; ttl=49"


async def test_of_readers_at_once_one_asks_and_the_others_are_collapsed(gateway: Lab) -> None:
    gateway.sandbox.fault("latency", "/projects", seconds=1)
    answers = await asyncio.gather(*(gateway.ask(PROJECTS) for _ in range(4)))
    sent = [int(match[1]) for answer in answers if (match := re.search(r"requests=(\d+)", told(answer)))]
    assert sum(sent) == gateway.requests() > 0
    assert sorted("collapsed" in told(answer) for answer in answers) == [False, True, True, True]
    assert all(told(answer).startswith("fwd=miss; ttl=299") for answer in answers)


async def test_of_stale_readers_one_has_it_read_anew_and_the_ttl_is_below_nothing(gateway: Lab) -> None:
    await gateway.ask(PROJECTS)
    gateway.clock.ahead += 310
    gateway.requests()
    gateway.sandbox.fault("latency", "/projects", seconds=1)
    answers = [told(answer) for answer in await asyncio.gather(*(gateway.ask(PROJECTS) for _ in range(3)))]
    await gateway.landed()
    assert gateway.requests() == 1
    assert sum(answer.startswith("fwd=stale; ttl=-1") for answer in answers) == 1
    assert sum(answer.startswith("hit; ttl=-1") for answer in answers) == 2


async def test_with_raken_away_what_is_kept_is_a_hit_and_what_is_not_was_not_asked_for(gateway: Lab) -> None:
    await gateway.ask(PROJECTS)
    gateway.clock.ahead += 700
    gateway.sandbox.fault("status", status=503)
    first = told(await gateway.ask(BOTH))
    assert first.startswith("fwd=")
    gateway.requests()
    assert told(await gateway.ask(PROJECTS)).startswith("hit; ttl=-4")
    assert told(await gateway.ask("{ teamMembers { totalCount } }")) == 'detail="requests=0"'
    assert gateway.requests() == 0


async def test_a_refresh_that_a_person_asked_for_is_a_request(gateway: Lab) -> None:
    await gateway.ask(PROJECTS)
    gateway.requests()
    assert told(await gateway.ask(REFRESH)) == f'fwd=request; detail="requests={gateway.requests()}"'


async def test_an_answer_that_has_not_changed_says_it_too(gateway: Lab) -> None:
    first = await gateway.door.get(PROJECTS, signed())
    again = await gateway.door.get(PROJECTS, signed() | {"if-none-match": first.headers["etag"]})
    assert (again.status, told(again)) == (304, "hit; ttl=299")


async def test_what_touched_no_slice_has_no_such_field(gateway: Lab) -> None:
    for query in ("{ me { id } }", "{ nothing }", "{ cacheStatus { hits } }"):
        assert "cache-status" not in (await gateway.ask(query)).headers


async def test_pages_of_other_origins_may_read_it(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home, CORS_ORIGINS="https://dashboard.example") as gateway:
        answer = await gateway.door.post({"query": PROJECTS}, signed() | {"origin": "https://dashboard.example"})
    assert "cache-status" in answer.headers["access-control-expose-headers"].lower()

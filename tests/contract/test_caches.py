"""What holds for every cache of the shared tier, on a real server each: aiocache's interface, over bytes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from loaders.migrate import migrate
from loaders.postgres import Postgres
from loaders.postgres_cache import PostgresCache
from loaders.redis_cache import redis_cache
from tests.hands import Hands
from tests.valkey import Valkey

BODY = bytes(range(256))
SOON, LATER = 0.05, 60.0


@pytest.fixture(scope="module")
def home(postgres_url: str) -> str:
    """The DSN of a migrated database that these tests share: the server's first one, which no others use."""
    asyncio.run(migrate(postgres_url))
    return postgres_url


@pytest.fixture(params=["home", "valkey"])
def server(request: pytest.FixtureRequest) -> Any:
    """Each of the servers there are."""
    return request.getfixturevalue(request.param)


@pytest.fixture
async def cache(server: Any) -> AsyncIterator[Any]:
    """Yields the cache on a server, empty."""
    if isinstance(server, Valkey):
        async with redis_cache(server.url) as cache:
            yield cache
    else:
        async with Postgres(server, Hands()) as postgres:
            yield (cache := PostgresCache(postgres))
            await cache.clear()


async def gone(cache: Any, key: str) -> None:
    """Returns when a key has no value any more; the test's time-out is its patience."""
    while await cache.exists(key):  # noqa: ASYNC110 - the server's clock has no event
        await asyncio.sleep(SOON / 5)


async def test_a_value_that_was_set_is_got_as_it_is(cache: Any) -> None:
    assert await cache.get("a") is None
    assert await cache.get("a", default=b"none") == b"none"
    assert await cache.set("a", BODY)
    assert await cache.get("a") == BODY
    assert await cache.set("a", b"")
    assert await cache.get("a") == b""


async def test_a_large_value_is_got_as_it_is(cache: Any) -> None:
    large = BODY * 8_000
    await cache.set("a", large, ttl=LATER)
    assert await cache.get("a") == large


async def test_several_values_are_got_in_the_order_asked_for_and_what_is_not_there_is_none(cache: Any) -> None:
    assert await cache.multi_set([("a", b"1"), ("b", b"2"), ("a", b"3")], ttl=LATER)
    assert await cache.multi_get(["b", "c", "a", "b"]) == [b"2", None, b"3", b"2"]
    assert await cache.multi_get([]) == []
    assert await cache.multi_set([])


async def test_a_value_ends_with_its_time_to_live_and_is_then_not_there(cache: Any) -> None:
    await cache.set("a", b"1", ttl=SOON)
    await cache.multi_set([("b", b"2")], ttl=SOON)
    await cache.add("c", b"3", ttl=SOON)
    for key in "abc":
        await gone(cache, key)
    assert await cache.multi_get(["a", "b", "c"]) == [None] * 3
    assert [await cache.get("a"), await cache.delete("b"), await cache.expire("c", LATER)] == [None, 0, False]


async def test_a_time_to_live_may_be_whole_seconds_and_none_is_without_end(cache: Any) -> None:
    await cache.set("a", b"1", ttl=60)
    await cache.set("b", b"2", ttl=SOON)
    await cache.set("b", b"2")
    await asyncio.sleep(2 * SOON)
    assert await cache.multi_get(["a", "b"]) == [b"1", b"2"]


async def test_adding_takes_a_key_that_has_no_value_and_no_other(cache: Any) -> None:
    assert await cache.add("a", b"1", ttl=SOON)
    with pytest.raises(ValueError, match="expected a key without a value, got "):
        await cache.add("a", b"2", ttl=LATER)
    assert await cache.get("a") == b"1"
    await gone(cache, "a")
    assert await cache.add("a", b"2", ttl=LATER)
    assert await cache.get("a") == b"2"


async def test_of_many_that_add_at_once_one_has_it(cache: Any) -> None:
    values = [b"%d" % number for number in range(10)]
    done = await asyncio.gather(*(cache.add("a", value, ttl=LATER) for value in values), return_exceptions=True)
    assert [type(one) for one in done if one is not True] == [ValueError] * 9
    assert await cache.get("a") == values[done.index(True)]


async def test_a_value_that_is_there_can_be_given_another_time_to_live_or_none(cache: Any) -> None:
    assert not await cache.expire("a", LATER)
    assert not await cache.expire("a", 0)
    await cache.multi_set([("a", b"1"), ("b", b"2")], ttl=LATER)
    assert await cache.expire("a", SOON)
    await cache.expire("b", SOON)
    assert await cache.expire("b", 0)
    await gone(cache, "a")
    await asyncio.sleep(SOON)
    assert await cache.multi_get(["a", "b"]) == [None, b"2"]


async def test_a_value_that_is_deleted_is_gone(cache: Any) -> None:
    await cache.set("a", b"1", ttl=LATER)
    assert await cache.exists("a")
    assert await cache.delete("a") == 1
    assert not await cache.exists("a")
    assert await cache.delete("a") == 0
    assert await cache.get("a") is None


async def test_clearing_a_namespace_leaves_others_alone_however_alike_they_are(cache: Any) -> None:
    for space in ("a*", "ab", "a", ""):
        await cache.set("key", b"1", namespace=space)
    await cache.clear("a*")
    assert [await cache.exists("key", namespace=space) for space in ("a*", "ab", "a", "")] == [False, True, True, True]
    await cache.clear("a")
    assert [await cache.exists("key", namespace=space) for space in ("ab", "a", "")] == [True, False, True]


async def test_clearing_without_a_namespace_clears_the_caches_own(cache: Any) -> None:
    await cache.multi_set([("a", b"1"), ("b", b"2")])
    assert await cache.clear()
    assert await cache.multi_get(["a", "b"]) == [None, None]


async def test_a_value_is_not_set_on_a_condition(cache: Any) -> None:
    with pytest.raises(NotImplementedError):
        await cache.set("a", b"1", _cas_token=b"0")


async def test_many_at_once_each_have_their_own(cache: Any) -> None:
    await cache.multi_set([(str(number), b"%d" % number) for number in range(100)], ttl=LATER)
    assert await asyncio.gather(*(cache.get(str(number)) for number in range(100))) == [b"%d" % n for n in range(100)]

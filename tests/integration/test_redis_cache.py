"""The client that the faster cache is on: made from an address alone, bounded, and without a second try."""

import asyncio
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from loaders.patience import end
from loaders.redis_cache import CONNECTIONS, NAMESPACE, redis_cache
from tests.valkey import Valkey, valkey_in
from tests.waiting import within


def settings(cache: Any) -> dict[str, Any]:
    """What the cache's connections are made with."""
    given: dict[str, Any] = cache.client.connection_pool.connection_kwargs
    return given


async def test_an_address_names_the_database_and_ours_are_its_keys_under_our_namespace(valkey: Valkey) -> None:
    async with redis_cache(valkey.url.removesuffix("/0") + "/3") as cache:
        await cache.set("a", b"1", ttl=60)
    async with Redis(port=valkey.port, db=3) as client:
        assert await client.keys() == [f"{NAMESPACE}:a".encode()]


async def test_clearing_everything_clears_ours_alone(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as client, redis_cache(valkey.url) as cache:
        await client.set("another's", b"1")
        await client.set(f"{NAMESPACE}2:a", b"1")
        await cache.set("a", b"1")
        await cache.clear()
        assert sorted(await client.keys()) == [b"another's", f"{NAMESPACE}2:a".encode()]


async def test_an_address_may_name_a_socket(valkey: Valkey) -> None:
    async with redis_cache(f"unix://{valkey.socket}?db=2") as cache:
        await cache.set("a", b"1")
        assert await cache.get("a") == b"1"
    async with Redis(port=valkey.port, db=2) as client:
        assert await client.dbsize() == 1


async def test_an_address_may_name_a_user_and_a_password(tmp_path: Path) -> None:
    user, password = "gate:way", "p@ss/word?"
    acl = f"user {user} on >{password} ~{NAMESPACE}:* +@read +@write +@connection"
    (tmp_path / "acl").write_text(acl + "\nuser default off\n")
    with valkey_in(tmp_path, "--aclfile", str(tmp_path / "acl")) as valkey:
        address = valkey.url.replace("://", f"://{quote(user, safe='')}:{quote(password, safe='')}@")
        async with redis_cache(address) as cache:
            await cache.set("a", b"1")
            assert await cache.get("a") == b"1"
        async with redis_cache(valkey.url) as cache:
            with pytest.raises(RedisError):
                await cache.get("a")


async def test_an_address_of_tls_is_taken_at_its_word_and_its_certificate_is_checked(valkey: Valkey) -> None:
    address = valkey.url.replace("redis:", "rediss:")
    async with redis_cache(address) as cache:
        connection = cache.client.connection_pool.make_connection()
        assert connection.ssl_context.cert_reqs is ssl.CERT_REQUIRED
        assert connection.ssl_context.check_hostname


@pytest.mark.parametrize("address", ["", "http://localhost", "localhost:6379"])
async def test_what_is_no_address_of_redis_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="scheme"):
        async with redis_cache(address):
            pass


async def test_an_address_cannot_undo_what_the_cache_stands_on(valkey: Valkey) -> None:
    async with redis_cache(f"{valkey.url}?decode_responses=true&max_connections=500&socket_timeout=60") as cache:
        await cache.set("a", b"\xff")
        assert await cache.get("a") == b"\xff"
        assert cache.client.connection_pool.max_connections == CONNECTIONS
        assert settings(cache)["socket_timeout"] < 10
        assert settings(cache)["socket_connect_timeout"] < 10


async def test_nothing_connects_before_it_is_used(valkey: Valkey) -> None:
    valkey.kill()
    async with redis_cache(valkey.url) as cache:
        with within(0.5), pytest.raises(RedisError):
            await cache.get("a")
        valkey.start()
        assert await cache.get("a") is None


async def test_a_connection_that_was_lost_while_it_was_idle_costs_nothing(valkey: Valkey) -> None:
    async with redis_cache(valkey.url) as cache:
        await asyncio.gather(*(cache.get(str(number)) for number in range(CONNECTIONS)))
        valkey.kill()
        valkey.start()
        await asyncio.sleep(0.01)  # the loop hears of the end
        assert await asyncio.gather(*(cache.get(str(number)) for number in range(CONNECTIONS))) == [None] * CONNECTIONS


async def test_a_reader_that_gives_up_leaves_no_answer_for_the_next_one(valkey: Valkey) -> None:
    async with redis_cache(valkey.url) as cache:
        await cache.multi_set([("a", b"1"), ("b", b"2")])
        valkey.stop()
        readers = [asyncio.create_task(cache.get("a")) for _ in range(3 * CONNECTIONS)]
        await asyncio.wait(readers, timeout=0.05)
        await end(*readers)
        valkey.go()
        assert await asyncio.gather(*(cache.get("b") for _ in range(3 * CONNECTIONS))) == [b"2"] * 3 * CONNECTIONS

"""The faster cache: values in Redis or Valkey, through aiocache's interface, on a client that is made here.

The rule it keeps: nothing is tried twice and nobody waits long; who asks decides what becomes of a failure.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiocache.backends.redis import RedisCache  # type: ignore[import-untyped]
from aiocache.serializers import NullSerializer  # type: ignore[import-untyped]
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from loaders.shared import Refused

NAMESPACE = "raken_gateway"
"What our keys begin with: the database may be others' too."
CONNECTIONS = 8
"Of one process, at most."
_SECONDS = 5.0  # past every reader's patience: the driver's own time-out cannot tell a busy process from Redis
_GLOB = re.compile(r"[\\*?\[\]^-]")


@asynccontextmanager
async def redis_cache(url: str) -> AsyncIterator[RedisCache]:
    """Lends a cache on the server that an address names: redis://, rediss:// (TLS) or unix://; it connects when used.

    Raises:
        ValueError: the address is none.
    """
    pool = BlockingConnectionPool(**{**parse_url(url), **_settings()})
    cache = _Values(pool)
    try:
        yield cache
    finally:
        await cache.close()


def _settings() -> dict[str, Any]:
    return {
        "max_connections": CONNECTIONS,
        "timeout": _SECONDS,
        "socket_timeout": _SECONDS,
        "socket_connect_timeout": _SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": False,
        "protocol": 2,  # what every server and proxy speaks
    }


class _Values(RedisCache):  # type: ignore[misc] # aiocache has no types
    """Bytes under our namespace; where aiocache uses what redis-py calls deprecated, it is said anew."""

    def __init__(self, pool: BlockingConnectionPool) -> None:
        super().__init__(
            serializer=NullSerializer(encoding=None),
            namespace=NAMESPACE,
            timeout=None,
            connection_pool_class=lambda **_: pool,
        )

    async def _get(self, key: str, **_: Any) -> bytes | None:
        # Unlike GET, MGET takes a key of another type for one that has no value.
        return (await self._multi_get([key]))[0]

    async def _multi_get(self, keys: Sequence[str], **_: Any) -> list[bytes | None]:
        return list(await self.client.mget(keys)) if keys else []

    async def _set(self, key: str, value: bytes, ttl: float | None = None, _cas_token: Any = None, **_: Any) -> bool:
        if _cas_token is not None:
            raise NotImplementedError("values are set whatever is there")
        with _refused():
            return bool(await self.client.set(key, value, px=_milliseconds(ttl)))

    async def _multi_set(self, pairs: Iterable[tuple[str, bytes]], ttl: float | None = None, **_: Any) -> bool:
        async with self.client.pipeline(transaction=True) as commands:
            for key, value in pairs:
                commands.set(key, value, px=_milliseconds(ttl))
            with _refused():
                await commands.execute()
        return True

    async def _add(self, key: str, value: bytes, ttl: float | None = None, **_: Any) -> bool:
        with _refused():
            if not await self.client.set(key, value, nx=True, px=_milliseconds(ttl)):
                raise ValueError(f"expected a key without a value, got {key}")
        return True

    async def _expire(self, key: str, ttl: float | None, **_: Any) -> bool:
        if not ttl:
            await self.client.persist(key)
            return bool(await self._exists(key))
        return bool(await self.client.pexpire(key, _milliseconds(ttl)))

    async def _clear(self, namespace: str | None = None, **_: Any) -> bool:
        space = self.build_key("", namespace=namespace)
        async for key in self.client.scan_iter(_GLOB.sub(r"\\\g<0>", space) + "*"):
            await self.client.unlink(key)
        return True

    async def _close(self, *_: Any, **__: Any) -> None:
        await self.client.aclose()


def _milliseconds(ttl: float | None) -> int | None:
    """A time to live as Redis has it; None and 0 are without end."""
    return max(1, round(ttl * 1000)) if ttl else None


@contextmanager
def _refused() -> Iterator[None]:
    """Says of a write that a server answers with an error: full, a replica, not permitted."""
    try:
        yield
    except ResponseError as error:
        raise Refused(f"Redis takes nothing: {error}") from error

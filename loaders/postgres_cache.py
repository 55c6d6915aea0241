"""The cache that lasts: values in Postgres, through aiocache's interface.

The rule it keeps: a value ends by the database's clock, and one that has ended is not there.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
from aiocache.base import BaseCache  # type: ignore[import-untyped]
from aiocache.serializers import NullSerializer  # type: ignore[import-untyped]

from loaders.errors import ExtensionsUnavailable
from loaders.postgres import COORDINATING, Postgres
from loaders.shared import Refused

_REFUSALS = (asyncpg.DiskFullError, asyncpg.ReadOnlySQLTransactionError)
_GET = "SELECT name, body FROM api_cache WHERE name = ANY($1) AND (expires_at IS NULL OR expires_at > now())"
# Whoever writes takes a few away that have ended.
_SET = """
    WITH ended AS (
        SELECT name FROM api_cache WHERE expires_at <= now() AND name <> ALL($1)
        ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM api_cache USING ended WHERE api_cache.name = ended.name
    )
    INSERT INTO api_cache (name, body, expires_at)
    SELECT name, body, now() + nullif($3::float8, 0) * interval '1 second'
    FROM unnest($1::text[], $2::bytea[]) AS given (name, body) ORDER BY name
    ON CONFLICT (name) DO UPDATE SET body = excluded.body, expires_at = excluded.expires_at
"""
_ADD = _SET + "WHERE api_cache.expires_at <= now() RETURNING name"
_EXISTS = "SELECT EXISTS (SELECT FROM api_cache WHERE name = $1 AND (expires_at IS NULL OR expires_at > now()))"
_EXPIRE = """
    UPDATE api_cache SET expires_at = now() + nullif($2::float8, 0) * interval '1 second'
    WHERE name = $1 AND (expires_at IS NULL OR expires_at > now()) RETURNING name
"""
_DELETE = "DELETE FROM api_cache WHERE name = $1 RETURNING expires_at IS NULL OR expires_at > now()"
_CLEAR = "DELETE FROM api_cache WHERE starts_with(name, $1)"


class PostgresCache(BaseCache):  # type: ignore[misc] # aiocache has no types
    """Bytes in the table `api_cache`; a time to live of None or 0 is without end.

    Values are what they are: there is nothing to increment, no raw command, no compare-and-set and no RedLock.

    All of it raises:
        ExtensionsUnavailable: Postgres is away.
    """

    NAME = "postgres"

    def __init__(self, postgres: Postgres, namespace: str | None = None) -> None:
        super().__init__(serializer=NullSerializer(encoding=None), namespace=namespace, timeout=None)
        self._postgres = postgres

    def _build_key(self, key: str, namespace: str | None = None) -> str:
        # As aiocache's Redis has it, so that clearing `a` leaves `ab` alone.
        space = namespace if namespace is not None else self.namespace
        return f"{space}:{key}" if space else key

    async def _get(self, key: str, **_: Any) -> bytes | None:
        return (await self._multi_get([key]))[0]

    async def _multi_get(self, keys: Sequence[str], **_: Any) -> list[bytes | None]:
        # However long a body takes, it is no silence: who asks has a patience of its own.
        async with self._postgres.asking() as connection:
            found = {row["name"]: row["body"] for row in await connection.fetch(_GET, keys)}
        return [found.get(key) for key in keys]

    async def _set(self, key: str, value: bytes, ttl: float | None = None, _cas_token: Any = None, **_: Any) -> bool:
        if _cas_token is not None:
            raise NotImplementedError("values are set whatever is there")
        return await self._multi_set([(key, value)], ttl)

    async def _multi_set(self, pairs: Iterable[tuple[str, bytes]], ttl: float | None = None, **_: Any) -> bool:
        await self._write(_SET, dict(pairs), ttl)
        return True

    async def _add(self, key: str, value: bytes, ttl: float | None = None, **_: Any) -> bool:
        if not await self._write(_ADD, {key: value}, ttl):
            raise ValueError(f"expected a key without a value, got {key}")
        return True

    async def _write(self, statement: str, values: dict[str, bytes], ttl: float | None) -> Any:
        try:
            async with self._postgres.asking() as connection:
                return await connection.fetchval(statement, list(values), list(values.values()), ttl)
        except ExtensionsUnavailable as error:
            if isinstance(error.__cause__, _REFUSALS):
                raise Refused(f"Postgres takes nothing: {error.__cause__}") from error
            raise

    async def _exists(self, key: str, **_: Any) -> bool:
        return bool(await self._one(_EXISTS, key))

    async def _expire(self, key: str, ttl: float | None, **_: Any) -> bool:
        return await self._one(_EXPIRE, key, ttl) is not None

    async def _delete(self, key: str, **_: Any) -> int:
        return int(await self._one(_DELETE, key) or 0)

    async def _clear(self, namespace: str | None = None, **_: Any) -> bool:
        await self._one(_CLEAR, self._build_key("", namespace))
        return True

    async def _one(self, statement: str, *given: Any) -> Any:
        async with self._postgres.asking(patience=COORDINATING) as connection:
            return await connection.fetchval(statement, *given)

"""Whatever becomes of Redis or Postgres, a reader of the shared tier gets the value that is named, or none; at once."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from loaders.postgres import Postgres
from loaders.postgres_cache import PostgresCache
from loaders.redis_cache import CONNECTIONS, NAMESPACE, redis_cache
from loaders.shared import BEHIND, PATIENCE, SOON, SharedTier, name
from tests.hands import Hands
from tests.integration.conftest import Line
from tests.valkey import Valkey, valkey_in
from tests.waiting import within

KEY = "TIME_CARDS/*/2026-03@00000000"
BODY = b"a slice, as it is encoded" * 100
NAME = name(KEY, BODY)
KEEP = 86_400
Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Counted:
    """A cache whose calls are counted, held back while it is not free, and fail of the error that it is given."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self.calls: Counter[str] = Counter()
        self.error: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()

    def __getattr__(self, called: str) -> Any:
        async def call(*given: Any, **more: Any) -> Any:
            self.calls[called] += 1
            await self.free.wait()
            if self.error is not None:
                raise self.error
            return await getattr(self._cache, called)(*given, **more)

        return call


@pytest.fixture
async def postgres(home: str, clock: Hands) -> AsyncIterator[Postgres]:
    """Yields a pool on the database that these tests share, without a value."""
    async with Postgres(home, clock) as postgres:
        await PostgresCache(postgres).clear()
        yield postgres


@pytest.fixture
async def line(home: str) -> AsyncIterator[Line]:
    """Yields a line to the same."""
    line = Line(home)
    await line.open()
    yield line
    await line.cut()


@pytest.fixture
async def image(postgres: Postgres) -> Counted:
    return Counted(PostgresCache(postgres))


@pytest.fixture
async def faster(valkey: Valkey) -> AsyncIterator[Counted]:
    async with redis_cache(valkey.url) as cache:
        yield Counted(cache)


@pytest.fixture
async def tier(image: Counted, faster: Counted, clock: Hands) -> AsyncIterator[SharedTier]:
    """Yields a tier with both caches, which are empty."""
    tier = SharedTier(image, faster, clock, KEEP)
    yield tier
    await tier.close()
    assert not [task for task in asyncio.all_tasks() if "put" in repr(task.get_coro())]


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    """Yields a client beside ours."""
    async with Redis.from_url(valkey.url) as client:
        yield client


BARELY = PATIENCE + 0.5
"Little more than one reader's patience."


async def test_what_was_put_is_got_from_the_faster_cache(tier: SharedTier, image: Counted) -> None:
    assert await tier.get(NAME) is None
    assert await tier.put(NAME, BODY)
    assert await tier.get(NAME) == BODY
    assert tier.reads == {("redis", "miss"): 1, ("postgres", "miss"): 1, ("redis", "hit"): 1}
    assert tier.writes == {("redis", "stored"): 1, ("postgres", "stored"): 1}
    assert image.calls["get"] == 1


async def test_what_only_the_image_has_is_put_back_behind(tier: SharedTier, faster: Counted, until: Until) -> None:
    await tier.put(NAME, BODY)
    await faster.delete(NAME)
    faster.free.clear()
    reading = asyncio.create_task(tier.get(NAME))
    await until(lambda: faster.calls["get"] == 1)
    faster.free.set()
    assert await reading == BODY
    await until(lambda: tier.writes["redis", "stored"] == 2)
    assert await tier.get(NAME) == BODY
    assert tier.reads == {("redis", "miss"): 1, ("postgres", "hit"): 1, ("redis", "hit"): 1}


async def test_a_reader_does_not_wait_for_what_is_put_back(tier: SharedTier, faster: Counted, until: Until) -> None:
    bodies = {name(KEY, body): body for body in (BODY + bytes([number]) for number in range(2 * BEHIND))}
    for named, body in bodies.items():
        await tier.put(named, body)
    await faster.clear()
    faster.calls.clear()
    hung = asyncio.Event()
    faster.set = lambda *_, **__: hung.wait()  # type: ignore[attr-defined]
    assert [await tier.get(named) for named in bodies] == list(bodies.values())
    assert len(tier._behind) == BEHIND
    await tier.close()
    assert not tier._behind
    assert tier.writes["redis", "error"] == 0  # none was waited for


async def test_without_a_faster_cache_there_is_the_image(image: Counted, clock: Hands) -> None:
    tier = SharedTier(image, None, clock, KEEP)
    assert await tier.put(NAME, BODY)
    assert await tier.get(NAME) == BODY
    await tier.drop(NAME)
    assert await tier.get(NAME) is None
    await tier.close()


async def test_what_is_dropped_is_gone_from_both(tier: SharedTier, image: Counted, faster: Counted) -> None:
    await tier.put(NAME, BODY)
    await tier.drop(NAME)
    assert [await image.exists(NAME), await faster.exists(NAME)] == [False, False]
    assert tier.writes["redis", "dropped"] == tier.writes["postgres", "dropped"] == 1


async def test_what_lasts_in_the_image_is_not_made_to_end_by_another_put(
    tier: SharedTier, postgres: Postgres, redis: Redis
) -> None:
    await tier.put(NAME, BODY)
    async with postgres.asking() as connection:
        assert KEEP - 60 < await seconds_left(connection) <= KEEP
        await connection.execute("UPDATE api_cache SET expires_at = NULL")
        assert await tier.put(NAME, BODY)
        assert await seconds_left(connection) is None
    assert SOON - 60 < await redis.ttl(f"{NAMESPACE}:{NAME}") <= SOON


async def seconds_left(connection: Any) -> Any:
    return await connection.fetchval("SELECT extract(epoch FROM expires_at - now()) FROM api_cache")


async def test_what_the_image_holds_is_known_without_reading_it(tier: SharedTier, image: Counted) -> None:
    assert not await tier.holds(NAME)
    await tier.put(NAME, BODY)
    assert await tier.holds(NAME)
    image.error = ConnectionError("out of order")
    assert not await tier.holds(NAME)
    assert not tier.reads


async def test_what_the_image_holds_is_not_sent_to_it_again(tier: SharedTier, image: Counted) -> None:
    assert await tier.put(NAME, BODY)
    assert await tier.put(NAME, BODY)
    assert image.calls["add"] == 1


async def test_of_those_who_put_the_same_at_once_all_are_told_that_it_is_held(tier: SharedTier) -> None:
    assert await asyncio.gather(*(tier.put(NAME, BODY) for _ in range(5))) == [True] * 5


async def test_whoever_writes_takes_away_what_has_ended(tier: SharedTier, postgres: Postgres) -> None:
    await tier.put(NAME, BODY)
    async with postgres.asking() as connection:
        await connection.execute("UPDATE api_cache SET expires_at = now()")
        await tier.put(name(KEY, b"another"), b"another")
        assert await connection.fetchval("SELECT array_agg(name) FROM api_cache") == [name(KEY, b"another")]


async def test_a_body_lies_in_postgres_as_it_is_and_is_not_compressed_again(postgres: Postgres) -> None:
    async with postgres.asking() as connection:
        storage = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'api_cache'::regclass AND attname = 'body'"
        assert await connection.fetchval(storage) == b"e"


@pytest.mark.parametrize("garbage", [b"", b"garbage", BODY[:-1], BODY + b"x"])
async def test_a_value_that_is_not_the_named_one_is_no_value_and_is_healed(
    tier: SharedTier, redis: Redis, garbage: bytes, until: Until
) -> None:
    await tier.put(NAME, BODY)
    await redis.set(f"{NAMESPACE}:{NAME}", garbage)
    assert await tier.get(NAME) == BODY
    assert tier.reads == {("redis", "wrong"): 1, ("postgres", "hit"): 1}
    await until(lambda: tier.writes["redis", "stored"] == 2)
    assert await redis.get(f"{NAMESPACE}:{NAME}") == BODY


async def test_a_key_of_another_type_is_no_value_and_is_healed(tier: SharedTier, redis: Redis, until: Until) -> None:
    await tier.put(NAME, BODY)
    await redis.delete(f"{NAMESPACE}:{NAME}")
    await redis.lpush(f"{NAMESPACE}:{NAME}", b"a list")
    assert await tier.get(NAME) == BODY
    await until(lambda: tier.writes["redis", "stored"] == 2)
    assert await tier.get(NAME) == BODY
    assert tier.reads["redis", "hit"] == 1


async def test_a_body_that_went_bad_in_the_image_is_no_value_and_is_put_anew(
    tier: SharedTier, faster: Counted, postgres: Postgres
) -> None:
    await tier.put(NAME, BODY)
    await faster.delete(NAME)
    async with postgres.asking() as connection:
        await connection.execute("UPDATE api_cache SET body = 'garbage'")
    assert await tier.get(NAME) is None
    assert tier.reads["postgres", "wrong"] == 1
    assert await tier.put(NAME, BODY)
    await faster.delete(NAME)
    assert await tier.get(NAME) == BODY


async def test_a_redis_that_dies_is_a_miss_at_once_said_once_and_used_again_when_it_is_back(
    tier: SharedTier, valkey: Valkey, clock: Hands, faster: Counted
) -> None:
    await tier.put(NAME, BODY)
    valkey.kill()
    with capture_logs() as log:
        with within(BARELY):
            assert await asyncio.gather(*(tier.get(NAME) for _ in range(20))) == [BODY] * 20
            assert await tier.put(NAME, BODY)
        valkey.start()
        assert await tier.get(NAME) == BODY
        assert tier.reads["redis", "hit"] == 0
        assert tier.reads["redis", "error"] == 21
        assert tier.writes["redis", "error"] >= 1
        clock.move(1.1)
        assert await tier.get(NAME) == BODY
        assert await tier.put(NAME, BODY)
        assert await tier.get(NAME) == BODY
    assert tier.reads["redis", "hit"] == 1
    assert [line["event"] for line in log] == ["shared_tier_away", "shared_tier_back"]
    assert log[0]["tier"] == "redis"
    assert "Connection" in log[0]["error"]


async def test_a_redis_that_hangs_costs_one_reader_a_moment_and_the_others_nothing(
    tier: SharedTier, valkey: Valkey, clock: Hands, faster: Counted
) -> None:
    await tier.put(NAME, BODY)
    valkey.stop()
    started = time.monotonic()
    with within(BARELY):
        assert await tier.get(NAME) == BODY
    assert time.monotonic() - started >= PATIENCE
    faster.calls.clear()
    for pause in (1, 2):
        clock.move(pause - 0.1)
        assert await tier.get(NAME) == BODY
        assert not faster.calls
        clock.move(0.2)
        with within(BARELY):
            assert await asyncio.gather(*(tier.get(NAME) for _ in range(20))) == [BODY] * 20
        assert faster.calls == {"get": 1}
        faster.calls.clear()
    valkey.go()
    clock.move(4.1)
    assert await tier.get(NAME) == BODY
    assert tier.reads["redis", "hit"] == 1


async def test_a_cache_that_fails_is_left_alone_for_a_second_then_twice_as_long_up_to_half_a_minute(
    tier: SharedTier, faster: Counted, clock: Hands
) -> None:
    await tier.put(NAME, BODY)
    for _ in range(2):  # the pauses begin anew once it was back
        faster.error = ConnectionError("out of order")
        await tier.get(NAME)
        for pause in (1, 2, 4, 8, 16, 30, 30):
            faster.calls.clear()
            clock.move(pause - 0.1)
            assert await tier.get(NAME) == BODY
            assert not faster.calls
            clock.move(0.2)
            assert await tier.get(NAME) == BODY
            assert faster.calls == {"get": 1}
        faster.error = None
        clock.move(30.1)
        await tier.get(NAME)
    assert tier.reads["redis", "hit"] == 2


async def test_postgres_is_left_alone_for_a_second_at_most_for_it_has_pauses_of_its_own(
    tier: SharedTier, image: Counted, clock: Hands
) -> None:
    image.error = ConnectionError("out of order")
    for _ in range(4):
        image.calls.clear()
        assert await tier.get(NAME) is None
        assert await tier.get(NAME) is None
        assert image.calls == {"get": 1}
        clock.move(1.1)


async def test_many_readers_of_a_redis_that_just_hung_open_few_connections(
    tier: SharedTier, valkey: Valkey, redis: Redis
) -> None:
    await tier.put(NAME, BODY)
    assert await asyncio.gather(*(tier.get(NAME) for _ in range(100))) == [BODY] * 100
    assert len(await redis.client_list()) <= CONNECTIONS + 1
    valkey.stop()
    with within(BARELY + PATIENCE):  # who had not heard is told again
        assert await asyncio.gather(*(tier.get(NAME) for _ in range(100))) == [BODY] * 100
    valkey.go()
    assert (await redis.info("stats"))["total_connections_received"] <= 4 * CONNECTIONS
    while len(await redis.client_list()) > CONNECTIONS + 1:  # noqa: ASYNC110 - Valkey has yet to see that others closed
        await asyncio.sleep(0.01)


async def test_an_answer_that_came_too_late_is_not_taken_for_the_next_ones(
    tier: SharedTier, valkey: Valkey, clock: Hands
) -> None:
    other = name(KEY, b"another")
    await tier.put(NAME, BODY)
    await tier.put(other, b"another")
    valkey.stop()
    assert await tier.get(NAME) == BODY
    valkey.go()
    clock.move(1.1)
    assert await tier.get(other) == b"another"
    assert tier.reads["redis", "hit"] == 1
    assert tier.reads["redis", "wrong"] == 0


async def test_a_redis_that_is_slow_is_a_miss(tier: SharedTier, faster: Counted) -> None:
    await tier.put(NAME, BODY)
    faster.free.clear()
    with within(BARELY):
        assert await tier.get(NAME) == BODY
    assert tier.reads["redis", "error"] == 1


@pytest.mark.parametrize("busy", [[0.6], [0.02] * 60], ids=["once", "again and again"])
async def test_a_process_that_is_busy_itself_does_not_take_redis_for_away(
    tier: SharedTier, redis: Redis, busy: list[float]
) -> None:
    await redis.set(f"{NAMESPACE}:{NAME}", BODY)
    reading = asyncio.create_task(tier.get(NAME))  # it has to connect, which takes many turns of the loop
    for seconds in busy:
        await asyncio.sleep(0)
        time.sleep(seconds)  # noqa: ASYNC251 - it holds the loop, which is the point
    assert await reading == BODY
    assert tier.reads == {("redis", "hit"): 1}


async def test_a_redis_that_is_full_goes_on_being_read_and_says_once_that_it_takes_nothing(
    tier: SharedTier, redis: Redis, postgres: Postgres
) -> None:
    await tier.put(NAME, BODY)
    await redis.config_set("maxmemory", "1")
    with capture_logs() as log:
        for number in range(3):
            body = BODY + bytes([number])
            assert await tier.put(name(KEY, body), body)
            assert await tier.get(name(KEY, body)) == body
        assert await tier.get(NAME) == BODY
        await redis.config_set("maxmemory", "0")
        await tier.put(name(KEY, b"1"), b"1")
    assert tier.reads["redis", "hit"] == 1
    assert tier.reads["redis", "error"] == 0
    assert [line["event"] for line in log] == ["shared_tier_refuses", "shared_tier_takes"]
    assert "maxmemory" in log[0]["error"]


async def test_a_redis_that_wants_a_password_is_a_miss(image: Counted, clock: Hands, tmp_path: Any) -> None:
    with valkey_in(tmp_path, "--requirepass", "secret") as server:
        async with redis_cache(server.url) as cache:
            tier = SharedTier(image, cache, clock, KEEP)
            assert await tier.put(NAME, BODY)
            assert await tier.get(NAME) == BODY
            assert tier.reads["redis", "error"] == 1
        with_password = server.url.replace("://", "://:secret@")
        async with redis_cache(with_password) as cache:
            tier = SharedTier(image, cache, clock, KEEP)
            assert await tier.put(NAME, BODY)
            assert await tier.get(NAME) == BODY
            assert tier.reads == {("redis", "hit"): 1}


async def test_with_postgres_away_redis_serves_and_what_is_put_is_not_said_to_last(
    line: Line, faster: Counted, clock: Hands
) -> None:
    async with Postgres(line.dsn, clock) as postgres:
        tier = SharedTier(PostgresCache(postgres), faster, clock, KEEP)
        assert await tier.put(NAME, BODY)
        await line.cut()
        other = name(KEY, b"another")
        with capture_logs() as log:
            assert not await tier.put(other, b"another")
            assert await tier.get(other) == b"another"
            assert await tier.get(name(KEY, b"a third")) is None
            await line.mend()
            clock.move(1.1)
            assert await tier.put(other, b"another")
        await tier.close()
    assert tier.reads["postgres", "error"] == 1
    assert tier.writes["postgres", "error"] == 1
    events = [line["event"] for line in log if line["event"].startswith("shared")]
    assert events == ["shared_tier_away", "shared_tier_back"]


async def test_with_both_away_there_is_nothing_and_no_error(line: Line, valkey: Valkey, clock: Hands) -> None:
    async with Postgres(line.dsn, clock) as postgres, redis_cache(valkey.url) as redis:
        tier = SharedTier(PostgresCache(postgres), redis, clock, KEEP)
        await tier.put(NAME, BODY)
        await line.cut()
        valkey.kill()
        assert await asyncio.gather(*(tier.get(NAME) for _ in range(20))) == [None] * 20
        assert not await tier.put(NAME, BODY)
        await tier.drop(NAME)
        await tier.close()


async def test_a_silent_postgres_costs_one_reader_its_patience(line: Line, clock: Hands) -> None:
    async with Postgres(line.dsn, clock) as postgres:
        tier = SharedTier(PostgresCache(postgres), None, clock, KEEP)
        await tier.put(NAME, BODY)
        line.hush()
        with within(1.5):
            assert await tier.get(NAME) is None
            assert await tier.get(NAME) is None
        line.talk()
        clock.move(1.1)
        assert await tier.get(NAME) == BODY


async def test_a_postgres_that_may_only_be_read_is_read(tier: SharedTier, home: str, clock: Hands) -> None:
    await tier.put(NAME, BODY)
    async with Postgres(f"{home}&options=-cdefault_transaction_read_only%3Don", clock) as postgres:
        tier = SharedTier(PostgresCache(postgres), None, clock, KEEP)
        with capture_logs() as log:
            assert not await tier.put(name(KEY, b"another"), b"another")
        assert await tier.get(NAME) == BODY
    assert [line["event"] for line in log] == ["shared_tier_refuses"]


async def test_a_drivers_own_value_error_is_no_sign_that_a_value_is_held(tier: SharedTier, image: Counted) -> None:
    def add(*_: object, **__: object) -> None:
        raise ValueError("nothing to do with the key")

    image.add = add  # type: ignore[attr-defined]
    assert not await tier.put(NAME, BODY)
    assert tier.writes["postgres", "error"] == 1


async def test_a_reader_that_gives_up_ends_at_once_and_the_next_one_may_try(
    tier: SharedTier, faster: Counted, clock: Hands, until: Until
) -> None:
    await tier.put(NAME, BODY)
    faster.free.clear()
    assert await tier.get(NAME) == BODY  # it was slow
    clock.move(1.1)
    calls = faster.calls["get"]
    probe = asyncio.create_task(tier.get(NAME))
    await until(lambda: faster.calls["get"] == calls + 1)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    faster.free.set()
    assert await tier.get(NAME) == BODY
    assert tier.reads["redis", "hit"] == 1

"""The ledger of slices in Postgres: whose turn it is, what was published, and that nothing old gets over it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from loaders.errors import ExtensionsUnavailable, QuotaExhausted, RakenRefused, RakenThrottled, RakenUnavailable
from loaders.ledger import Account, Claim, Entry, Ledger, Wish
from loaders.postgres import Postgres
from tests.hands import Hands
from tests.integration.conftest import Line, Statements
from tests.integration.door import forget

KEY, OTHER = "PROJECTS/*/*@0", "MEMBERS/*/*@0"
FRESH = Wish(within=300)
ACCOUNT = Account(
    body="PROJECTS/*/*@0:a",
    age=0.0,
    whole_for=0.0,
    fetched_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
    date=None,
    rows=3,
    requests=1,
    left_out=None,
)


@pytest.fixture
async def postgres(home: str, clock: Hands, statements: Statements) -> AsyncIterator[Postgres]:
    """Yields a pool on a database in which nothing was read."""
    await forget(home)
    async with Postgres(home, clock, on_statement=statements) as opened:
        yield opened


@pytest.fixture
async def ledger(postgres: Postgres) -> Ledger:
    return Ledger(postgres)


async def claimed(ledger: Ledger, wish: Wish = FRESH, key: str = KEY) -> Claim:
    found = await ledger.claim(key, key.partition("/")[0], wish)
    assert isinstance(found, Claim)
    return found


async def refused(ledger: Ledger, wish: Wish = FRESH) -> Entry:
    found = await ledger.claim(KEY, "PROJECTS", wish)
    assert isinstance(found, Entry)
    return found


async def aged(postgres: Postgres, seconds: float) -> None:
    """Lets so much of the database's time pass."""
    async with postgres.asking() as connection:
        await connection.execute(
            "UPDATE slices SET leased_until = leased_until - ago, taken_at = taken_at - ago, sent_at = sent_at - ago, "
            "departed_at = departed_at - ago, failed_at = failed_at - ago, failed_until = failed_until - ago "
            "FROM (SELECT $1 * interval '1 second' AS ago) AS moved",
            seconds,
        )


async def test_of_many_who_claim_a_slice_at_once_one_gets_it(ledger: Ledger) -> None:
    found = await asyncio.gather(*(ledger.claim(KEY, "PROJECTS", FRESH) for _ in range(20)))
    assert sum(isinstance(one, Claim) for one in found) == 1


async def test_leases_of_other_slices_are_other_leases(ledger: Ledger) -> None:
    await claimed(ledger)
    await claimed(ledger, key=OTHER)


async def test_a_lease_ends_by_itself_and_the_next_has_a_greater_number(ledger: Ledger, postgres: Postgres) -> None:
    first = await claimed(ledger)
    await aged(postgres, 4.9)
    await refused(ledger)
    await aged(postgres, 0.2)
    assert (await claimed(ledger)).number > first.number


async def test_a_lease_that_is_renewed_goes_on(ledger: Ledger, postgres: Postgres) -> None:
    lease = await claimed(ledger)
    await aged(postgres, 4.9)
    await ledger.renew(KEY, lease.number)
    await aged(postgres, 4.9)
    await refused(ledger)


async def test_who_was_thought_dead_publishes_nothing_over_a_newer_lease(ledger: Ledger, postgres: Postgres) -> None:
    slow = await claimed(ledger)
    await aged(postgres, 6)
    quick = await claimed(ledger)
    assert not await ledger.publish(KEY, slow.number, replace(ACCOUNT, body="old"))
    assert await ledger.publish(KEY, quick.number, replace(ACCOUNT, body="new"))
    assert not await ledger.publish(KEY, slow.number, replace(ACCOUNT, body="old"))
    await ledger.fail(KEY, slow.number, RakenUnavailable("late"), 60)
    await ledger.release(KEY, slow.number)
    entry = await ledger.entry(KEY)
    assert entry is not None
    assert (entry.body, entry.failure) == ("new", None)


async def test_what_was_published_makes_a_lease_needless_while_it_is_fresh_and_later_than_what_is_held(
    ledger: Ledger, postgres: Postgres
) -> None:
    first = await claimed(ledger)
    await ledger.publish(KEY, first.number, ACCOUNT)
    entry = await refused(ledger)
    assert (entry.number, entry.body, entry.rows, entry.requests) == (first.number, ACCOUNT.body, 3, 1)
    await aged(postgres, 301)
    second = await claimed(ledger)
    await ledger.publish(KEY, second.number, ACCOUNT)
    await claimed(ledger, Wish(above=second.number, within=300))


async def test_the_age_counts_from_before_the_first_request_whatever_the_reader_says(
    ledger: Ledger, postgres: Postgres
) -> None:
    lease = await claimed(ledger)
    await ledger.depart(KEY, lease.number)
    await aged(postgres, 3)
    await ledger.publish(KEY, lease.number, replace(ACCOUNT, age=0.0))
    entry = await ledger.entry(KEY)
    assert entry is not None
    assert 3 <= entry.age < 4
    late = await claimed(ledger, Wish())
    await ledger.publish(KEY, late.number, replace(ACCOUNT, age=40.0, whole_for=100.0))
    entry = await ledger.entry(KEY)
    assert entry is not None
    assert (40 <= entry.age < 41, 140 <= entry.whole_age < 141) == (True, True)


async def test_the_version_moves_with_the_content_alone(ledger: Ledger, postgres: Postgres) -> None:
    versions = []
    for body in ("a", "a", "b"):
        lease = await claimed(ledger, Wish())
        await ledger.publish(KEY, lease.number, replace(ACCOUNT, body=body))
        async with postgres.asking() as connection:
            versions.append(await connection.fetchval("SELECT version FROM slices"))
    assert versions[0] == versions[1] < versions[2]


async def test_a_body_lasts_as_long_as_its_name_stands(ledger: Ledger, postgres: Postgres) -> None:
    async def put(name: str) -> None:
        async with postgres.asking() as connection:
            await connection.execute(
                "INSERT INTO api_cache VALUES ($1, 'x', clock_timestamp() + interval '1 hour')", name
            )

    async def held() -> list[tuple[str, bool]]:
        async with postgres.asking() as connection:
            rows = await connection.fetch("SELECT name, expires_at IS NULL AS lasting FROM api_cache ORDER BY name")
        return [(row["name"], row["lasting"]) for row in rows]

    await put("a")
    await ledger.publish(KEY, (await claimed(ledger)).number, replace(ACCOUNT, body="a"))
    await put("b")
    assert await held() == [("a", True), ("b", False)]
    await ledger.publish(KEY, (await claimed(ledger, Wish())).number, replace(ACCOUNT, body="b"))
    assert await held() == [("b", True)]
    await ledger.tidy(3600)
    assert await held() == [("b", True)]
    await aged(postgres, 3601)
    await ledger.tidy(3600)
    assert (await held(), await ledger.entries()) == ([], [])


async def test_a_failure_is_everybodys_until_it_has_passed(ledger: Ledger, postgres: Postgres) -> None:
    lease = await claimed(ledger)
    await ledger.fail(KEY, lease.number, RakenThrottled("too many", 7.0), 10)
    failure = (await refused(ledger)).failure
    assert isinstance(failure, RakenThrottled)
    assert (str(failure), failure.retry_after) == ("too many", 7.0)
    await aged(postgres, 10)
    again = await claimed(ledger)
    await ledger.publish(KEY, again.number, ACCOUNT)
    entry = await ledger.entry(KEY)
    assert entry is not None
    assert (entry.failure, entry.trouble) == (None, None)


async def test_an_older_failure_is_no_answer_to_who_asks_anew(ledger: Ledger, postgres: Postgres) -> None:
    lease = await claimed(ledger)
    await ledger.fail(KEY, lease.number, RakenRefused("no", 400), 30)
    await aged(postgres, 2)
    assert (await refused(ledger, Wish(within=3, failed_within=3, anew=True))).failure is not None
    await claimed(ledger, Wish(within=1, failed_within=1, anew=True))


async def test_a_clock_that_was_an_hour_ahead_holds_nothing_up_for_an_hour(ledger: Ledger, postgres: Postgres) -> None:
    await claimed(ledger)
    await aged(postgres, -3600)
    again = await claimed(ledger)
    await ledger.fail(KEY, again.number, RakenUnavailable("away"), 30)
    await aged(postgres, -3600)
    await claimed(ledger)


async def test_a_number_grows_over_a_clock_that_was_set_back(ledger: Ledger, postgres: Postgres) -> None:
    first = await claimed(ledger)
    ahead = first.number + 3_600_000_000
    async with postgres.asking() as connection:
        await connection.execute("UPDATE slices SET number = $1", ahead)
    await aged(postgres, 6)
    assert (await claimed(ledger)).number == ahead + 1


async def test_numbers_go_on_over_a_row_that_was_tidied_away(ledger: Ledger, postgres: Postgres) -> None:
    numbers = []
    for _ in range(3):
        numbers.append((await claimed(ledger, Wish())).number)
        await ledger.publish(KEY, numbers[-1], ACCOUNT)
        await aged(postgres, 400)
    await ledger.tidy(300)
    assert await ledger.entry(KEY) is None
    assert (await claimed(ledger)).number > max(numbers)


async def test_an_error_of_a_kind_that_this_code_does_not_know_is_one_of_rakens_all_the_same(
    ledger: Ledger, postgres: Postgres
) -> None:
    lease = await claimed(ledger)
    await ledger.fail(KEY, lease.number, QuotaExhausted("spent"), 30)
    async with postgres.asking() as connection:
        await connection.execute("""UPDATE slices SET failure = '{"kind": "RakenOnFire", "words": "hot"}'""")
    failure = (await refused(ledger)).failure
    assert type(failure) is RakenUnavailable
    assert str(failure) == "hot"


async def test_a_lease_that_is_given_back_is_free_at_once(ledger: Ledger) -> None:
    lease = await claimed(ledger)
    await ledger.release(KEY, lease.number)
    await claimed(ledger)


async def test_a_claim_is_one_statement(ledger: Ledger, statements: Statements) -> None:
    await ledger.entry(KEY)
    statements.clear()
    await claimed(ledger)
    assert len(statements) == 1


async def test_with_postgres_away_it_says_so_at_once(line: Line, clock: Hands) -> None:
    async with Postgres(line.dsn, clock) as postgres:
        ledger = Ledger(postgres)
        await claimed(ledger)
        line.hush()
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(5):
            with pytest.raises(ExtensionsUnavailable):
                await ledger.claim(KEY, "PROJECTS", FRESH)
        assert loop.time() - began < 1.2
        line.talk()
        clock.move(1.1)
        await refused(ledger)

"""Sign-ins that fail: how long the next one waits, for whom, wherever it fails, and that nobody is locked out."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from loaders.attempts import BATCH, FADES, FREE, FREE_AT_ADDRESS, GUEST, LONGEST, LONGEST_AT_ADDRESS, Attempt, Attempts
from loaders.errors import RateLimited
from loaders.postgres import Postgres
from tests.database_clock import fake_clock, stop_clock
from tests.hands import Hands

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
MOVE = "UPDATE sign_ins SET last_at = last_at - $1 * interval '1 second', next_at = next_at - $1 * interval '1 second'"


class Tried(Attempts):
    """The attempts of one process."""

    async def fail(self, times: int, email: str = "ann@asr.example", address: str = HERE) -> None:
        for _ in range(times):
            await self.begin(email, address)

    async def fail_of_many(self, times: int, address: str = HERE) -> None:
        for number in range(times):
            await self.begin(f"somebody-{number}@asr.example", address)

    async def wait(self, email: str = "ann@asr.example", address: str = HERE) -> int:
        """Seconds that the next try waits; nothing is tried where it need not."""
        try:
            await self.void(await self.begin(email, address))
        except RateLimited as limited:
            return limited.wait
        return 0

    async def move(self, seconds: float) -> None:
        """Lets time go by for what is remembered, and a moment."""
        async with self._postgres.asking() as connection:
            await connection.execute(MOVE, seconds + 0.001)

    async def remembered(self) -> list[bytes]:
        async with self._postgres.asking() as connection:
            return [row["who"] for row in await connection.fetch("SELECT who FROM sign_ins")]


@pytest.fixture
async def database_url(database_url: str) -> str:
    """A database whose time stands still."""
    await fake_clock(database_url)
    await stop_clock(database_url)
    return database_url


@pytest.fixture
def tried(postgres: Postgres) -> Tried:
    return Tried(postgres, "a secret")


@pytest.fixture
async def another(database_url: str, tried: Tried) -> AsyncIterator[Tried]:
    """Yields the attempts of another process on the same database."""
    async with Postgres(database_url, Hands()) as postgres:
        yield Tried(postgres, "a secret")


async def test_the_wait_doubles_with_each_failure_up_to_the_longest(tried: Tried) -> None:
    await tried.fail(FREE)
    waits = []
    for _ in range(12):
        waits.append(await tried.wait())
        await tried.move(waits[-1])
        await tried.fail(1)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST, LONGEST, LONGEST]


async def test_failures_that_cost_nothing_are_as_many_as_are_said(tried: Tried) -> None:
    await tried.fail(FREE - 1)
    assert await tried.wait() == 0
    await tried.fail(1)
    assert await tried.wait() == 1


async def test_an_account_waits_at_one_address_alone(tried: Tried) -> None:
    await tried.fail(FREE)
    assert await tried.wait() > 0
    assert await tried.wait(address=ELSEWHERE) == 0
    assert await tried.wait("bob@asr.example") == 0


@pytest.mark.parametrize("written", [" Ann@ASR.example ", "ANN@ASR.EXAMPLE"])
async def test_an_email_is_one_however_it_is_written(tried: Tried, written: str) -> None:
    await tried.fail(FREE, written)
    assert await tried.wait() == 1


@pytest.mark.parametrize("written", ["", "\x00", "\ud800", "a" * 100_000])
async def test_an_email_that_is_none_waits_as_any_other(tried: Tried, written: str) -> None:
    await tried.fail(FREE, written)
    assert await tried.wait(written) == 1


async def test_what_fails_at_an_address_makes_it_wait_whichever_the_accounts(tried: Tried) -> None:
    await tried.fail_of_many(FREE_AT_ADDRESS)
    assert await tried.wait() == 1
    assert await tried.wait(address=ELSEWHERE) == 0


async def test_an_address_waits_no_longer_than_is_said(tried: Tried) -> None:
    await tried.fail_of_many(FREE_AT_ADDRESS)
    for number in range(10):
        await tried.move(LONGEST_AT_ADDRESS)
        await tried.fail(1, f"another-{number}@asr.example")
    assert await tried.wait() == LONGEST_AT_ADDRESS


async def test_who_has_signed_in_there_before_does_not_wait_for_what_others_fail_at(tried: Tried) -> None:
    await tried.right(await tried.begin("ann@asr.example", HERE))
    await tried.fail_of_many(FREE_AT_ADDRESS)
    assert await tried.wait("bob@asr.example") > 0
    assert await tried.wait() == 0
    await tried.fail_of_many(1, ELSEWHERE)
    await tried.fail(FREE)
    assert await tried.wait() > 0


async def test_the_right_password_ends_the_wait_and_was_no_failure(tried: Tried) -> None:
    for _ in range(FREE_AT_ADDRESS * 2):
        await tried.right(await tried.begin("ann@asr.example", HERE))
    await tried.fail(FREE - 1)
    await tried.right(await tried.begin("ann@asr.example", HERE))
    await tried.fail(FREE - 1)
    assert await tried.wait() == await tried.wait("bob@asr.example") == 0


async def test_a_try_that_must_wait_counts_for_nobody(tried: Tried) -> None:
    await tried.fail(FREE)
    for _ in range(FREE_AT_ADDRESS):
        assert await tried.wait() == 1
    assert await tried.wait("bob@asr.example") == 0
    await tried.move(1)
    assert await tried.wait() == 0


async def test_a_try_that_must_wait_for_the_address_does_not_count_for_the_account(tried: Tried) -> None:
    await tried.fail_of_many(FREE_AT_ADDRESS)
    for number in range(6):
        await tried.move(LONGEST_AT_ADDRESS)
        await tried.fail(1, f"another-{number}@asr.example")
    for _ in range(LONGEST_AT_ADDRESS):
        assert await tried.wait() > 0
        await tried.move(1)
    assert await tried.wait() == 0


async def test_many_at_once_count_before_any_has_failed(tried: Tried) -> None:
    attempts = [await tried.begin("ann@asr.example", HERE) for _ in range(FREE)]
    with pytest.raises(RateLimited, match="expected fewer sign-ins that fail; the next may be in 1 s"):
        await tried.begin("ann@asr.example", HERE)
    await tried.void(attempts[0])
    assert await tried.wait() == 0


async def test_processes_count_together_and_however_many_try_at_once(tried: Tried, another: Tried) -> None:
    tries = [one.begin("ann@asr.example", HERE) for one in (tried, another) for _ in range(FREE * 2)]
    begun = await asyncio.gather(*tries, return_exceptions=True)
    assert len([one for one in begun if isinstance(one, tuple)]) == FREE
    assert len([one for one in begun if isinstance(one, RateLimited)]) == FREE * 3
    assert await another.wait() == await tried.wait() == 1


async def test_who_signs_in_often_and_at_once_is_never_in_the_way_of_another(tried: Tried, another: Tried) -> None:
    async def sign_in(one: Tried, email: str) -> Attempt:
        attempt = await one.begin(email, HERE)
        await one.right(attempt)
        return attempt

    people = [(one, f"{name}@asr.example") for one in (tried, another) for name in ("ann", "bob", "cho")]
    for _ in range(10):
        assert len(await asyncio.gather(*(sign_in(one, email) for one, email in people))) == len(people)


async def test_failures_are_forgotten_after_an_hour(tried: Tried) -> None:
    await tried.fail(FREE)
    await tried.move(FADES + 1)
    await tried.fail(FREE - 1)
    assert await tried.wait() == 0


async def test_a_clock_of_the_databases_that_was_set_back_keeps_nobody_waiting(tried: Tried) -> None:
    await tried.fail(FREE)
    await tried.move(-LONGEST - 5)
    assert await tried.wait() == 0


async def test_what_is_forgotten_goes_and_who_has_signed_in_stays_known_for_longer(tried: Tried) -> None:
    await tried.right(await tried.begin("ann@asr.example", HERE))
    await tried.fail(1, "bob@asr.example")
    await tried.tidy()
    assert len(await tried.remembered()) == 3
    await tried.move(FADES + 1)
    await tried.tidy()
    assert len(await tried.remembered()) == 1
    await tried.fail_of_many(FREE_AT_ADDRESS)
    assert await tried.wait() == 0
    await tried.move(GUEST + 1)
    await tried.tidy()
    assert await tried.remembered() == []


async def test_however_much_is_forgotten_it_goes_and_no_statement_has_to_delete_it_all(
    postgres: Postgres, tried: Tried
) -> None:
    many = "INSERT INTO sign_ins (who) SELECT sha256(number::text::bytea) FROM generate_series(0, $1) AS number"
    async with postgres.asking() as connection:
        await connection.execute(many, 2 * BATCH)
    await tried.move(FADES + 1)
    await tried.tidy()
    assert await tried.remembered() == []


async def test_neither_email_nor_address_can_be_read_or_guessed_from_what_is_remembered(
    postgres: Postgres, tried: Tried
) -> None:
    await tried.fail(1)
    before = set(await tried.remembered())
    await Tried(postgres, "another secret").fail(1)
    after = set(await tried.remembered())
    assert len(before) == 2
    assert len(after) == 4
    assert {len(who) for who in after} == {32}

"""A chain of tokens survives restarts, key changes and lost connections, and is renewed by one process at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import asyncpg
import pytest
from structlog.testing import capture_logs

from loaders import vault as module
from loaders.clock import Sleep
from loaders.errors import ExtensionsUnavailable, RakenNotConnected, RakenUnavailable
from loaders.postgres import Postgres
from loaders.tokens import Tokens
from loaders.vault import PostgresTokenVault
from tests.hands import Hands
from tests.integration.conftest import Line
from tests.waiting import within

SEED = "seed-of-the-first-chain"
ENDS = datetime(2026, 3, 2, 22, tzinfo=UTC)


def pair(name: str) -> Tokens:
    return Tokens(f"access-{name}", f"refresh-{name}", ENDS)


def vault(
    postgres: Postgres, seed: str | None = SEED, keys: tuple[str, ...] = ("key",), sleep: Sleep = asyncio.sleep
) -> PostgresTokenVault:
    return PostgresTokenVault(postgres, keys, seed, sleep)


async def renew(of: PostgresTokenVault, name: str) -> None:
    async with of.renewal() as renewal:
        await renewal.intend()
        await renewal.store(pair(name))


async def refresh_token(of: PostgresTokenVault) -> str:
    return (await of.load()).refresh_token


async def pass_the_time_out(postgres: Postgres) -> None:
    async with postgres.asking() as connection:
        await connection.execute("UPDATE raken_tokens SET intended_at = intended_at - interval '61 seconds'")


async def test_without_a_seed_there_is_no_chain_until_somebody_connects(postgres: Postgres) -> None:
    unseeded = vault(postgres, seed=None)
    with pytest.raises(RakenNotConnected, match="an administrator connects it"):
        await unseeded.load()
    async with unseeded.renewal() as renewal:
        assert renewal.tokens is None
        await renewal.store(pair("connected"))
    assert await unseeded.load() == pair("connected")


async def test_a_seed_starts_a_chain_with_an_access_token_that_never_was(postgres: Postgres) -> None:
    started = await vault(postgres).load()
    assert (started.access_token, started.refresh_token) == ("", SEED)
    assert started.expires_at < ENDS
    async with vault(postgres).renewal() as renewal:
        assert renewal.tokens == started


async def test_a_seed_seen_before_never_replaces_the_stored_pair_and_a_new_one_does(postgres: Postgres) -> None:
    await renew(vault(postgres), "1")
    assert await vault(postgres).load() == pair("1")
    assert await refresh_token(vault(postgres, seed="another")) == "another"
    await renew(vault(postgres, seed="another"), "2")
    async with vault(postgres, seed=SEED).renewal() as renewal:
        assert renewal.tokens == pair("2")
    assert await vault(postgres, seed=SEED).load() == pair("2")


async def test_tokens_and_seeds_are_not_readable_in_postgres(postgres: Postgres) -> None:
    await renew(vault(postgres), "secret")
    async with postgres.asking() as connection:
        [row] = await connection.fetch("SELECT * FROM raken_tokens")
    for word in ("secret", SEED, "refresh", "access"):
        assert word not in repr(row)


async def test_the_first_key_encrypts_and_all_decrypt(postgres: Postgres) -> None:
    await renew(vault(postgres, keys=("old",)), "1")
    both = vault(postgres, keys=("new, with ünïcode", "old"))
    assert await both.load() == pair("1")
    await renew(both, "2")
    assert await vault(postgres, keys=("new, with ünïcode",)).load() == pair("2")
    with pytest.raises(RakenNotConnected, match="none of TOKEN_KEYS"):
        await vault(postgres, keys=("old",)).load()


async def test_a_wrong_key_is_no_chain_and_spoils_nothing(postgres: Postgres) -> None:
    await renew(vault(postgres), "1")
    wrong = vault(postgres, keys=("wrong",))
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(RakenNotConnected, match="none of TOKEN_KEYS decrypts"):
                await wrong.load()
    assert [line["event"] for line in lines] == ["raken_tokens_undecryptable"]
    async with wrong.renewal() as renewal:
        assert renewal.tokens is None
    assert await vault(postgres).load() == pair("1")
    await renew(wrong, "reconnected")
    assert await wrong.load() == pair("reconnected")


async def test_of_many_processes_one_spends_the_refresh_token(postgres: Postgres) -> None:
    spent: list[str] = []

    async def process(number: int) -> None:
        mine = vault(postgres)
        before = await mine.load()
        async with mine.renewal() as renewal:
            if renewal.tokens != before:
                return
            await renewal.intend()
            assert renewal.tokens is not None
            spent.append(renewal.tokens.refresh_token)
            await asyncio.sleep(0)
            await renewal.store(pair(str(number)))

    await asyncio.gather(*(process(number) for number in range(5)))
    assert spent == [SEED]


async def test_after_a_process_died_spending_the_others_wait_for_the_hard_time_out(postgres: Postgres) -> None:
    async with vault(postgres).renewal() as died:
        await died.intend()
    async with vault(postgres).renewal() as second:
        with pytest.raises(RakenUnavailable, match="may have spent"):
            await second.intend()
        await pass_the_time_out(postgres)
        await second.intend()
        await second.store(pair("2"))
    await renew(vault(postgres), "3")


async def test_a_note_that_was_withdrawn_holds_nobody_up(postgres: Postgres) -> None:
    async with vault(postgres).renewal() as refused:
        await refused.intend()
        await refused.withdraw()
    await renew(vault(postgres), "1")


async def test_a_note_withdrawn_late_is_not_the_next_ones(postgres: Postgres) -> None:
    async with vault(postgres).renewal() as late:
        await late.intend()
    await pass_the_time_out(postgres)
    async with vault(postgres).renewal() as second:
        await second.intend()
        await late.withdraw()
        with pytest.raises(RakenUnavailable):
            await second.intend()


async def test_a_dead_chain_stays_dead_until_a_new_one(postgres: Postgres) -> None:
    async with vault(postgres).renewal() as renewal:
        await renewal.intend()
        await renewal.forget("invalid_grant \x00" + "x" * 1_000)
    with pytest.raises(RakenNotConnected, match=r"^invalid_grant"):
        await vault(postgres).load()
    assert await refresh_token(vault(postgres, seed="new")) == "new"
    async with vault(postgres).renewal() as connecting:
        assert connecting.tokens is None
        await connecting.store(pair("connected"))
    assert await vault(postgres).load() == pair("connected")


async def test_a_chain_that_is_connected_replaces_whatever_stands_there(postgres: Postgres) -> None:
    async def nothing() -> None:
        return

    async def something_undecryptable() -> None:
        await renew(vault(postgres, keys=("lost",)), "1")

    async def a_dead_chain() -> None:
        async with vault(postgres).renewal() as renewal:
            await renewal.forget("invalid_grant")

    async def a_note_whose_outcome_is_unknown() -> None:
        async with vault(postgres).renewal() as died:
            await died.intend()

    for number, stands in enumerate((nothing, something_undecryptable, a_dead_chain, a_note_whose_outcome_is_unknown)):
        await stands()
        await vault(postgres).connect(pair(f"new-{number}"), "ann")
        assert await vault(postgres).load() == pair(f"new-{number}")
        await renew(vault(postgres), f"next-{number}")


async def test_a_connected_chain_is_not_replaced_by_a_seed_that_was_there_before(postgres: Postgres) -> None:
    await vault(postgres).connect(pair("connected"), "ann")
    await vault(postgres).connect(pair("connected again"), "ann")
    async with vault(postgres).renewal() as renewal:
        assert renewal.tokens == pair("connected again")
    async with postgres.asking() as connection:
        assert await connection.fetchval("SELECT cardinality(seeds) FROM raken_tokens") == 1
    assert await refresh_token(vault(postgres, seed="a later one")) == "a later one"


async def test_a_renewal_of_the_former_chain_does_not_replace_a_connected_one(postgres: Postgres) -> None:
    async with vault(postgres).renewal() as late:
        await late.intend()
        await vault(postgres).connect(pair("connected"), "ann")
        await late.withdraw()
        await late.forget("invalid_grant")
        with pytest.raises(RakenUnavailable, match="a newer pair"):
            await late.store(pair("late"))
    assert await vault(postgres).load() == pair("connected")


async def test_who_connected_is_written_down_and_told_to_all_processes(
    postgres: Postgres, database_url: str, until: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    told: list[object] = []
    listening = await asyncpg.connect(database_url)
    await listening.add_listener("raken_gateway", lambda *heard: told.append(heard[-1]))
    await vault(postgres).connect(pair("secret"), "ann")
    await until(lambda: told == ["tokens"])
    await listening.close()
    async with postgres.asking() as connection:
        [row] = await connection.fetch("SELECT actor, action, subject, before, after FROM audit_log")
    assert tuple(row) == ("ann", "connect_raken", "raken", None, None)


async def test_a_connection_whose_storing_was_not_answered_is_written_down_once(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    asking = postgres.asking

    @asynccontextmanager
    async def unanswered(patience: float | None = None) -> AsyncIterator[object]:
        async with asking(patience) as connection:
            yield connection
        if not tries:
            raise ExtensionsUnavailable("Postgres is away")

    async def sleep(seconds: float) -> None:
        tries.append(seconds)

    monkeypatch.setattr(postgres, "asking", unanswered)
    await vault(postgres, sleep=sleep).connect(pair("1"), "ann")
    async with asking() as connection:
        assert await connection.fetchval("SELECT count(*) FROM audit_log") == 1
    assert len(tries) == 1


async def test_a_process_thought_dead_neither_replaces_nor_forgets_a_newer_pair(postgres: Postgres) -> None:
    async with vault(postgres).renewal() as late:
        await late.intend()
    await pass_the_time_out(postgres)
    await renew(vault(postgres), "newer")
    await late.forget("invalid_grant")
    with pytest.raises(RakenUnavailable, match="a newer pair"):
        await late.store(pair("late"))
    assert await vault(postgres).load() == pair("newer")


async def test_a_pair_is_kept_though_another_process_called_the_chain_dead(postgres: Postgres) -> None:
    async with vault(postgres).renewal() as slow:
        await slow.intend()
    async with vault(postgres).renewal() as other:
        await other.forget("invalid_grant")
    await slow.store(pair("1"))
    assert await vault(postgres).load() == pair("1")


async def test_a_pair_whose_storing_was_not_answered_is_stored_once_more(postgres: Postgres) -> None:
    async with vault(postgres).renewal() as renewal:
        before, encrypted = renewal.pair, renewal.cipher.encrypt(pair("1"))
        await renewal._put(pair("1"), encrypted)
        renewal.pair = before
        await renewal._put(pair("1"), encrypted)
    assert await vault(postgres).load() == pair("1")


@pytest.fixture
async def over_a_line(line: Line, clock: Hands) -> AsyncIterator[Postgres]:
    async with Postgres(line.dsn, clock) as opened:
        yield opened


async def test_a_new_pair_outlives_an_outage_of_postgres(over_a_line: Postgres, line: Line, clock: Hands) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.move(seconds + 0.1)
        if len(pauses) == 5:
            await line.mend()

    mine = vault(over_a_line, sleep=sleep)
    async with mine.renewal() as renewal:
        await renewal.intend()
        await line.cut()
        await renewal.store(pair("1"))
    assert len(pauses) >= 5
    assert await mine.load() == pair("1")


async def test_with_postgres_away_nothing_is_spent(over_a_line: Postgres, line: Line) -> None:
    mine = vault(over_a_line)
    await line.cut()
    with pytest.raises(ExtensionsUnavailable):
        await mine.load()
    with pytest.raises(ExtensionsUnavailable):
        await mine.ready()
    with pytest.raises(ExtensionsUnavailable):
        async with mine.renewal():
            pytest.fail("there is no right to renew")
    await line.mend()


async def test_where_postgres_can_only_be_read_no_pair_could_be_stored(postgres: Postgres, database_url: str) -> None:
    await vault(postgres).ready()
    async with Postgres(f"{database_url}&default_transaction_read_only=on", Hands()) as replica:
        with pytest.raises(ExtensionsUnavailable):
            await vault(replica).ready()


async def test_with_postgres_lost_before_the_note_nothing_is_spent(over_a_line: Postgres, line: Line) -> None:
    async with vault(over_a_line).renewal() as renewal:
        await line.cut()
        with pytest.raises(ExtensionsUnavailable):
            await renewal.intend()
        await line.mend()


async def test_what_goes_wrong_with_raken_is_not_laid_on_postgres(postgres: Postgres) -> None:
    for error in (ConnectionResetError, TimeoutError, asyncio.CancelledError):
        with pytest.raises(error):
            async with vault(postgres).renewal():
                raise error
        await postgres.ping()
    with within(1):
        async with vault(postgres).renewal():
            pass


async def test_a_process_that_is_waited_for_too_long_is_said_so(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ALONE", "SET LOCAL lock_timeout = '20ms'")
    async with vault(postgres).renewal():
        with pytest.raises(RakenUnavailable, match="for too long"):
            async with vault(postgres).renewal():
                pytest.fail("there is one right to renew")
    with suppress(RakenUnavailable):
        async with vault(postgres).renewal():
            return
    pytest.fail("the right was not given back")


async def test_a_renewal_shows_no_token(postgres: Postgres) -> None:
    await renew(vault(postgres), "secret")
    async with vault(postgres).renewal() as renewal:
        assert "secret" not in repr(renewal)

"""The keeper over the real vault and a real token endpoint: several processes, one chain."""

import asyncio
from collections.abc import Iterator

import pytest

from loaders.errors import RakenNotConnected, RakenUnavailable
from loaders.keeper import TokenKeeper
from loaders.oauth import OAuth
from loaders.postgres import Postgres
from loaders.vault import PostgresTokenVault
from sandbox.options import Options
from sandbox.running import Address, running
from tests.hands import Hands
from tests.integration.conftest import Line


@pytest.fixture
def sandbox() -> Iterator[Address]:
    """Yields a sandbox in which a refresh token that is used again ends its whole chain."""
    with running(Options(port=0, projects=1, members=1, days=1)) as address:
        address.switch(rotated_refresh="revokes")
        yield address


def keeper(sandbox: Address, postgres: Postgres, clock: Hands) -> TokenKeeper:
    """The keeper of one process."""
    oauth = OAuth(sandbox.environment["RAKEN_TOKEN_URL"], "app", "secret", clock, 5.0)
    return TokenKeeper(PostgresTokenVault(postgres, ["key"], "seed", asyncio.sleep), oauth, clock, lambda: 1.0)


async def test_processes_that_start_at_once_spend_the_seed_once(
    sandbox: Address, postgres: Postgres, clock: Hands
) -> None:
    keepers = [keeper(sandbox, postgres, clock) for _ in range(4)]
    tokens = await asyncio.gather(*(one.token() for one in keepers))
    assert len(set(tokens)) == 1
    assert sandbox.requests("/oauth/token") == 1


async def test_processes_that_meet_a_dead_access_token_at_once_renew_it_once(
    sandbox: Address, postgres: Postgres, clock: Hands
) -> None:
    keepers = [keeper(sandbox, postgres, clock) for _ in range(4)]
    dead = (await asyncio.gather(*(one.token() for one in keepers)))[0]
    tokens = await asyncio.gather(*(one.after_401(dead) for one in keepers))
    assert len(set(tokens) - {dead}) == 1
    assert sandbox.requests("/oauth/token") == 2


async def test_a_chain_goes_on_in_the_next_process(sandbox: Address, postgres: Postgres, clock: Hands) -> None:
    first = await keeper(sandbox, postgres, clock).token()
    assert await keeper(sandbox, postgres, clock).token() == first
    clock.move(36_000)
    assert await keeper(sandbox, postgres, clock).token() != first
    assert sandbox.requests("/oauth/token") == 2


async def test_a_token_call_without_an_answer_is_waited_out_by_all(
    sandbox: Address, postgres: Postgres, clock: Hands
) -> None:
    sandbox.fault("reset", "/oauth/token", times=1)
    with pytest.raises(RakenUnavailable, match="broke off"):
        await keeper(sandbox, postgres, clock).token()
    with pytest.raises(RakenUnavailable, match="another process may have spent Raken's refresh token"):
        await keeper(sandbox, postgres, clock).token()
    assert sandbox.requests("/oauth/token") == 1


async def test_a_token_call_that_spent_nothing_is_repeated_by_whoever_comes(
    sandbox: Address, postgres: Postgres, clock: Hands
) -> None:
    sandbox.fault("status", "/oauth/token", status=503, times=1)
    with pytest.raises(RakenUnavailable, match="got 503"):
        await keeper(sandbox, postgres, clock).token()
    await keeper(sandbox, postgres, clock).token()


async def test_a_dead_chain_is_dead_for_all(sandbox: Address, postgres: Postgres, clock: Hands) -> None:
    await keeper(sandbox, postgres, clock).token()
    sandbox.expire_tokens(refresh=True)
    clock.move(36_000)
    for _ in range(2):
        with pytest.raises(RakenNotConnected, match="an administrator connects"):
            await keeper(sandbox, postgres, clock).token()
    assert sandbox.requests("/oauth/token") == 2


async def test_with_postgres_away_no_refresh_token_is_spent(sandbox: Address, line: Line, clock: Hands) -> None:
    async with Postgres(line.dsn, clock) as postgres:
        await line.cut()
        with pytest.raises(RakenUnavailable, match="Raken's token could not be renewed"):
            await keeper(sandbox, postgres, clock).token()
        await line.mend()
    assert sandbox.requests("/oauth/token") == 0

"""The keeper of the token: one flight renews, stored before used, and what does not help is not repeated at once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from loaders.errors import ExtensionsUnavailable, RakenError, RakenNotConnected, RakenUnavailable
from loaders.keeper import TokenKeeper
from loaders.tokens import SpentInVain, Tokens
from tests.hands import Hands
from tests.vault import Vault

HOURS_10 = 36_000.0


class Endpoint:
    """Rotates refresh tokens: r1 gives a2 and r2, and so on; or fails as told."""

    def __init__(self, vault: Vault, hands: Hands) -> None:
        self.vault = vault
        self.hands = hands
        self.calls: list[str] = []
        self.life = HOURS_10
        self.fails: RakenError | None = None
        self.called = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def renew(self, refresh_token: str) -> Tokens:
        self.calls.append(refresh_token)
        self.called.set()
        self.vault.done.append(f"spend {refresh_token}")
        await (self.gate.wait() if self.gate else asyncio.sleep(0))
        if self.fails is not None:
            raise self.fails
        return self._pair(int(refresh_token[1:]) + 1)

    async def exchange(self, code: str, redirect_uri: str) -> Tokens:
        self.vault.done.append(f"exchange {code} {redirect_uri}")
        return self._pair(int(code[1:]))

    def _pair(self, number: int) -> Tokens:
        return Tokens(f"a{number}", f"r{number}", self.hands.now() + timedelta(seconds=self.life))


class House:
    """A keeper with all that it needs."""

    def __init__(self, *, access: str = "a1", life: float = HOURS_10, stored: bool = True) -> None:
        self.hands = Hands()
        first = Tokens(access, "r1", self.hands.now() + timedelta(seconds=life))
        self.vault = Vault(first if stored else None)
        self.endpoint = Endpoint(self.vault, self.hands)
        self.keeper = self.another()

    def another(self) -> TokenKeeper:
        """One more process's keeper."""
        return TokenKeeper(self.vault, self.endpoint, self.hands, lambda: 1.0)


async def test_a_stored_token_that_lives_is_used_without_a_call() -> None:
    house = House()
    assert await house.keeper.token() == "a1"
    assert (house.vault.done, house.keeper.connected) == ([], True)
    assert house.keeper.expires_at == house.hands.now() + timedelta(seconds=HOURS_10)


async def test_a_chain_that_has_only_a_refresh_token_starts_with_a_renewal() -> None:
    house = House(access="", life=-1)
    assert await house.keeper.token() == "a2"


async def test_the_new_pair_is_stored_before_it_is_used_and_an_intent_precedes_the_call() -> None:
    house = House(life=0)
    assert await house.keeper.token() == "a2"
    assert house.vault.done == ["intend", "spend r1", "store r2"]


async def test_whoever_asks_meanwhile_waits_for_the_same_renewal() -> None:
    house = House(life=0)
    assert await asyncio.gather(*(house.keeper.token() for _ in range(20))) == ["a2"] * 20
    assert house.endpoint.calls == ["r1"]


async def test_processes_that_renew_at_once_spend_one_refresh_token() -> None:
    house = House(life=0)
    keepers = [house.keeper, house.another(), house.another()]
    assert await asyncio.gather(*(keeper.token() for keeper in keepers)) == ["a2"] * 3
    assert house.endpoint.calls == ["r1"]


async def test_one_that_gives_up_waiting_does_not_end_the_renewal() -> None:
    house = House(life=0)
    house.endpoint.gate = asyncio.Event()
    impatient = asyncio.create_task(house.keeper.token())
    patient = asyncio.create_task(house.keeper.token())
    await asyncio.sleep(0)
    impatient.cancel()
    house.endpoint.gate.set()
    assert await patient == "a2"
    assert house.vault.done == ["intend", "spend r1", "store r2"]


async def test_it_is_renewed_a_little_before_its_end_while_the_old_one_serves() -> None:
    house = House()
    await house.keeper.token()
    house.hands.move(HOURS_10 - 61)
    assert await house.keeper.token() == "a1"
    assert house.endpoint.calls == []
    house.hands.move(1)
    house.endpoint.gate = asyncio.Event()
    assert await house.keeper.token() == "a1"
    house.endpoint.gate.set()
    await house.keeper.close()
    assert await house.keeper.token() == "a2"


async def test_a_token_of_a_short_life_is_renewed_in_its_last_tenth() -> None:
    house = House(life=20)
    await house.keeper.token()
    house.hands.move(17)
    assert await house.keeper.token() == "a1"
    await house.keeper.close()
    assert house.endpoint.calls == []
    house.hands.move(1)
    await house.keeper.token()
    await house.keeper.close()
    assert house.endpoint.calls == ["r1"]


async def test_a_renewal_ahead_that_fails_costs_nothing_while_the_old_one_lives_and_is_not_hammered() -> None:
    house = House()
    await house.keeper.token()
    house.hands.move(HOURS_10 - 50)
    house.endpoint.fails = RakenUnavailable("expected 200 of Raken's token endpoint, got 503")
    for _ in range(5):
        assert await house.keeper.token() == "a1"
        await house.keeper.close()
    assert (house.endpoint.calls, house.keeper.connected, house.keeper.standing()) == (["r1"], True, None)
    house.hands.move(1)
    house.endpoint.fails = None
    await house.keeper.token()
    await house.keeper.close()
    assert await house.keeper.token() == "a2"


async def test_a_failing_endpoint_is_said_and_tried_again_ever_more_rarely() -> None:
    house = House(life=0)
    house.endpoint.fails = RakenUnavailable("expected 200 of Raken's token endpoint, got 503")
    for pause in (1, 2, 4):
        with pytest.raises(RakenUnavailable, match=r"could not be renewed: expected 200 .* got 503"):
            await house.keeper.token()
        house.hands.move(pause - 0.1)
        calls = len(house.endpoint.calls)
        with pytest.raises(RakenUnavailable):
            await house.keeper.token()
        assert len(house.endpoint.calls) == calls
        assert isinstance(house.keeper.standing(), RakenUnavailable)
        house.hands.move(0.1)
        assert house.keeper.standing() is None
    assert house.keeper.connected
    house.endpoint.fails = None
    assert await house.keeper.token() == "a2"


async def test_a_call_that_surely_spent_nothing_takes_the_note_back() -> None:
    house = House(life=0)
    house.endpoint.fails = RakenUnavailable("refused")
    with pytest.raises(RakenUnavailable):
        await house.keeper.token()
    assert house.vault.done == ["intend", "spend r1", "withdraw"]


async def test_a_call_without_an_answer_leaves_the_note_standing() -> None:
    house = House(life=0)
    house.endpoint.fails = SpentInVain("Raken's token endpoint did not answer within 10 s")
    with pytest.raises(RakenUnavailable, match="did not answer within 10 s"):
        await house.keeper.token()
    assert house.vault.done == ["intend", "spend r1"]


async def test_a_dead_chain_is_remembered_and_not_hammered() -> None:
    house = House(life=0)
    house.endpoint.fails = RakenNotConnected("invalid_grant")
    for _ in range(5):
        with pytest.raises(RakenNotConnected):
            await house.keeper.token()
        house.hands.move(6)
    assert house.vault.done == ["intend", "spend r1", "forget: invalid_grant"]
    assert not house.keeper.connected


async def test_without_a_chain_it_says_who_can_help_and_looks_again_later() -> None:
    house = House(stored=False)
    with pytest.raises(RakenNotConnected, match="an administrator connects it anew"):
        await house.keeper.token()
    house.vault.stored = Tokens("a7", "r7", house.hands.now() + timedelta(hours=1))
    assert isinstance(house.keeper.standing(), RakenNotConnected)
    house.hands.move(5)
    assert house.keeper.standing() is None
    assert await house.keeper.token() == "a7"
    assert house.keeper.connected


async def test_a_chain_that_another_process_finds_dead_meanwhile_is_not_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(life=0)
    load = house.vault.load

    async def then_dies() -> Tokens | None:
        stored = await load()
        house.vault.stored = None
        return stored

    monkeypatch.setattr(house.vault, "load", then_dies)
    with pytest.raises(RakenNotConnected, match="the token chain has ended meanwhile"):
        await house.keeper.token()
    assert house.endpoint.calls == []


async def test_a_new_chain_is_stored_before_it_is_used_and_used_at_once() -> None:
    house = House(stored=False)
    with pytest.raises(RakenNotConnected):
        await house.keeper.token()
    await house.keeper.connect("c7", "https://gateway.example/back", "ann")
    assert house.vault.done == ["ready", "exchange c7 https://gateway.example/back", "connect r7 by ann"]
    assert (house.keeper.connected, house.keeper.standing(), await house.keeper.token()) == (True, None, "a7")


async def test_a_new_chain_makes_a_token_that_was_rejected_forgotten() -> None:
    house = House()
    await house.keeper.after_401(await house.keeper.token())
    await house.keeper.after_401("a2")
    assert not house.keeper.connected
    await house.keeper.connect("c7", "https://gateway.example/back", "ann")
    assert (house.keeper.connected, await house.keeper.token()) == (True, "a7")


async def test_no_code_is_spent_for_a_pair_that_could_not_be_stored() -> None:
    house = House()
    house.vault.away = True
    with pytest.raises(ExtensionsUnavailable):
        await house.keeper.connect("c7", "https://gateway.example/back", "ann")
    assert house.vault.done == []


async def test_a_renewal_of_the_former_chain_says_nothing_of_the_one_that_was_connected_meanwhile() -> None:
    house = House(life=0)
    house.endpoint.gate = asyncio.Event()
    asking = asyncio.create_task(house.keeper.token())
    await house.endpoint.called.wait()
    await house.keeper.connect("c7", "https://gateway.example/back", "ann")
    house.endpoint.fails = RakenNotConnected("invalid_grant")
    house.endpoint.gate.set()
    assert await asking == "a7"
    assert (house.keeper.connected, house.keeper.standing()) == (True, None)


async def test_a_chain_that_another_process_has_connected_is_taken_when_it_is_heard_of() -> None:
    house = House(life=0)
    house.endpoint.fails = RakenNotConnected("invalid_grant")
    with pytest.raises(RakenNotConnected):
        await house.keeper.token()
    house.vault.stored = Tokens("a7", "r7", house.hands.now() + timedelta(hours=1))
    await house.keeper.heard("")
    assert (house.keeper.connected, house.keeper.standing(), await house.keeper.token()) == (True, None, "a7")


async def test_hearing_of_a_chain_that_has_not_begun_leaves_a_token_that_works() -> None:
    house = House()
    await house.keeper.token()
    house.vault.stored = Tokens("", "seed", house.hands.now())
    await house.keeper.heard("")
    assert (await house.keeper.token(), house.endpoint.calls) == ("a1", [])


async def test_hearing_of_nothing_new_neither_ends_a_pause_nor_spends_anything() -> None:
    house = House(life=0)
    house.endpoint.fails = RakenUnavailable("expected 200 of Raken's token endpoint, got 503")
    with pytest.raises(RakenUnavailable):
        await house.keeper.token()
    for away in (False, True):
        house.vault.away = away
        await house.keeper.heard("")
        assert isinstance(house.keeper.standing(), RakenUnavailable)
    assert house.endpoint.calls == ["r1"]


async def test_whether_raken_gives_data_is_what_it_last_did() -> None:
    house = House()
    told = [house.keeper.gives_data]
    token = await house.keeper.token()
    house.keeper.worked(token)
    told.append(house.keeper.gives_data)
    await house.keeper.after_403(token)
    assert [*told, house.keeper.gives_data] == [None, True, False]


async def test_why_a_token_is_not_renewed_is_logged_once_until_it_changes() -> None:
    house = House(life=0)
    house.endpoint.fails = RakenUnavailable("got 503")
    with capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(RakenUnavailable):
                await house.keeper.token()
            house.hands.move(30)
        house.vault.away = True
        with pytest.raises(RakenUnavailable):
            await house.keeper.token()
        house.hands.move(30)
        house.vault.away, house.endpoint.fails = False, None
        await house.keeper.token()
    assert [line["event"] for line in lines] == ["raken_token_not_renewed"] * 2 + ["raken_token_renewed"]
    assert ["got 503" in lines[0]["error"], "Postgres is away" in lines[1]["error"]] == [True, True]


async def test_with_postgres_away_a_living_token_serves_and_none_is_spent() -> None:
    house = House()
    await house.keeper.token()
    house.vault.away = True
    house.hands.move(HOURS_10 - 1)
    assert await house.keeper.token() == "a1"
    house.hands.move(1)
    with pytest.raises(RakenUnavailable, match="Raken's token could not be renewed: Postgres is away"):
        await house.keeper.token()
    assert house.endpoint.calls == []


async def test_a_pair_that_could_not_be_stored_is_not_used_and_is_stored_before_anything_is_spent_again() -> None:
    house = House(life=0)
    house.vault.store_fails = True
    with pytest.raises(RakenUnavailable, match="Postgres is away"):
        await house.keeper.token()
    house.hands.move(1)
    house.vault.store_fails = False
    assert await house.keeper.token() == "a2"
    assert house.vault.done == ["intend", "spend r1", "store r2"]


async def test_a_pair_that_could_not_be_stored_gives_way_to_a_new_chain() -> None:
    house = House(life=0)
    house.vault.store_fails = True
    with pytest.raises(RakenUnavailable):
        await house.keeper.token()
    house.hands.move(1)
    house.vault.store_fails = False
    house.vault.stored = Tokens("", "r70", house.hands.now())
    assert await house.keeper.token() == "a71"


async def test_what_another_process_has_renewed_is_taken_over_without_a_call() -> None:
    house = House()
    await house.keeper.token()
    house.vault.stored = Tokens("a9", "r9", house.hands.now() + timedelta(hours=20))
    assert await house.keeper.after_401("a1") == "a9"
    assert house.endpoint.calls == []


async def test_a_401_renews_once_and_says_so_where_that_does_not_help() -> None:
    house = House()
    assert await house.keeper.after_401(await house.keeper.token()) == "a2"
    assert await house.keeper.after_401("a2") is None
    assert isinstance(house.keeper.standing(), RakenNotConnected)
    assert not house.keeper.connected
    assert house.endpoint.calls == ["r1"]


async def test_many_401s_of_one_token_renew_once() -> None:
    house = House()
    await house.keeper.token()
    assert await asyncio.gather(*(house.keeper.after_401("a1") for _ in range(10))) == ["a2"] * 10
    assert house.endpoint.calls == ["r1"]


async def test_rejected_again_and_again_it_is_tried_ever_more_rarely() -> None:
    house = House()
    token: str | None = await house.keeper.after_401(await house.keeper.token())
    for pause in (60, 120, 240):
        assert token is not None
        assert await asyncio.gather(*(house.keeper.after_401(token) for _ in range(5))) == [None] * 5
        house.hands.move(pause - 1)
        assert isinstance(house.keeper.standing(), RakenNotConnected)
        house.hands.move(1)
        assert house.keeper.standing() is None
        token = await house.keeper.token()
    assert len(house.endpoint.calls) == 4


async def test_a_token_that_works_makes_the_next_401_the_first_again() -> None:
    house = House()
    token = await house.keeper.after_401(await house.keeper.token())
    assert token == "a2"
    house.keeper.worked("a2")
    assert await house.keeper.after_401("a2") == "a3"
    assert house.keeper.connected


async def test_a_403_renews_at_most_once_while_the_token_serves_elsewhere() -> None:
    house = House()
    token = await house.keeper.after_403(await house.keeper.token())
    assert token == "a2"
    house.keeper.worked("a2")
    assert await house.keeper.after_403("a2") is None
    assert await house.keeper.token() == "a2"
    assert (house.keeper.connected, house.endpoint.calls) == (True, ["r1"])


async def test_a_403_to_an_old_token_is_tried_with_the_one_there_is() -> None:
    house = House()
    await house.keeper.token()
    await house.keeper.after_401("a1")
    assert await house.keeper.after_403("a1") == "a2"
    assert house.endpoint.calls == ["r1"]


async def test_a_403_while_the_endpoint_is_away_leaves_the_token_in_use() -> None:
    house = House()
    await house.keeper.token()
    house.endpoint.fails = RakenUnavailable("refused")
    assert await house.keeper.after_403("a1") is None
    assert await house.keeper.token() == "a1"


async def test_a_token_that_lives_no_time_is_used_once_and_not_renewed_in_a_circle() -> None:
    house = House(life=0)
    house.endpoint.life = 0
    assert await house.keeper.token() == "a2"
    assert house.endpoint.calls == ["r1"]


async def test_closing_waits_for_a_renewal_that_is_under_way() -> None:
    house = House(life=0)
    house.endpoint.gate = asyncio.Event()
    asking = asyncio.create_task(house.keeper.token())
    await asyncio.sleep(0)
    closing = asyncio.create_task(house.keeper.close())
    await asyncio.sleep(0)
    assert not closing.done()
    house.endpoint.gate.set()
    await asyncio.gather(closing, asking)
    assert house.vault.done[-1] == "store r2"


@pytest.mark.parametrize("text", [repr, str])
def test_no_token_shows_in_words(text: Callable[[object], str]) -> None:
    assert "secret" not in text(Tokens("secret-a", "secret-r", Hands().now()))

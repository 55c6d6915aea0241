"""Raken's client as a whole, tokens and pages and all, against the sandbox: a server that was written apart from it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from loaders.entities.members import MEMBERS
from loaders.entities.projects import PROJECTS
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Entity, Month, SliceKey
from loaders.errors import (
    QuotaExhausted,
    RakenError,
    RakenForbidden,
    RakenGarbled,
    RakenNotConnected,
    RakenRefused,
    RakenThrottled,
    RakenUnavailable,
    RakenUnsettled,
)
from loaders.http_raken import HttpRaken, Manners
from loaders.keeper import TokenKeeper
from loaders.oauth import OAuth
from loaders.pages import Reading, read
from loaders.raken import Lane
from loaders.tokens import Tokens
from sandbox.options import Options
from sandbox.running import Address, running
from tests.hands import Hands
from tests.pace import OwnPace
from tests.vault import Vault

NOVEMBER = SliceKey(TIME_CARDS, None, Month(2026, 11))
SIZES = Options(port=0, projects=12, members=40, days=30, cards_per_day=120, today=date(2026, 11, 20))


class Client:
    """Everything between a slice's key and the sandbox."""

    def __init__(self, sandbox: Address) -> None:
        self.sandbox = sandbox
        self.hands = Hands(datetime(2026, 11, 20, 12, tzinfo=UTC))
        self.vault = Vault(Tokens("", "a-new-one", datetime.fromtimestamp(0, UTC)))
        variables = sandbox.environment
        oauth = OAuth(variables["RAKEN_TOKEN_URL"], "app", "secret", self.hands, 5.0)
        self.keeper = TokenKeeper(self.vault, oauth, self.hands, lambda: 1.0)
        self.raken = HttpRaken(
            variables["RAKEN_BASE_URL"],
            self.keeper,
            self.hands,
            Manners(OwnPace(self.hands, 5), timeout=2.0),
            jitter=lambda: 1.0,
            sleep=self.hands.sleep,
        )

    async def read(self, key: SliceKey, previous: Reading | None = None) -> Reading:
        return await read(self.raken, key, previous)

    def now_whole(self, collection: str) -> set[str]:
        return {row["uuid"] for row in self.sandbox.rows(collection)}

    def november(self) -> set[str]:
        return {row["uuid"] for row in self.sandbox.rows("timeCards") if row["date"].startswith("2026-11")}


def ids(reading: Reading) -> set[str]:
    return {row.id for row in reading.rows}


@pytest.fixture
def sandbox() -> Iterator[Address]:
    """Yields a small company on 2026-11-20, with more than two pages of cards in the month."""
    with running(SIZES) as address:
        yield address


@pytest.fixture
async def client(sandbox: Address) -> AsyncIterator[Client]:
    """Yields a client of it."""
    made = Client(sandbox)
    yield made
    await made.raken.close()


@pytest.mark.parametrize(("entity", "collection"), [(PROJECTS, "projects"), (MEMBERS, "members")])
async def test_every_status_of_a_company_is_read(client: Client, entity: Entity[Any], collection: str) -> None:
    reading = await client.read(SliceKey(entity))
    assert ids(reading) == client.now_whole(collection)
    assert (reading.requests, reading.rejected) == (1, ())


async def test_a_month_of_cards_is_read_whole_in_a_few_overlapping_pages(client: Client) -> None:
    reading = await client.read(NOVEMBER)
    assert ids(reading) == client.november()
    assert len(reading.rows) == 20 * 120
    assert reading.requests == client.sandbox.requests() == 3


async def test_what_did_not_change_is_confirmed_by_etags(client: Client) -> None:
    first = await client.read(NOVEMBER)
    second = await client.read(NOVEMBER, first)
    assert client.sandbox.counts()["statuses"]["304"] == 3
    assert all(before is after for before, after in zip(first.rows, second.rows, strict=True))


@pytest.mark.parametrize("kind", ["insert", "delete"])
async def test_rows_that_move_between_pages_are_neither_lost_nor_repeated(client: Client, kind: str) -> None:
    client.sandbox.fault(kind, "/timeCards", times=2)
    reading = await client.read(NOVEMBER)
    assert ids(reading) == client.november()
    assert len(reading.rows) == len(ids(reading))


async def test_rows_in_another_order_each_time_are_no_reading(client: Client) -> None:
    client.sandbox.fault("shuffle", "/timeCards")
    with pytest.raises(RakenUnsettled):
        await client.read(NOVEMBER)
    client.sandbox.lift()
    assert ids(await client.read(NOVEMBER)) == client.november()


async def test_rows_that_lack_what_they_need_are_left_out_and_named(client: Client) -> None:
    client.sandbox.fault("missing", "/members", fields=["lastName"], rows=3)
    reading = await client.read(SliceKey(MEMBERS))
    assert len(reading.rows) == len(client.now_whole("members")) - 3
    assert len(reading.rejected) == 3
    assert "lastName: expected a value, got none; the row is left out" in str(reading.rejected[0])


async def test_unknown_fields_and_statuses_change_nothing(client: Client) -> None:
    client.sandbox.fault("extra", "/projects", values={"status": "MOTHBALLED", "colour": {"r": 1}, "endDate": None})
    reading = await client.read(SliceKey(PROJECTS))
    assert {row.status.value for row in reading.rows} == {"UNKNOWN"}
    assert (ids(reading), reading.rejected) == (client.now_whole("projects"), ())


FAULTS: list[tuple[dict[str, Any], type[RakenError], int]] = [
    ({"kind": "reset"}, RakenUnavailable, 2),
    ({"kind": "status", "status": 500}, RakenUnavailable, 2),
    ({"kind": "status", "status": 503}, RakenUnavailable, 2),
    ({"kind": "html"}, RakenGarbled, 2),
    ({"kind": "cut"}, RakenUnavailable, 2),
    ({"kind": "rate"}, RakenThrottled, 1),
    ({"kind": "quota"}, QuotaExhausted, 1),
    ({"kind": "unauthorized"}, RakenNotConnected, 2),
    ({"kind": "forbidden"}, RakenForbidden, 2),
    ({"kind": "status", "status": 400}, RakenRefused, 1),
    ({"kind": "status", "status": 404}, RakenRefused, 1),
]


@pytest.mark.parametrize(("fault", "error", "requests"), FAULTS, ids=[str(fault) for fault, _, _ in FAULTS])
async def test_each_fault_is_said_and_over_when_it_is_over(
    client: Client, fault: dict[str, Any], error: type[RakenError], requests: int
) -> None:
    client.sandbox.fault(path="/members", **fault)
    with pytest.raises(error):
        await client.read(SliceKey(MEMBERS))
    assert client.sandbox.requests() == requests
    client.sandbox.lift()
    client.hands.move(3600)
    assert ids(await client.read(SliceKey(MEMBERS))) == client.now_whole("members")
    assert (await client.raken.status()).connected


async def test_an_access_token_that_has_ended_early_is_renewed_once(client: Client) -> None:
    await client.read(SliceKey(PROJECTS))
    client.sandbox.expire_tokens()
    keys = [SliceKey(PROJECTS), SliceKey(MEMBERS), NOVEMBER]
    await asyncio.gather(*(client.read(key) for key in keys))
    assert [done.split()[0] for done in client.vault.done] == ["intend", "store"] * 2


async def test_a_dead_chain_is_not_connected_until_there_is_a_new_one(client: Client) -> None:
    await client.read(SliceKey(PROJECTS))
    client.sandbox.expire_tokens(refresh=True)
    for _ in range(3):
        with pytest.raises(RakenNotConnected, match="an administrator connects"):
            await client.read(SliceKey(PROJECTS))
    assert not (await client.raken.status()).connected
    assert isinstance(client.raken.failing(Lane.PEOPLE), RakenNotConnected)
    client.vault.stored = Tokens("", "another-new-one", datetime.fromtimestamp(0, UTC))
    await client.keeper.heard("")
    await client.read(SliceKey(PROJECTS))
    assert (await client.raken.status()).connected

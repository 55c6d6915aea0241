"""Delta against the sandbox, over HTTP: a server that was written apart from it, with its doubts about Raken."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from loaders.changes import changes
from loaders.delta import Changes, merged, window
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import Month, SliceKey
from loaders.errors import DeltaUnsupported
from loaders.http_raken import HttpRaken, Manners
from loaders.keeper import TokenKeeper
from loaders.oauth import OAuth
from loaders.pages import read
from loaders.slices import Slice
from loaders.tokens import Tokens
from sandbox.options import Options
from sandbox.running import Address, running
from tests.hands import Hands
from tests.pace import OwnPace
from tests.vault import Vault

OCTOBER, NOVEMBER = (SliceKey(TIME_CARDS, None, Month(2026, number)) for number in (10, 11))
MINUTES = 600.0
ANY = {"nothing": None}
"What is true of every card."


class Held:
    """Two months that are held, and what brings them up to date."""

    def __init__(self, sandbox: Address) -> None:
        self.sandbox = sandbox
        self.hands = Hands(datetime(2031, 1, 1, tzinfo=UTC))
        variables = sandbox.environment
        oauth = OAuth(variables["RAKEN_TOKEN_URL"], "app", "secret", self.hands, 5.0)
        vault = Vault(Tokens(sandbox.access_token(), "", datetime(2040, 1, 1, tzinfo=UTC)))
        keeper = TokenKeeper(vault, oauth, self.hands, lambda: 1.0)
        manners = Manners(OwnPace(self.hands, 100), timeout=5.0)
        url = variables["RAKEN_BASE_URL"]
        self.raken = HttpRaken(url, keeper, self.hands, manners, jitter=lambda: 1.0, sleep=self.hands.sleep)
        self.months: dict[SliceKey, Slice[Any]] = {}

    async def whole(self, key: SliceKey) -> Slice[Any]:
        return Slice.of(key, await read(self.raken, key), None, 1)

    async def begin(self) -> None:
        self.months = {key: await self.whole(key) for key in (OCTOBER, NOVEMBER)}
        self.wait()

    def wait(self) -> None:
        """Lets minutes pass, here and in Raken."""
        self.hands.move(MINUTES)
        self.sandbox.clock(advance=MINUTES)
        self.sandbox.forget_counts()

    async def changes(self) -> Changes:
        asked = window(self.months.values(), self.hands.monotonic())
        assert asked is not None
        return await changes(self.raken, TIME_CARDS, *asked)

    async def refresh(self) -> list[SliceKey]:
        """Merges what changed into the months, and says which have to be read whole."""
        changed = await self.changes()
        readings = {key: merged(month, changed) for key, month in self.months.items()}
        for key, reading in readings.items():
            if reading is not None:
                self.months[key] = Slice.of(key, reading, self.months[key], 2)
        return [key for key, reading in readings.items() if reading is None]

    async def is_whole(self) -> bool:
        """Whether the months are what a whole reading finds."""
        whole = [await self.whole(key) for key in self.months]
        return [list(month.rows) for month in self.months.values()] == [list(month.rows) for month in whole]


@pytest.fixture(scope="module")
def company() -> Iterator[Address]:
    """Yields a small company, on 2026-11-20."""
    with running(
        Options(port=0, projects=6, members=20, days=40, cards_per_day=40, today=date(2026, 11, 20))
    ) as address:
        yield address


@pytest.fixture
async def held(company: Address) -> AsyncIterator[Held]:
    """Yields two months as they were read some minutes ago."""
    company.reset()
    made = Held(company)
    try:
        await made.begin()
        yield made
    finally:
        await made.raken.close()


async def test_whatever_is_done_to_cards_two_questions_bring_every_month_up_to_date(held: Held) -> None:
    edit = held.sandbox.edit
    edit("add", "timeCards", fields={"date": "2026-11-02"})
    edit("change", "timeCards", where={"date": "2026-10-30"}, fields={"totalHours": 1.0}, count=3)
    edit("approve", "timeCards", where={"approved": False}, count=2)
    edit("unapprove", "timeCards", where={"date": "2026-11-03", "approved": True}, count=2)
    edit("change", "timeCards", where={"date": "2026-10-29"}, fields={"date": "2026-11-05"}, count=2)
    edit("change", "timeCards", where={"date": "2026-11-04"}, fields={"date": "2026-10-31"})
    held.wait()
    assert await held.refresh() == []
    assert held.sandbox.requests() == 2
    assert await held.is_whole()


@pytest.mark.parametrize("shape", ["uuid", "row"])
async def test_deleted_cards_go_whatever_else_raken_says_of_them(held: Held, shape: str) -> None:
    held.sandbox.switch(deleted_shape=shape)
    held.sandbox.edit("delete", "timeCards", where={"date": "2026-11-03"}, count=4)
    held.wait()
    assert await held.refresh() == []
    # A third asks for deletions of long ago: there are none where Raken heeds the window.
    assert held.sandbox.requests() == 3
    assert await held.is_whole()


async def test_a_card_changed_and_deleted_is_gone_from_both_answers_but_the_last(held: Held) -> None:
    card = held.sandbox.edit("change", "timeCards", where={"date": "2026-11-03"}, fields={"totalHours": 1.0})[0]
    held.sandbox.edit("delete", "timeCards", uuid=card["uuid"])
    held.wait()
    assert await held.refresh() == []
    assert await held.is_whole()


async def test_a_card_deleted_and_added_back_has_its_month_read_whole(held: Held) -> None:
    card = held.sandbox.edit("delete", "timeCards", where={"date": "2026-11-03"})[0]
    held.sandbox.add("timeCards", uuid=card["uuid"], date="2026-11-03")
    held.wait()
    assert await held.refresh() == [NOVEMBER]


async def test_more_changes_than_a_page_holds_are_all_merged(held: Held) -> None:
    held.sandbox.edit("change", "timeCards", where=ANY, fields={"note": "late"}, count=1100)
    held.wait()
    assert await held.refresh() == []
    assert held.sandbox.requests() == 3
    assert await held.is_whole()


async def test_rows_that_move_between_pages_of_changes_are_neither_lost_nor_repeated(held: Held) -> None:
    held.sandbox.fault("insert", "/timeCards", times=1)
    await held.refresh()
    held.wait()
    assert await held.refresh() == []
    assert await held.is_whole()


@pytest.mark.parametrize("known", ["changes", "deletions"])
async def test_a_raken_that_does_not_know_either_question_says_so_with_400(held: Held, known: str) -> None:
    held.sandbox.switch(**{known: []})
    with pytest.raises(DeltaUnsupported, match="400"):
        await held.changes()
    held.sandbox.switch(**{known: ["timeCards"]})
    assert (await held.changes()).whole


async def test_the_window_is_by_rakens_clock_whatever_ours_says(held: Held) -> None:
    held.sandbox.edit("change", "timeCards", where={"date": "2026-11-03"}, fields={"totalHours": 1.0})
    held.wait()
    changed = await held.changes()
    assert changed.whole
    assert {row.total_hours for row in changed.rows if row.date == date(2026, 11, 3)} == {1.0}
    assert changed.date is not None
    assert (changed.date.year, changed.fetched_at.year) == (2026, 2031)


async def test_where_rakens_clock_leaps_the_months_are_read_whole(held: Held) -> None:
    held.sandbox.edit("change", "timeCards", where={"date": "2026-11-03"}, fields={"totalHours": 1.0})
    held.sandbox.clock(advance=3600)
    assert await held.refresh() == [OCTOBER, NOVEMBER]

"""Rows that come, go and change places while the pages of a slice are read: all of them once, or the old ones."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from sandbox.options import Options
from sandbox.running import Address, running
from tests.integration.lab import Lab, lab

NOVEMBER = {"from": "2026-11-01", "to": "2026-11-30"}
PAGES = 3
QUERY = """query ($from: Date!, $to: Date!, $after: String) {
    timeCards(from: $from, to: $to, first: 1000, after: $after) {
        totalCount nodes {id} pageInfo {endCursor hasNextPage}
    }
}"""
WORDS = "rows kept moving between pages"
MOVES = pytest.mark.parametrize("kind", ["insert", "delete", "shuffle"])


@pytest.fixture(scope="module")
def busy() -> Iterator[Address]:
    """Yields a sandbox whose November is a few of Raken's pages."""
    november = Options(port=0, seed=5, projects=4, members=20, days=30, cards_per_day=70, today=date(2026, 11, 30))
    with running(november) as address:
        yield address


async def met(it: Lab) -> tuple[list[str], list[Any]]:
    """The cards of November as somebody meets them who turns every page, and what is said of their freshness."""
    ids: list[str] = []
    said: list[Any] = []
    page: dict[str, Any] = {"endCursor": None, "hasNextPage": True}
    while page["hasNextPage"]:
        answer = await it.ask(QUERY, **NOVEMBER, after=page["endCursor"])
        cards = answer.data["timeCards"]
        ids += [node["id"] for node in cards["nodes"]]
        said += answer.json.get("extensions", {}).get("freshness", [])
        page = cards["pageInfo"]
    assert cards["totalCount"] == len(ids) == len(set(ids))
    return ids, said


def november(sandbox: Address) -> set[str]:
    """Raken's cards of November, as they are now."""
    return {row["uuid"] for row in sandbox.rows("timeCards") if row["date"] >= NOVEMBER["from"]}


@MOVES
async def test_moves_that_end_cost_no_card_and_repeat_none(kind: str, busy: Address, home: str) -> None:
    async with lab(busy, home) as it:
        stay = november(busy)
        busy.fault(kind, "/timeCards", times=4)
        ids, said = await met(it)
        assert stay & november(busy) <= set(ids)
        assert not said
        assert busy.requests("/timeCards") > PAGES


@MOVES
async def test_while_rows_never_rest_the_old_ones_stand_and_it_is_said(kind: str, busy: Address, home: str) -> None:
    async with lab(busy, home) as it:
        busy.fault(kind, "/timeCards")
        cold = await it.ask(QUERY, **NOVEMBER)
        assert cold.codes == {"timeCards": "UPSTREAM_UNAVAILABLE"}
        assert WORDS in cold.errors[0]["message"]
        old = await settled(it)
        busy.fault(kind, "/timeCards")
        await it.move(3600)
        await it.ask(QUERY, **NOVEMBER)
        await it.landed()
        ids, said = await met(it)
        assert ids == old
        assert {row["state"] for row in said} == {"DEGRADED"}
        assert WORDS in said[0]["warning"]
        await settled(it)


async def settled(it: Lab) -> list[str]:
    """The cards that are there again once the rows rest and the back-off has passed."""
    it.sandbox.lift()
    await it.move(60)
    await it.ask(QUERY, **NOVEMBER)
    await it.landed()
    ids, said = await met(it)
    assert (set(ids), said) == (november(it.sandbox), [])
    return ids

"""Time cards kept up to date by what changed: one question for all months held, and whole readings where need be."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.running import Address
from tests.integration.lab import Lab, lab, today

STALE = 301


def window() -> dict[str, str]:
    """Two months at least."""
    return {"from": str(today() - timedelta(days=40)), "to": str(today())}


CARDS = (
    "query ($from: Date!, $to: Date!) {timeCards(from: $from, to: $to, first: 1000) {totalCount nodes {id approved}}}"
)


async def cards(it: Lab) -> dict[str, bool]:
    """The cards of the window, and whether they are approved."""
    answer = (await it.ask(CARDS, **window())).data["timeCards"]
    return {node["id"]: node["approved"] for node in answer["nodes"]}


async def move(it: Lab, seconds: int) -> None:
    """Lets so much time pass for Raken too."""
    await it.move(seconds)
    it.sandbox.clock(advance=seconds)


@pytest.fixture(autouse=True)
def raken_in_step(sandbox: Address) -> Iterator[None]:
    """Leaves the sandbox's clock as it was."""
    yield
    sandbox.clock(now=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")


async def renewed(it: Lab) -> dict[str, bool]:
    """The cards once they were read anew for being stale."""
    await move(it, STALE)
    await cards(it)
    await it.landed()
    return await cards(it)


def questions(sandbox: Address) -> list[str]:
    """What was asked of time cards since the counts were forgotten, by the first parameter's name."""
    asked = sandbox.counts()["paths"].get("/timeCards", {"queries": {}})["queries"]
    return sorted(query.partition("=")[0] for query, times in asked.items() for _ in range(times))


async def test_every_month_that_is_held_is_refreshed_by_one_question(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        before = await cards(it)
        months = len(it.held("TIME_CARDS"))
        assert months >= 2
        gone, approved = next(iter(before)), next(id_ for id_ in reversed(before) if not before[id_])
        sandbox.edit("delete", "timeCards", uuid=gone)
        sandbox.edit("approve", "timeCards", uuid=approved)
        new = sandbox.add("timeCards", date=str(today()))["uuid"]
        sandbox.forget_counts()
        after = await renewed(it)
        assert after == {id_: ok for id_, ok in before.items() if id_ != gone} | {approved: True, new: False}
        assert questions(sandbox) == ["changedSince", "deletedFrom", "deletedFrom"]
        # That Raken heeds a window of deletions was seen: it is believed for a day.
        another = next(iter(after))
        sandbox.edit("delete", "timeCards", uuid=another)
        sandbox.forget_counts()
        assert await renewed(it) == {id_: ok for id_, ok in after.items() if id_ != another}
        assert questions(sandbox) == ["changedSince", "deletedFrom"]


async def test_months_that_nobody_asked_for_are_brought_up_to_date_with_the_one_that_was(
    sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home) as it:
        await cards(it)
        await move(it, STALE)
        sandbox.forget_counts()
        await it.ask(CARDS, **{"from": str(today()), "to": str(today())})
        await it.landed()
        assert questions(sandbox) == ["changedSince", "deletedFrom"]
        assert {it.loader.age(one) < 10 for one in it.loader.memory if one.key.entity.delta} == {True}


async def test_a_card_that_moves_to_another_month_is_in_that_one_alone(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        await cards(it)
        first = today().replace(day=1)
        moving = sandbox.add("timeCards", date=str(first))["uuid"]
        assert moving in await renewed(it)
        sandbox.edit("change", "timeCards", uuid=moving, fields={"date": str(first - timedelta(days=1))})
        assert moving in await renewed(it)
        held = [one for one in it.loader.memory if moving in one.by_id]
        assert [one.key.month.last for one in held] == [first - timedelta(days=1)]


async def test_where_raken_cannot_say_what_changed_months_are_read_whole_and_it_is_not_asked_again_for_a_day(
    sandbox: Address, home: str
) -> None:
    async with lab(sandbox, home) as it:
        sandbox.switch(changes=[])
        before = await cards(it)
        sandbox.forget_counts()
        assert await renewed(it) == before
        assert questions(sandbox).count("changedSince") == 1
        sandbox.forget_counts()
        assert await renewed(it) == before
        assert set(questions(sandbox)) == {"fromDate"}
        sandbox.switch(changes=["timeCards"])


async def test_each_month_is_read_whole_once_a_day(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home, MAX_STALE_SECONDS="604800") as it:
        purged = next(iter(await cards(it)))
        sandbox.edit("purge", "timeCards", uuid=purged)
        assert purged in await renewed(it)  # nobody can know
        await move(it, 86_400)
        sandbox.forget_counts()
        assert purged not in await renewed(it)
        assert "fromDate" in questions(sandbox)


async def test_who_asks_for_a_refresh_gets_whole_months(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        await cards(it)
        purged = sandbox.add("timeCards", date=str(today()))["uuid"]
        assert purged in await renewed(it)
        sandbox.edit("purge", "timeCards", uuid=purged)
        (told,) = (await it.ask("mutation {refresh(entities: [TIME_CARDS]) {removed}}")).data["refresh"]
        assert told["removed"] == 1
        assert purged not in await cards(it)


async def test_it_can_be_switched_off(sandbox: Address, home: str) -> None:
    async with lab(sandbox, home, DELTA="0") as it:
        await cards(it)
        sandbox.forget_counts()
        await renewed(it)
        assert set(questions(sandbox)) == {"fromDate"}


@pytest.mark.parametrize("path", ["changedSince", "deletedFrom"])
async def test_a_fault_in_asking_what_changed_is_a_failure_like_others(path: str, sandbox: Address, home: str) -> None:
    async with lab(sandbox, home) as it:
        before = await cards(it)
        sandbox.fault("status", "/timeCards", status=503)
        await move(it, STALE)
        await cards(it)
        await it.landed()
        answer = await it.ask(CARDS, **window())
        assert {row["state"] for row in answer.json["extensions"]["freshness"]} == {"DEGRADED"}
        sandbox.lift()
        assert await renewed(it) == before

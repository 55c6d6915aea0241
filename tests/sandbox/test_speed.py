"""The largest company is quick to start and to page through."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from time import perf_counter

import pytest

from sandbox.company import company
from sandbox.options import Options
from sandbox.running import Address, running
from tests.sandbox.conftest import SMALL
from tests.sandbox.reader import Reader
from tests.waiting import within

LARGEST = replace(SMALL, projects=2000, members=5000, days=200, cards_per_day=2000)
MONTH = {"fromDate": "2026-10-21", "toDate": "2026-11-20", "limit": 1000}


@pytest.fixture(scope="module")
def largest() -> Iterator[Address]:
    """A sandbox of the largest size."""
    with running(LARGEST) as listening:
        yield listening


def test_a_sandbox_of_the_default_size_starts_in_less_than_a_second() -> None:
    with within(1), running(Options(port=0)) as address:
        Reader(address).get("/userInfo")


def test_a_page_makes_no_day_that_it_does_not_show() -> None:
    made = company(LARGEST, date(2026, 11, 20))
    cards = made.collection("timeCards")
    assert sum(cards.size(day) for day in cards.days()) == 400_000
    assert len(cards._shelves) == 0


def test_a_page_of_a_thousand_cards_is_a_few_milliseconds_warm(largest: Address) -> None:
    reader = Reader(largest)
    reader.get("/timeCards", **MONTH)

    def took() -> float:
        started = perf_counter()
        assert len(reader.get("/timeCards", **MONTH).body) > 500_000
        return perf_counter() - started

    assert min(took() for _ in range(10)) < 0.05

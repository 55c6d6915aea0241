"""What the sandbox's tests share: a small company, new for each test, and a reader of it."""

from collections.abc import Iterator
from datetime import date

import pytest

from sandbox.options import Options
from sandbox.running import Address, running
from tests.sandbox.reader import Reader

SMALL = Options(port=0, projects=12, members=40, days=30, today=date(2026, 11, 20))


@pytest.fixture
def address() -> Iterator[Address]:
    """Yields where a small sandbox listens; it is Friday, 2026-11-20, noon."""
    with running(SMALL) as listening:
        listening.clock(now="2026-11-20T12:00:00Z")
        yield listening


@pytest.fixture
def reader(address: Address) -> Reader:
    """A reader of it with a good token."""
    return Reader(address)

"""The rate limit: never more than the limit within any minute, however it is come by; and whose minute it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from structlog.testing import capture_logs

from app.caller import address
from app.rate import MINUTE, SUBJECTS, Minute
from tests.hands import Hands


@given(
    limit=some.integers(1, 8),
    pauses=some.lists(some.floats(0, 40, allow_nan=False) | some.sampled_from([0, 0, 0, 1, 59.999, 60, 60.001])),
)
def test_no_minute_has_more_operations_than_the_limit(limit: int, pauses: list[float]) -> None:
    clock, passed = Hands(), list[float]()
    minute = Minute(limit, clock)
    for pause in pauses:
        clock.move(pause)
        if minute.take("ann") == 0:
            passed.append(clock.monotonic())
    for at in passed:
        assert sum(at <= one < at + MINUTE for one in passed) <= limit


@given(limit=some.integers(1, 5), pauses=some.lists(some.floats(0, 20, allow_nan=False), max_size=30))
def test_after_the_seconds_that_were_told_one_may_go_on(limit: int, pauses: list[float]) -> None:
    clock = Hands()
    minute = Minute(limit, clock)
    for pause in pauses:
        clock.move(pause)
        wait = minute.take("ann")
        assert 0 <= wait <= MINUTE
        if wait:
            clock.move(wait)
            assert minute.take("ann") == 0


def test_as_many_as_the_limit_pass_at_once_and_each_subject_has_its_own() -> None:
    minute = Minute(5, Hands())
    assert [minute.take("ann") for _ in range(7)] == [0] * 5 + [60] * 2
    assert minute.take("bob") == 0


def test_what_was_refused_does_not_count() -> None:
    clock = Hands()
    minute = Minute(1, clock)
    assert minute.take("ann") == 0
    for _ in range(59):
        clock.move(1)
        assert minute.take("ann") > 0
    clock.move(1)
    assert minute.take("ann") == 0


def test_what_is_remembered_grows_neither_with_the_limit_nor_with_those_who_ask() -> None:
    clock = Hands()
    minute = Minute(1_000_000, clock)
    for _ in range(20_000):
        clock.move(0.01)
        minute.take("ann")
    assert len(minute._subjects["ann"].seconds) <= MINUTE + 2
    for number in range(SUBJECTS + 10):
        minute.take(f"somebody {number}")
    assert len(minute._subjects) == SUBJECTS


def test_a_flood_is_told_of_once_until_it_is_over() -> None:
    clock = Hands()
    minute = Minute(1, clock)
    with capture_logs() as lines:
        for _ in range(100):
            minute.take("ann")
        clock.move(MINUTE + 1)
        minute.take("ann")
        minute.take("ann")
    assert [line["event"] for line in lines] == ["rate_limited"] * 2


@pytest.mark.parametrize(
    ("client", "line"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:aaaa::1", 1), "2001:db8:1:2::/64"),
        (("2001:db8:1:2::", 1), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1), "fe80::/64"),
        (("unix:", 0), "unix:"),
        (("", 0), ""),
        (None, "nowhere"),
    ],
)
def test_one_line_is_one_address(client: tuple[str, int] | None, line: str) -> None:
    assert address({"client": client}) == line

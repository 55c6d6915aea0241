"""Sign-ins that fail: how long the next one waits, for whom, and that nobody is locked out."""

import pytest

from app import attempts
from app.attempts import FADES, FREE, FREE_AT_ADDRESS, KNOWN, LONGEST, LONGEST_AT_ADDRESS, Attempts
from loaders.errors import RateLimited
from tests.hands import Hands

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def tried(clock: Hands) -> Attempts:
    return Attempts(clock)


def fail(tried: Attempts, times: int, email: str = "ann@asr.example", address: str = HERE) -> None:
    for _ in range(times):
        tried.begin(email, address)


def wait(tried: Attempts, email: str = "ann@asr.example", address: str = HERE) -> int:
    """Seconds that the next try waits; nothing is tried where it need not."""
    try:
        tried.void(tried.begin(email, address))
    except RateLimited as limited:
        return limited.wait
    return 0


def test_the_wait_doubles_with_each_failure_up_to_the_longest(tried: Attempts, clock: Hands) -> None:
    fail(tried, FREE)
    waits = []
    for _ in range(12):
        waits.append(wait(tried))
        clock.move(waits[-1])
        fail(tried, 1)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST, LONGEST, LONGEST]


def test_failures_that_cost_nothing_are_as_many_as_are_said(tried: Attempts) -> None:
    fail(tried, FREE - 1)
    assert wait(tried) == 0
    fail(tried, 1)
    assert wait(tried) == 1


def test_an_account_waits_at_one_address_alone(tried: Attempts) -> None:
    fail(tried, FREE)
    assert wait(tried) > 0
    assert wait(tried, address=ELSEWHERE) == 0
    assert wait(tried, email="bob@asr.example") == 0


@pytest.mark.parametrize("written", [" Ann@ASR.example ", "ANN@ASR.EXAMPLE"])
def test_an_email_is_one_however_it_is_written(tried: Attempts, written: str) -> None:
    fail(tried, FREE, written)
    assert wait(tried) == 1


def test_what_fails_at_an_address_makes_it_wait_whichever_the_accounts(tried: Attempts) -> None:
    for number in range(FREE_AT_ADDRESS):
        fail(tried, 1, f"somebody-{number}@asr.example")
    assert wait(tried) == 1
    assert wait(tried, address=ELSEWHERE) == 0


def test_an_address_waits_no_longer_than_is_said(tried: Attempts, clock: Hands) -> None:
    for number in range(FREE_AT_ADDRESS + 20):
        clock.move(LONGEST_AT_ADDRESS)
        fail(tried, 1, f"somebody-{number}@asr.example")
    assert wait(tried) == LONGEST_AT_ADDRESS


def test_who_has_signed_in_there_before_does_not_wait_for_what_others_fail_at(tried: Attempts) -> None:
    tried.right(tried.begin("ann@asr.example", HERE))
    for number in range(FREE_AT_ADDRESS):
        fail(tried, 1, f"somebody-{number}@asr.example")
    assert wait(tried, "bob@asr.example") > 0
    assert wait(tried) == 0
    fail(tried, FREE)
    assert wait(tried) > 0


def test_the_right_password_ends_the_wait_and_was_no_failure(tried: Attempts) -> None:
    for _ in range(FREE_AT_ADDRESS * 2):
        tried.right(tried.begin("ann@asr.example", HERE))
    fail(tried, FREE - 1)
    tried.right(tried.begin("ann@asr.example", HERE))
    fail(tried, FREE - 1)
    assert wait(tried) == wait(tried, "bob@asr.example") == 0


def test_many_at_once_count_before_any_has_failed(tried: Attempts) -> None:
    pairs = [tried.begin("ann@asr.example", HERE) for _ in range(FREE)]
    with pytest.raises(RateLimited, match="expected fewer sign-ins that fail; the next may be in 1 s"):
        tried.begin("ann@asr.example", HERE)
    tried.void(pairs[0])
    assert wait(tried) == 0


def test_failures_are_forgotten_after_an_hour(tried: Attempts, clock: Hands) -> None:
    fail(tried, FREE)
    clock.move(FADES + 1)
    fail(tried, FREE - 1)
    assert wait(tried) == 0


def test_no_more_is_remembered_than_is_said(tried: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FREE_AT_ADDRESS", KNOWN * 2)
    long = "a" * 100_000
    for number in range(KNOWN + 10):
        tried.right(tried.begin(f"{number}@asr.example", f"address {number}"))
        tried.begin(f"{number}@asr.example{long[: number % 7]}", f"address {number}")
    fail(tried, 1, long)
    sizes = [len(known) for known in (tried._pairs, tried._addresses, tried._guests)]
    assert sizes == [KNOWN] * 3
    assert all(len(digest) == 16 for digest, _ in tried._pairs)

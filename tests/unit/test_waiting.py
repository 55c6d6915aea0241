"""The measure that promises of seconds are held against."""

import time

import pytest

from tests.waiting import within


def test_who_waits_too_long_is_found_out() -> None:
    with pytest.raises(AssertionError, match="expected less than"), within(0.1):
        time.sleep(0.3)


def test_who_waits_as_long_as_was_promised_passes() -> None:
    with within(0.3):
        time.sleep(0.1)

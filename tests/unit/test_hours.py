"""Sums of hours: as decimals, or not at all."""

import pytest

from loaders.dataloaders import Sourced
from loaders.decode import page
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import SliceKey
from loaders.errors import RakenGarbled
from resolvers.types.hours import hours
from tests.unit.rows import body, card


def cards(*hours_each: float) -> list[Sourced]:
    rows = page(body([card(number, totalHours=each) for number, each in enumerate(hours_each)]), SliceKey(TIME_CARDS))
    return [Sourced(row, None) for row in rows.rows]  # type: ignore[arg-type]


def test_hours_are_summed_as_decimals() -> None:
    assert hours(cards(0.1, 0.1, 0.1)).total == 0.3


def test_hours_past_all_numbers_are_an_error_of_rakens() -> None:
    with pytest.raises(RakenGarbled, match="expected hours that can be summed"):
        hours(cards(1e308, 1e308))

"""Early refreshes for ids that a slice lacks: once per id and version, five minutes apart."""

import pytest

from loaders.lookups import EVERY, Lookups, Wanted
from loaders.slices import Slice
from tests.hands import Hands
from tests.unit.world import COMPANY, project, slice_of, uuid


def companies(version: int = 1, sent_at: float = 1000.0) -> Slice[object]:
    return slice_of(COMPANY, [project(1)], sent_at, version)


def test_an_id_that_a_person_asks_for_is_due() -> None:
    assert Lookups(Hands()).due(companies(), [Wanted(uuid(9))])


def test_an_id_that_is_there_is_not_due() -> None:
    assert not Lookups(Hands()).due(companies(), [Wanted(uuid(1))])
    assert not Lookups(Hands()).due(companies(), [])


@pytest.mark.parametrize(("since", "due"), [(999.0, False), (1000.0, False), (1000.5, True)])
def test_only_what_is_named_by_something_newer_is_due(since: float, due: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert Lookups(Hands()).due(companies(), [Wanted(uuid(9), since)]) is due


@pytest.mark.parametrize("id_", ["", "9", "not-a-uuid", uuid(9) + "0", "00000000-0000-4000-8000-00000000000g"])
def test_only_what_is_shaped_like_a_uuid_is_due(id_: str) -> None:
    assert not Lookups(Hands()).due(companies(), [Wanted(id_)])


def test_an_id_is_looked_up_once_a_version() -> None:
    clock = Hands()
    lookups = Lookups(clock)
    assert lookups.due(companies(), [Wanted(uuid(9))])
    clock.move(10 * EVERY)
    assert not lookups.due(companies(), [Wanted(uuid(9))])
    assert lookups.due(companies(version=2), [Wanted(uuid(9))])


def test_a_slice_is_refreshed_early_every_five_minutes_at_most() -> None:
    clock = Hands()
    lookups = Lookups(clock)
    assert lookups.due(companies(), [Wanted(uuid(8))])
    clock.move(EVERY - 1)
    assert not lookups.due(companies(), [Wanted(uuid(9))])
    assert not lookups.due(companies(version=2), [Wanted(uuid(9))])
    clock.move(1)
    assert lookups.due(companies(), [Wanted(uuid(9)), Wanted(uuid(8))])
    clock.move(EVERY)
    assert not lookups.due(companies(), [Wanted(uuid(9)), Wanted(uuid(8))])


def test_what_was_looked_for_is_open_until_a_later_reading_of_the_version_lacks_it_too() -> None:
    clock = Hands()
    lookups = Lookups(clock)
    assert lookups.open(companies(), [Wanted(uuid(9))])
    assert not lookups.open(companies(), [Wanted(uuid(1))])
    lookups.due(companies(), [Wanted(uuid(9))])
    assert lookups.open(companies(), [Wanted(uuid(9))])
    assert not lookups.open(companies(sent_at=1001.0), [Wanted(uuid(9))])
    assert lookups.open(companies(sent_at=1001.0), [Wanted(uuid(8))])
    assert lookups.open(companies(version=2, sent_at=1001.0), [Wanted(uuid(9))])


def test_an_id_whose_refresh_failed_is_looked_up_again_when_its_time_has_come() -> None:
    clock = Hands()
    lookups = Lookups(clock)
    assert lookups.due(companies(), [Wanted(uuid(9))])
    lookups.failed(COMPANY)
    assert not lookups.due(companies(), [Wanted(uuid(9))])
    clock.move(EVERY)
    assert lookups.due(companies(), [Wanted(uuid(9))])

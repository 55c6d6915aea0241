"""`extensions.freshness`: a row for each entity that is not fresh, and for no other."""

from dataclasses import replace
from datetime import timedelta

from loaders.entities.members import MEMBERS
from loaders.entity import Entity, SliceKey
from loaders.freshness import State
from loaders.operation import Serving
from resolvers.extensions import freshness, worst
from tests.unit.world import LIFETIME, NOW, PROJECTS, reading, slice_of

FRESH, REVALIDATING, DEGRADED = State.FRESH, State.REVALIDATING, State.DEGRADED


def serving(entity: Entity[object], state: State, minutes: int = 0, warning: str | None = None) -> Serving:
    """A serving that was fetched so many minutes ago."""
    slice_ = slice_of(SliceKey(entity), [])
    older = replace(reading([]), fetched_at=NOW - timedelta(minutes=minutes))
    return Serving(replace(slice_, reading=older), state, 60.0 * minutes, LIFETIME, warning)


def test_what_is_fresh_is_not_mentioned() -> None:
    assert freshness([]) == []
    assert freshness([serving(PROJECTS, FRESH), serving(MEMBERS, FRESH)]) == []


def test_an_entity_has_its_worst_state_its_oldest_time_and_that_states_warning() -> None:
    servings = [
        serving(MEMBERS, FRESH),
        serving(PROJECTS, REVALIDATING, 90),
        serving(PROJECTS, DEGRADED, 20, "Raken is away"),
        serving(PROJECTS, FRESH, 0),
    ]
    row = {"entity": "PROJECTS", "state": "DEGRADED", "fetchedAt": "2026-05-04T10:30:00Z", "warning": "Raken is away"}
    assert freshness(servings) == [row]


def test_what_is_revalidating_carries_no_warning() -> None:
    (row,) = freshness([serving(PROJECTS, REVALIDATING, 10)])
    assert (row["state"], row["warning"]) == ("REVALIDATING", None)


def test_the_worst_of_nothing_is_nothing() -> None:
    assert worst([]) is None
    assert worst([FRESH, DEGRADED, REVALIDATING]) is DEGRADED

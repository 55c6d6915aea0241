"""`judge`, around every boundary of the table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.freshness import Action, Lifetime, State, judge

LIFETIME = Lifetime(ttl=300, stale_while_revalidate=300, max_stale=86_400)


@pytest.mark.parametrize(
    ("age", "action", "state"),
    [
        (0, Action.SERVE, State.FRESH),
        (299.999, Action.SERVE, State.FRESH),
        (300, Action.REVALIDATE, State.REVALIDATING),
        (599.999, Action.REVALIDATE, State.REVALIDATING),
        (600, Action.WAIT_BRIEFLY, State.REVALIDATING),
        (86_400, Action.WAIT_BRIEFLY, State.REVALIDATING),
    ],
)
def test_with_nothing_known_against_raken_age_alone_decides(age: float, action: Action, state: State) -> None:
    verdict = judge(age, LIFETIME, failing=False)
    assert (verdict.action, verdict.state) == (action, state)


@pytest.mark.parametrize(
    ("age", "state"), [(299.999, State.FRESH), (300, State.DEGRADED), (600, State.DEGRADED), (86_400, State.DEGRADED)]
)
def test_a_stale_slice_is_served_at_once_and_degraded_when_raken_fails(age: float, state: State) -> None:
    verdict = judge(age, LIFETIME, failing=True)
    assert (verdict.action, verdict.state) == (Action.SERVE, state)


@pytest.mark.parametrize("age", [None, 86_400.001])
def test_nothing_is_served_from_beyond_the_oldest_age(age: float | None) -> None:
    assert judge(age, LIFETIME, failing=False).action is Action.WAIT
    assert judge(age, LIFETIME, failing=True).action is Action.FAIL


def test_without_stale_while_revalidate_a_stale_reader_waits() -> None:
    lifetime = Lifetime(ttl=300, stale_while_revalidate=0, max_stale=86_400)
    assert judge(299.9, lifetime, failing=False).action is Action.SERVE
    assert judge(300, lifetime, failing=False).action is Action.WAIT_BRIEFLY


def test_what_is_fresh_is_served_whatever_the_oldest_age_is() -> None:
    assert judge(10, Lifetime(ttl=300, stale_while_revalidate=300, max_stale=0), failing=True).state is State.FRESH


RANK = (Action.SERVE, Action.REVALIDATE, Action.WAIT_BRIEFLY, Action.WAIT, Action.FAIL)
seconds = st.floats(min_value=0, max_value=10_000)
lifetimes = st.builds(Lifetime, seconds, seconds, seconds)


@given(lifetimes, seconds, seconds, st.booleans())
def test_freshness_is_monotone_in_age(lifetime: Lifetime, one: float, other: float, failing: bool) -> None:  # noqa: FBT001 - hypothesis hands it in
    younger, older = sorted((one, other))
    before, after = judge(younger, lifetime, failing=failing), judge(older, lifetime, failing=failing)
    assert RANK.index(before.action) <= RANK.index(after.action)
    assert (before.state is State.FRESH) >= (after.state is State.FRESH)


@given(lifetimes, seconds)
def test_a_failing_raken_is_never_asked(lifetime: Lifetime, age: float) -> None:
    assert judge(age, lifetime, failing=True).action in (Action.SERVE, Action.FAIL)

"""What an answer says beside its data: which entities it used that are not fresh."""

from collections.abc import Iterable
from typing import Any

from loaders.freshness import State
from loaders.operation import Serving
from resolvers.scalars import print_datetime

WORST = (State.FRESH, State.REVALIDATING, State.DEGRADED)


def worst(states: Iterable[State]) -> State | None:
    """The worst of some states; None of none."""
    return max(states, key=WORST.index, default=None)


def freshness(servings: Iterable[Serving]) -> list[dict[str, Any]]:
    """One row an entity that is not fresh: its worst state, oldest `fetchedAt`, and a warning of that state."""
    entities: dict[str, list[Serving]] = {}
    for serving in servings:
        entities.setdefault(serving.slice.key.entity.name, []).append(serving)
    return [_row(name, used) for name, used in entities.items() if worst(one.state for one in used) is not State.FRESH]


def _row(name: str, used: list[Serving]) -> dict[str, Any]:
    state = worst(one.state for one in used)
    return {
        "entity": name,
        "state": state.value if state else None,
        "fetchedAt": print_datetime(min(one.fetched_at for one in used)),
        "warning": next((one.warning for one in used if one.state is state and one.warning), None),
    }

"""Random examples, as many as the budget allows.

The rule it keeps: in a run of all tests they are the same each time; under `make fuzz` no two runs have the same.
"""

import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis.strategies import SearchStrategy

from tests.integration.budget import BUDGET

ROUND = 5
"Examples between two looks at the time."


def drawn(holds: Callable[[Any], None], *strategies: SearchStrategy[Any], examples: int) -> None:
    """Checks what holds of random examples of each kind; under `make fuzz` one for which it does not is made small."""

    def check(example: Any) -> None:
        BUDGET.asked += 1
        note(str(example))
        holds(example)

    profile = settings(
        max_examples=ROUND if BUDGET.seconds else examples,
        derandomize=not BUDGET.seconds,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if BUDGET.seconds else [Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    checks = [profile(given(strategy)(check)) for strategy in strategies]
    ends = time.monotonic() + BUDGET.seconds
    for checked in cycle(checks) if BUDGET.seconds else checks:
        checked()
        if BUDGET.seconds and time.monotonic() > ends:
            break

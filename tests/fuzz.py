"""`make fuzz`: every test that draws what it asks, each for its share of some time, with other questions in each run.

The rule it keeps: a question whose answer is wrong is printed, and the last line says how many there were.
"""

import argparse
import sys
import time
from pathlib import Path

import pytest

from tests.integration.budget import BUDGET

HERE = Path(__file__).parent / "integration"
DRAWING = [str(HERE / name) for name in ("test_fuzz_graphql.py", "test_openapi.py", "test_two_roles.py")]
PAIRS = 10_000
"How often two roles ask the same at once, at most."
PAIRS_A_SECOND = 20
"So many of them are asked as take about a sixth of the time."
LEAST = 0.1
"Seconds that a test has when the time is over: each is asked something."


class Fuzzing:
    """Shares the time out among the tests, and counts those that fail (a plugin of pytest's)."""

    def __init__(self, seconds: float) -> None:
        BUDGET.seconds = seconds
        BUDGET.pairs = min(PAIRS, int(seconds * PAIRS_A_SECOND))
        self.ends = time.monotonic() + seconds
        self.left = self.differences = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.left = len(session.items)

    def pytest_runtest_setup(self) -> None:
        BUDGET.seconds = max(LEAST, (self.ends - time.monotonic()) / self.left)
        self.left -= 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.differences += report.failed


def main() -> int:
    """Asks until the time is over; 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(description="Ask at random, as every role.")
    parser.add_argument("--seconds", type=float, default=600)
    fuzzing = Fuzzing(parser.parse_args().seconds)
    code = pytest.main([*DRAWING, "-q", "--timeout=0", "--tb=short", "--show-capture=no"], plugins=[fuzzing])
    print(f"operations {BUDGET.asked}, differences {fuzzing.differences}")  # noqa: T201 - what it is run for
    return int(code != 0)


if __name__ == "__main__":
    sys.exit(main())

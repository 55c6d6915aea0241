"""How much is asked at random: a little, and the same in each run; under `make fuzz` anew, for as long as that says.

The rule it keeps: it is decided once, here, for every test that draws what it asks.
"""

from dataclasses import dataclass


@dataclass
class Budget:
    """What may be asked, and what was."""

    seconds: float = 0
    "How long each test draws; 0: its own number of examples, the same in each run."
    pairs: int = 1_000
    "How often two roles ask the same at once."
    asked: int = 0
    "Examples and pairs."


BUDGET = Budget()

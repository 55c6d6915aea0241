"""The gateway against the evaluator: the same questions, the same answers."""

from random import Random

import pytest

from tests.truth.evaluator import CONTRACT
from tests.truth.generator import Generator
from tests.truth.trial import Trial

# The start of the gateway, which the first test waits for, has deadlines of its own.
pytestmark = pytest.mark.timeout(func_only=True)
SEEDS = range(10)
OTHER_SEEDS = range(50, 53)
QUESTIONS = 25


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gateway_answers_as_the_contract_says(trial: Trial, seed: int) -> None:
    ask(trial, seed)


@pytest.mark.parametrize("seed", OTHER_SEEDS)
def test_it_answers_so_whichever_way_raken_is_to_be_read(other_trial: Trial, seed: int) -> None:
    ask(other_trial, seed)


def ask(trial: Trial, seed: int) -> None:
    """Some questions of every kind, each twice."""
    generator = Generator(CONTRACT, seed, trial.known())
    random = Random(seed)
    for _ in range(QUESTIONS):
        trial.check(generator.question(), random.choice(trial.askers()), times=2)
    assert trial.refused < trial.asked / 20

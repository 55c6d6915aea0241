"""The gateway against the evaluator: the same questions, the same answers."""

from random import Random

import pytest

from tests.truth.evaluator import CONTRACT
from tests.truth.generator import Generator
from tests.truth.trial import Trial

SEEDS = range(8)
QUESTIONS = 35


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gateway_answers_as_the_contract_says(trial: Trial, seed: int) -> None:
    generator = Generator(CONTRACT, seed, trial.known())
    random = Random(seed)
    for _ in range(QUESTIONS):
        trial.check(generator.question(), random.choice(trial.askers()), times=2)
    assert trial.refused < trial.asked / 20

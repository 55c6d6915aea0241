"""The gateway against the evaluator when rows have changed: Raken's and a refresh, ASR's and a mutation."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest

from tests.truth.changes import edits, member_update, project_update, updated
from tests.truth.company import Company, Row
from tests.truth.evaluator import CONTRACT
from tests.truth.generator import Generator, Question
from tests.truth.trial import ADMIN, Trial, today

# The start of the gateway, which the first test waits for, has deadlines of its own.
pytestmark = pytest.mark.timeout(func_only=True)
QUESTIONS = 30
PROJECT = "{id internalNotes asrBudgetOverride customFields extensionUpdatedAt team {id} freshness {state}}"
MEMBER = """{
    id internalUser {email} permissions assignedProjectIds internalNotes customFields extensionUpdatedAt projects {id}
}"""
NEVER = datetime.min.replace(tzinfo=UTC)
TABLES = {"projects": "project_extensions", "members": "team_member_extensions"}
UPDATES: dict[str, tuple[Callable[[Random, Company], Row], str, str]] = {
    "projects": (
        project_update,
        f"mutation ($input: ProjectExtensionInput!) {{it: updateProjectExtension(input: $input) {PROJECT}}}",
        f"query ($projectId: ID!) {{it: project(id: $projectId) {PROJECT}}}",
    ),
    "members": (
        member_update,
        f"mutation ($input: TeamMemberExtensionInput!) {{it: updateTeamMemberExtension(input: $input) {MEMBER}}}",
        f"query ($memberId: ID!) {{it: teamMember(id: $memberId) {MEMBER}}}",
    ),
}


def ask(trial: Trial, seed: int) -> None:
    """Some questions of every kind."""
    generator = Generator(CONTRACT, seed, trial.known())
    random = Random(seed)
    for _ in range(QUESTIONS):
        trial.check(generator.question(), random.choice(trial.askers()))


def change(trial: Trial, seed: int) -> None:
    """Edits in Raken, and a refresh of everything."""
    for edit in edits(Random(seed), trial.company):
        trial.sandbox.edit(**edit)
    trial.refresh()


@pytest.mark.parametrize("seed", range(100, 103))
def test_after_edits_in_raken_and_a_refresh_the_gateway_tells_the_new_truth(trial: Trial, seed: int) -> None:
    change(trial, seed)
    ask(trial, seed)


def test_it_does_so_where_raken_tells_no_changes(other_trial: Trial) -> None:
    change(other_trial, 110)
    ask(other_trial, 110)


@pytest.mark.parametrize("kind", UPDATES)
def test_a_mutation_answers_with_what_is_then_read(trial: Trial, kind: str) -> None:
    draw, mutation, query = UPDATES[kind]
    random = Random(kind)
    for _ in range(20):
        update = draw(random, trial.company)
        uuid = update.get("projectId") or update["memberId"]
        before = trial.company.extension(TABLES[kind], uuid)
        response = trial.gateway.ask(Question(mutation, {"input": update}), ADMIN)
        trial.read_ours()
        after = trial.company.extension(TABLES[kind], uuid)
        assert updated(after, {}) == updated(before, update), update
        assert before.get("updated_at", NEVER) < after["updated_at"], update
        question = Question(query, {"projectId": uuid, "memberId": uuid})
        assert trial.wrong(trial.truth(question, ADMIN, today()), response) == "", update
        trial.check(question, ADMIN)


@pytest.mark.parametrize("seed", range(200, 202))
def test_after_mutations_the_gateway_tells_the_new_truth(trial: Trial, seed: int) -> None:
    random = Random(seed)
    for draw, mutation, _ in list(UPDATES.values()) * 5:
        trial.gateway.ask(Question(mutation, {"input": draw(random, trial.company)}), ADMIN)
    trial.read_ours()
    ask(trial, seed)

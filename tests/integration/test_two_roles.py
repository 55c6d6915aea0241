"""Two people of different roles who ask the same thing at the same moment: each gets their own answer, always."""

import asyncio

import pytest

from tests.integration.budget import BUDGET
from tests.integration.door import Answer, Door

QUERY = "{ me { id role } projects(first: 1) { nodes { name internalNotes } } }"
ABREAST = 20


def own(answer: Answer, role: str) -> bool:
    """Whether an answer is what somebody of a role gets, and nothing of another's."""
    closed = {"projects.nodes.0.internalNotes": "FORBIDDEN"} if role == "VIEWER" else {}
    return bool(answer.json["data"]["me"] == {"id": f"a {role}", "role": role} and answer.codes == closed)


@pytest.mark.slow  # 2,000 answers
async def test_nobody_gets_anothers_answer_however_often_two_ask_the_same_at_once(door: Door) -> None:
    roles = ["VIEWER", "MANAGER"] * ABREAST
    for _ in range(BUDGET.pairs // ABREAST):
        answers = await asyncio.gather(*(door.ask(QUERY, role=role, sub=f"a {role}") for role in roles))
        assert all(map(own, answers, roles))
        BUDGET.asked += ABREAST

"""A gateway before which time stands still, and people of every role at its door, one after the other.

The rule it keeps: what is compared was read before; an answer is the next one's but for who asks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from sandbox.running import Address
from tests.integration.door import RESPONSE, ROLES, Answer, Door, signed
from tests.integration.lab import Lab, lab, today
from tests.integration.questions import Known, Question
from tests.integration.replay import Place

AWAY = b"UPSTREAM_UNAVAILABLE"
LESSER = tuple(role for role in ROLES if role != "ADMIN")
TRIES = 9
LISTS = "{projects(first: 9) {edges {cursor node {id}}} teamMembers(first: 9) {edges {cursor node {id}}}}"
SET = """mutation ($project: ID!, $member: ID!) {
  updateProjectExtension(input: {projectId: $project, internalNotes: "a", asrBudgetOverride: "1.5"}) { id }
  updateTeamMemberExtension(input: {memberId: $member, internalNotes: "b", permissions: ["c"]}) { id }
}"""


class Gate:
    """The door, and the loop that it is called in."""

    def __init__(self, lab: Lab, runner: asyncio.Runner) -> None:
        self.lab, self.runner = lab, runner

    def whole(self, call: Callable[[Door], Awaitable[Answer]]) -> Answer:
        """The answer to a call when nothing is still being read for it."""
        return self.runner.run(self._whole(call))

    async def _whole(self, call: Callable[[Door], Awaitable[Answer]]) -> Answer:
        answer = await call(self.lab.door)
        for _ in range(TRIES):
            if AWAY not in answer.body:
                break
            await self.lab.landed()
            answer = await call(self.lab.door)
        return answer

    def ask(self, question: Question, role: str | None) -> Answer:
        """The answer to a role; None is a stranger."""
        headers = signed(role) if role else {"accept": RESPONSE}
        body = {"query": question.query, "variables": question.variables}
        return self.whole(lambda door: door.post(body, headers))

    def data(self, query: str, **variables: Any) -> Any:
        """What an admin is told."""
        return self.whole(lambda door: door.ask(query, variables)).data

    def listed(self, path: str) -> list[dict[str, Any]]:
        """Some rows of a collection."""
        answer = self.whole(lambda door: door.call("GET", f"/api/{path}/?first=3", headers=signed()))
        return list(answer.json["nodes"])

    def audited(self) -> int:
        """How much has been done, by the audit log."""
        return int(self.data("{auditLog(first: 0) {totalCount}}")["auditLog"]["totalCount"])

    def known(self) -> Known:
        """What there is to name: some projects and members."""
        edges = [edge for list_ in self.data(LISTS).values() for edge in list_["edges"]]
        return Known([edge["node"]["id"] for edge in edges], [edge["cursor"] for edge in edges], today())


def failures(answer: Answer) -> dict[Place, str]:
    """The codes of an answer's errors, by their places."""
    return {tuple(error.get("path", ())): error["extensions"]["code"] for error in answer.errors}


@contextmanager
def opened_gate(sandbox: Address, home: str) -> Iterator[Gate]:
    """A gate that is open while the context lasts; what is guarded is set on a project and on a member."""
    with asyncio.Runner() as runner:
        opening = lab(sandbox, home)
        gate = Gate(runner.run(opening.__aenter__()), runner)
        project, member = (list_["edges"][0]["node"]["id"] for list_ in gate.data(LISTS).values())
        gate.data(SET, project=project, member=member)
        # Ages are told in whole seconds, and are not to grow between two answers.
        gate.lab.clock._looks = repeat(next(gate.lab.clock._looks))
        yield gate
        runner.run(opening.__aexit__(None, None, None))

"""One trial: a sandbox, a gateway before it, and the evaluator that knows both sides' rows.

The rule it keeps: a question is put to the gateway and to the evaluator, and whoever reads a failure has all of it:
the question, who asked, the first place where the answers part, and both values there.
"""

import asyncio
import json
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

from graphql import parse, print_ast

from sandbox.running import Address
from tests.truth import ours
from tests.truth.answers import Answer, Path, differences, placed
from tests.truth.arguments import Known
from tests.truth.company import LOGS, NEEDED, Company, Row
from tests.truth.evaluator import evaluate
from tests.truth.generator import Question
from tests.truth.joins import Truth, who
from tests.truth.lists import Cursor
from tests.truth.served import TTLS, Asker, Gateway
from tests.waiting import GUARD

ADMIN = Asker("stranger@asr.example", "ADMIN")
PROJECT_LOGS = """
    query ($id: ID!, $from: Date, $to: Date) {project(id: $id) {
        timeCards(from: $from, to: $to, first: 0) {totalCount}
        workLogs(from: $from, to: $to, first: 0) {totalCount}
        equipmentLogs(from: $from, to: $to, first: 0) {totalCount}
        materialLogs(from: $from, to: $to, first: 0) {totalCount}
        dailyReports(from: $from, to: $to, first: 0) {totalCount}
        observations(from: $from, to: $to, first: 0) {totalCount}
        materials {id}
    }}
"""
LISTS = "{projects {totalCount} equipment {id} materials {id} teamMembers {nodes {classification {id}}}}"
MATERIAL_LOGS = """
    query ($id: ID!, $from: Date, $to: Date) {project(id: $id) {
        materialLogs(from: $from, to: $to, first: 1000) {nodes {id date quantity material {id}} totalCount}
    }}
"""
REFRESH = "mutation ($entities: [RakenEntity!]) {refresh(entities: $entities) {entity ok error}}"


def today() -> date:
    """What the gateway takes for today: COMPANY_TIME_ZONE is UTC."""
    return datetime.now(UTC).date()


class Trial:
    """Asks both and compares. `refused` counts questions that the gateway found too complex."""

    def __init__(self, sandbox: Address, gateway: Gateway, database_url: str) -> None:
        self.sandbox, self.gateway, self.database_url = sandbox, gateway, database_url
        self.cursors: dict[str, Cursor] = {}
        self.asked = self.refused = 0
        self.company = self.read()

    def read(self) -> Company:
        """Every row there is now."""
        raken = {name: self.sandbox.rows(name) for name in NEEDED}
        for fault in self.sandbox.faults():
            raken[fault["path"][1:]][0] |= fault["values"]
        silent = [name for name in (*LOGS, "materials") if not any(map(names_project, raken[name]))]
        projects = [row["uuid"] for row in raken["projects"]]
        stamped = {name: {uuid: self.sandbox.rows(name, projectUuid=uuid) for uuid in projects} for name in silent}
        return Company(raken, asyncio.run(ours.read(self.database_url)), stamped)

    def read_ours(self) -> None:
        """Reads ASR's rows again, those of Raken being as they were."""
        self.company = self.company.having(asyncio.run(ours.read(self.database_url)))

    def known(self) -> Known:
        """What there is to ask about."""
        projects, members = self.company.all("projects"), self.company.all("members")
        # The rows that came last are the odd ones.
        words = [row["name"][:5].swapcase() for row in projects[-9:]] + [row.get("number") for row in projects[-4:]]
        for row in members[-8:]:
            words += [row["firstName"][1:4].upper(), row["lastName"].lower(), row.get("employeeId"), row.get("email")]
        return Known(
            projects=[row["uuid"] for row in projects],
            members=[row["uuid"] for row in members],
            words=[*filter(None, words), "e"],
            roles=sorted({row["role"] for row in members}),
            first_day=date.fromisoformat(min(row["date"] for row in self.company.all("timeCards"))),
            today=today(),
            cursors=self.cursors,
        )

    def askers(self) -> list[Asker]:
        """Strangers of every role, and accounts whose tokens claim another role than theirs."""
        accounts = self.company.asr["accounts"]
        strangers = [Asker("stranger@asr.example", role) for role in ours.ROLES]
        return [*strangers, Asker(accounts[0]["id"], "ADMIN"), Asker(accounts[2]["email"].upper(), "VIEWER")]

    def check(self, question: Question, asker: Asker, times: int = 1) -> None:
        """Holds the gateway's answers to a question against the evaluator's; the second may be one that it kept."""
        expected = {today(): self.truth(question, asker, today())}
        for _ in range(times):
            response = self.gateway.ask(question, asker)
            self.asked += 1
            if codes(response) == ["QUERY_TOO_COMPLEX"]:
                self.refused += 1
                return
            if today() not in expected:
                expected[today()] = self.truth(question, asker, today())
            wrong = [self.wrong(answer, response) for answer in expected.values()]
            assert "" in wrong, f"{wrong[0]}\n{told(question, asker)}"

    def wrong(self, expected: Answer, response: dict[str, Any]) -> str:
        """What is wrong with a response, in words; nothing if nothing is."""
        if "INTERNAL_SERVER_ERROR" in codes(response):
            return f"{response['errors']}\n{self.gateway.printed()}"
        if found := list(differences(expected.data, response.get("data"), self.cursors)):
            also = f"\n  and {len(found) - 1} more differences" * (len(found) > 1)
            return f"{found[0]}{also}\n  errors: {response.get('errors')}"
        if missed := different(expected.errors, problems(response)):
            return f"{missed}\n  errors: {response.get('errors')}"
        if "freshness" in response.get("extensions", {}):
            return f"expected no extensions.freshness, but got {response['extensions']['freshness']}"
        return ""

    def truth(self, question: Question, asker: Asker, day: date) -> Answer:
        """The evaluator's answer."""
        truth = Truth(self.company, day, who(self.company, asker.sub, asker.role), TTLS, self.cursors)
        return evaluate(truth, question.query, question.variables, question.operation)

    def warm(self) -> None:
        """Asks until every slice that a question can need has been read: one operation may start 50 requests only."""
        now = today()
        windows = [(now - timedelta(days=399), now), (now + timedelta(days=1), now + timedelta(days=31))]
        self.ask_until_read(Question(LISTS, {}))
        for project in self.company.all("projects"):
            for start, end in windows:
                asked = {"id": project["uuid"], "from": start.isoformat(), "to": end.isoformat()}
                self.ask_until_read(Question(PROJECT_LOGS, asked))

    def ask_until_read(self, question: Question) -> None:
        """Asks again while anything is still being read."""
        end = time.monotonic() + GUARD
        while "UPSTREAM_UNAVAILABLE" in codes(response := self.gateway.ask(question, ADMIN)):
            assert time.monotonic() < end, f"still not read after {GUARD} s: {response['errors']}"
        assert "errors" not in response, response["errors"]

    def refresh(self) -> None:
        """Has the gateway read everything anew, and reads everything too."""
        for entity in TTLS:
            answer = self.gateway.ask(Question(REFRESH, {"entities": [entity]}), ADMIN)
            assert answer["data"]["refresh"] == [{"entity": entity, "ok": True, "error": None}], answer
        self.company = self.read()
        self.name_material_logs()

    def name_material_logs(self) -> None:
        """Takes over the ids that the gateway gives to material logs, which Raken gives none: equal rows are alike."""
        window = {"from": (today() - timedelta(days=399)).isoformat(), "to": today().isoformat()}
        for project in self.company.all("projects"):
            answer = self.gateway.ask(Question(MATERIAL_LOGS, window | {"id": project["uuid"]}), ADMIN)
            names: dict[tuple[Any, ...], list[str | None]] = {}
            for node in answer["data"]["project"]["materialLogs"]["nodes"]:
                key = node["date"], node["quantity"], (node["material"] or {}).get("id")
                names.setdefault(key, []).append(node["id"])
            if not all(log.id for log in self.company.logs("materialLogs", project["uuid"])):
                self.company.name_logs(project["uuid"], names)
                assert not any(names.values()), f"more material logs than Raken has: {names}"


def names_project(row: Row) -> bool:
    """Whether one of Raken's rows says which project it is of."""
    return bool(row.get("projectUuid") or row.get("project"))


def codes(response: dict[str, Any]) -> list[str]:
    """The distinct error codes of a response."""
    return sorted({error.get("extensions", {}).get("code", "none") for error in response.get("errors", [])})


def problems(response: dict[str, Any]) -> list[tuple[Path, str]]:
    """The errors of a response as the evaluator has them."""
    return [(tuple(error.get("path", ())), error["extensions"]["code"]) for error in response.get("errors", [])]


def different(expected: list[tuple[Path, str]], got: list[tuple[Path, str]]) -> str:
    """How two sets of errors differ, in words; nothing if they do not."""
    for path, code in expected:
        if (path, code) not in got:
            return f"at {placed(path)}\n  expected the error {code}, which is not there"
    for path, code in got:
        if got.count((path, code)) > expected.count((path, code)):
            return f"at {placed(path)}\n  got the error {code}, which should not be there (or not twice)"
    return ""


def told(question: Question, asker: Asker) -> str:
    """A question as one would ask it again."""
    operation = f" operationName: {question.operation}" if question.operation else ""
    query = print_ast(parse(question.query))
    return f"asked by {asker.sub} as {asker.role}\nvariables: {json.dumps(question.variables)}{operation}\n{query}"

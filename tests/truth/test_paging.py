"""The laws of paging: whoever walks a list by its cursors has all of it, once, in order."""

from collections import Counter
from typing import Any

import pytest

from tests.truth.generator import Question
from tests.truth.trial import ADMIN, Trial, today

# The start of the gateway, which the first test waits for, has deadlines of its own.
pytestmark = pytest.mark.timeout(func_only=True)
PAGE = "totalCount nodes {id} edges {cursor node {id}} pageInfo {hasNextPage hasPreviousPage startCursor endCursor}"
DATED = ("timeCards", "workLogs", "equipmentLogs", "materialLogs", "dailyReports", "observations")
LISTS = {
    "projects": "query (PAGES) {projects(filter: {}, first: $first, after: $after) {PAGE}}",
    "teamMembers": "query (PAGES) {teamMembers(filter: {}, first: $first, after: $after) {PAGE}}",
    "timeCards": "query (PAGES, $from: Date!, $to: Date!) {timeCards(WINDOW) {PAGE}}",
    "a member's timeCards": "query (PAGES, $from: Date!, $to: Date!, $member: ID!) {of: teamMember(id: $member) "
    "{timeCards(WINDOW) {PAGE}}}",
} | {
    f"a project's {name}": "query (PAGES, $from: Date!, $to: Date!, $project: ID!) {of: project(id: $project) "
    f"{{{name}(WINDOW) {{PAGE}}}}}}"
    for name in DATED
}
WORDS = {
    "PAGES": "$first: Int, $after: String",
    "WINDOW": "from: $from, to: $to, first: $first, after: $after",
    "PAGE": PAGE,
}


def written(query: str) -> str:
    """A query with its words written out."""
    for word, text in WORDS.items():
        query = query.replace(word, text)
    return query


def busiest(trial: Trial, collection: str, name: str) -> str:
    """The project or member with the most time cards."""
    counts = Counter(card[name]["uuid"] for card in trial.company.all("timeCards"))
    uuids: list[str] = [row["uuid"] for row in trial.company.all(collection)]
    return max(uuids, key=counts.__getitem__)


def page(trial: Trial, name: str, **variables: Any) -> Any:
    """One page of a list, which is also what the evaluator says."""
    window = {"from": trial.known().first_day.isoformat(), "to": today().isoformat()}
    of = {"project": busiest(trial, "projects", "project"), "member": busiest(trial, "members", "worker")}
    question = Question(written(LISTS[name]), window | of | variables)
    trial.check(question, ADMIN)
    (answer,) = trial.gateway.ask(question, ADMIN)["data"].values()
    return answer if "pageInfo" in answer else next(iter(answer.values()))


def walk(trial: Trial, name: str, size: int, **variables: Any) -> list[Any]:
    """Every page of a list, each after the one before."""
    pages = [page(trial, name, first=size, **variables)]
    while pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append(page(trial, name, first=size, after=pages[-1]["pageInfo"]["endCursor"], **variables))
        assert len(pages) <= pages[0]["totalCount"], "a walk without end"
    return pages


@pytest.mark.parametrize("share", [1, 2, 9])
@pytest.mark.parametrize("name", LISTS)
def test_a_walk_by_cursors_gives_the_whole_list_once_and_in_order(trial: Trial, name: str, share: int) -> None:
    whole = page(trial, name, first=1000)
    size = max(1, min(1000, whole["totalCount"] // share))
    pages = walk(trial, name, size)
    edges = [edge for each in pages for edge in each["edges"]]
    assert [edge["node"] for edge in edges][:1000] == whole["nodes"]
    assert len({edge["cursor"] for edge in edges}) == whole["totalCount"] == len(edges)
    for number, each in enumerate(pages):
        assert each["totalCount"] == whole["totalCount"]
        assert each["pageInfo"]["hasPreviousPage"] == (number > 0)
        assert each["nodes"] == [edge["node"] for edge in each["edges"]]
        ends = [edge["cursor"] for edge in each["edges"]][:: len(each["edges"]) - 1 or 1] or [None, None]
        assert [each["pageInfo"]["startCursor"], each["pageInfo"]["endCursor"]] == [ends[0], ends[-1]]


@pytest.mark.parametrize("name", LISTS)
def test_behind_the_last_cursor_there_is_nothing_but_the_count(trial: Trial, name: str) -> None:
    total = page(trial, name, first=0)["totalCount"]
    last = walk(trial, name, 1000)[-1]["pageInfo"]["endCursor"]
    after = page(trial, name, first=5, after=last)
    assert after["nodes"] == []
    assert after["totalCount"] == total
    assert after["pageInfo"]["hasNextPage"] is False
    assert after["pageInfo"]["hasPreviousPage"] is (total > 0)

"""What the gateway says of itself: its counts, its line in the log, and what neither ever tells."""

import asyncio
import gc
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.logs import forgotten
from loaders.extensions import ProjectExtensions
from resolvers.schema import ENTITIES
from sandbox.running import Address
from tests.integration.conftest import Line
from tests.integration.door import Answer, Door, opened, signed, token

STATUS = "{ cacheStatus { entity hits misses hitRate upstreamRequests objects lastRefreshedAt lastError } }"
PAGE = """query Dashboard {
  projects { nodes { name team { lastName } timeCards { totalCount } } }
  more: projects(first: 1) { totalCount }
}"""


@pytest.fixture
async def door(sandbox: Address, line: Line) -> AsyncIterator[Door]:
    """Yields the door of a gateway that nobody has asked yet; the sandbox has counted nothing."""
    async with opened(sandbox, line.dsn) as door:
        sandbox.forget_counts()
        yield door
        sandbox.lift()


async def metrics(door: Door) -> dict[str, float]:
    """The samples of `/metrics`, by name and labels."""
    answer = await door.call("GET", "/metrics")
    assert (answer.status, answer.media_type) == (200, "text/plain")
    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def reads(samples: dict[str, float]) -> dict[str, Counter[str]]:
    """The reads of each entity by outcome."""
    found: dict[str, Counter[str]] = {}
    for name, value in samples.items():
        match = re.fullmatch(r'raken_gateway_reads_total\{entity="(\w+)",outcome="(\w+)"\}', name)
        if match:
            found.setdefault(match[1], Counter())[match[2]] = int(value)
    return found


async def statuses(door: Door) -> dict[str, dict[str, Any]]:
    return {row["entity"]: row for row in (await door.ask(STATUS)).data["cacheStatus"]}


async def test_a_slice_counts_once_an_operation_however_often_it_is_read(door: Door, sandbox: Address) -> None:
    await door.ask(PAGE)
    first = await statuses(door)
    for name in ("PROJECTS", "MEMBERS"):
        assert (first[name]["hits"], first[name]["misses"], first[name]["hitRate"]) == (0, 1, 0.0)
    months = first["TIME_CARDS"]["misses"]
    assert months in (1, 2)
    for _ in range(3):
        await door.ask(PAGE)
    after = await statuses(door)
    for name, slices in (("PROJECTS", 1), ("MEMBERS", 1), ("TIME_CARDS", months)):
        assert (after[name]["hits"], after[name]["misses"], after[name]["hitRate"]) == (3 * slices, slices, 0.75)
    assert after["EQUIPMENT"]["hitRate"] is None


async def test_the_counts_are_those_of_the_sandbox(door: Door, sandbox: Address) -> None:
    sandbox.fault("status", "/timeCards", status=500, times=1)
    await door.ask(PAGE)
    await door.ask(PAGE)
    paths = sandbox.counts()["paths"]
    samples, rows = await metrics(door), await statuses(door)
    for name, entity in ENTITIES.items():
        counted = paths.get(entity.path, {"all": 0, "statuses": {}})
        assert rows[name]["upstreamRequests"] == counted["all"]
        for status, number in counted["statuses"].items():
            assert samples[f'raken_gateway_upstream_requests_total{{entity="{name}",status="{status}"}}'] == number
        outcomes = reads(samples).get(name, Counter())
        assert rows[name]["hits"] == sum(outcomes[outcome] for outcome in ("hit", "stale", "degraded"))
        assert rows[name]["misses"] == outcomes["miss"] + outcomes["error"]
    assert samples['raken_gateway_upstream_requests_total{entity="TIME_CARDS",status="500"}'] == 1
    assert samples['raken_gateway_answers_total{source="graphql_core"}'] == 2
    assert samples["raken_gateway_slices_bytes"] > 0


async def test_every_metric_carries_the_gateways_name(door: Door) -> None:
    await door.ask(PAGE)
    samples = await metrics(door)
    assert all(name.startswith("raken_gateway_") for name in samples)
    assert not any("_created" in name for name in samples)


async def test_requests_today_are_the_data_requests_that_the_sandbox_counted(door: Door, sandbox: Address) -> None:
    await door.ask(PAGE)
    answer = await door.ask("{ upstreamStatus { requestsToday } }")
    assert answer.data["upstreamStatus"]["requestsToday"] == sandbox.requests() > 0


async def test_each_request_is_timed_by_its_status(door: Door) -> None:
    await door.ask("{ me { id } }")
    await door.get("{ me { id } }")
    await door.post(b"[]", signed())
    samples = await metrics(door)
    for status in (200, 400, 401):
        assert samples[f'raken_gateway_request_seconds_count{{status="{status}"}}'] == 1


async def logged(door: Door, query: str, role: str = "ADMIN", **more: Any) -> dict[str, Any]:
    """The one line that a request leaves in the log."""
    with capture_logs() as lines:
        await door.ask(query, role=role, **more)
    (line,) = [dict(line) for line in lines if line["event"] == "graphql"]
    return line


async def test_a_request_leaves_a_line_that_says_who_what_and_what_it_cost(door: Door, sandbox: Address) -> None:
    first = await logged(door, PAGE, role="PAYROLL")
    assert (first["operation"], first["role"], first["status"], first["errors"]) == ("Dashboard", "PAYROLL", 200, [])
    assert first["upstream_requests"] == sandbox.requests()
    assert set(first["cache"]) == {"miss"}
    assert 0 < first["ms"] < 5_000
    assert first["account"] is None  # nobody's: the subject may be anything, an email too
    again = await logged(door, PAGE)
    assert (again["upstream_requests"], set(again["cache"])) == (0, {"hit"})
    assert sum(again["cache"].values()) == sum(first["cache"].values())


async def test_the_line_names_the_codes_of_what_failed(door: Door) -> None:
    line = await logged(door, "{ projects(first: -1) { totalCount } upstreamStatus { circuit } }", role="VIEWER")
    assert (line["operation"], line["errors"]) == (None, ["BAD_USER_INPUT", "FORBIDDEN"])
    assert (await logged(door, "{ nothing }"))["errors"] == ["GRAPHQL_VALIDATION_FAILED"]


async def test_what_is_not_an_operation_of_the_document_does_not_reach_the_log(door: Door) -> None:
    with capture_logs() as lines:
        await door.post({"query": "query A { me { id } }", "operationName": "canary"}, signed())
        await door.post({"query": f"query {'long' * 1000} {{ me {{ id }} }}"}, signed())
    assert [len(line["operation"] or "") for line in lines] == [0, 100]


async def test_no_line_and_no_metric_ever_tells_a_secret(
    door: Door, sandbox: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    project = (await door.ask("{ projects(first: 1) { nodes { id name } } }")).data["projects"]["nodes"][0]
    sent = token(sub="canary-subject")
    answers: list[Answer] = []
    with capture_logs() as lines:
        await change(door, project["id"], sent)
        sandbox.expire_tokens()
        sandbox.fault("unauthorized", "/members", times=2)
        answers.append(await door.ask('{ teamMembers(filter: { search: "canary-search" }) { totalCount } }'))
        answers.append(await door.get("{ me { id } }", {"authorization": "Bearer canary.bearer.token"}))
        answers.append(await door.get("{ me { id } }", {"cookie": f"raken_gateway_session={sent}x"}))
        login = 'mutation { login(email: "canary@mail", password: "canary-password") { token } }'
        answers.append(await door.post({"query": login}))
    told = f"{lines} {capsys.readouterr()} {(await door.call('GET', '/metrics')).body!r}"
    bodies = b"".join(answer.body for answer in answers).decode()
    for secret in ("canary", sent, "seed-", "sandbox-access", project["name"]):
        assert secret not in told
    for secret in ("canary", sent, "seed-"):
        assert secret not in bodies


async def change(door: Door, project: str, sent: str) -> None:
    """Writes canaries into every field of ours, once so that they are kept and once so that they are refused."""
    mutation = "mutation Note($input: ProjectExtensionInput!) { updateProjectExtension(input: $input) { id } }"
    fields = {"projectId": project, "internalNotes": "canary-notes", "customFields": {"canary": "canary"}}
    headers = {"authorization": f"Bearer {sent}"}
    kept = await door.post({"query": mutation, "variables": {"input": fields}}, headers)
    assert kept.data == {"updateProjectExtension": {"id": project}}
    refused = {"input": {**fields, "ifUpdatedAt": None}}
    assert (await door.post({"query": mutation, "variables": refused}, headers)).codes == {
        "updateProjectExtension": "CONFLICT"
    }


async def test_what_nobody_foresaw_is_masked_and_the_log_has_it_under_the_same_id(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: object, _ids: object) -> dict[str, object]:
        raise RuntimeError("canary: the inside of the gateway")

    monkeypatch.setattr(ProjectExtensions, "many", broken)
    with capture_logs([merge_contextvars]) as lines:
        answer = await door.ask("{ me { id } projects(first: 1) { nodes { name internalNotes } } }")
    assert answer.status == 200
    assert answer.codes == {"projects.nodes.0.internalNotes": "INTERNAL_SERVER_ERROR"}
    assert answer.json["data"]["me"] == {"id": "somebody"}
    assert answer.json["data"]["projects"]["nodes"][0]["name"]
    (error,) = answer.errors
    id_ = answer.headers["x-request-id"]
    assert error["message"] == f"something went wrong that was not foreseen; the log has it as request {id_}"
    assert "canary" not in answer.body.decode()
    (line,) = [line for line in lines if line["event"] == "unforeseen_error"]
    assert (line["request_id"], line["field"]) == (id_, "internalNotes")
    assert "canary" in str(line["exc_info"])


async def test_a_crash_outside_of_every_field_is_a_masked_500(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_viewer: object) -> None:
        raise RuntimeError("canary: the inside of the gateway")

    monkeypatch.setattr(door.gateway.endpoint, "_contexts", broken)
    with capture_logs([merge_contextvars]) as lines:
        answer = await door.ask("{ me { id } }")
    id_ = answer.headers["x-request-id"]
    assert (answer.status, answer.codes) == (500, {"": "INTERNAL_SERVER_ERROR"})
    assert id_ in answer.errors[0]["message"]
    assert "canary" not in answer.body.decode()
    assert [(line["event"], line["request_id"]) for line in lines] == [("unforeseen_error", id_)]


async def test_the_path_of_a_crash_is_logged_without_what_it_names(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.gateway.doorkeeper, "viewer", None)
    with capture_logs() as lines:
        answer = await door.call("GET", "/auth/raken/callback/canary")
    assert answer.status == 500
    assert [line["path"] for line in lines] == ["/auth/raken/callback/{state}"]


async def test_what_the_event_loop_is_left_with_is_logged_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def left() -> None:
        raise RuntimeError("canary: the inside of the gateway")

    asyncio.get_running_loop().set_exception_handler(forgotten)
    with capture_logs() as lines:
        task = asyncio.create_task(left())
        await asyncio.wait([task])
        del task
        gc.collect()
    (line,) = lines
    assert (line["event"], line["what"]) == ("unforeseen_error", "Task exception was never retrieved")
    assert "canary" not in str({**line, "exc_info": None})
    assert not caplog.records


async def test_a_value_of_ours_that_the_schema_cannot_say_is_masked_too(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.desk.total", lambda _slices: 2**40)
    answer = await door.ask("{ me { id } cacheStatus { objects } }")
    assert answer.json["data"] == {"me": {"id": "somebody"}, "cacheStatus": None}
    assert answer.codes == {"cacheStatus.0.objects": "INTERNAL_SERVER_ERROR"}
    assert str(2**40) not in answer.body.decode()

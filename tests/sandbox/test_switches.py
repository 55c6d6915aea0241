"""Each doubt about Raken, flipped."""

import dataclasses
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.running import Address
from sandbox.switches import DOCS, NAMES, Switches, flipped
from tests.sandbox.reader import Reader

DAY = {"fromDate": "2026-11-18", "toDate": "2026-11-19", "limit": 1000}
HERE = Path(__file__)


def test_the_statuses_of_a_list_without_statuses(reader: Reader, address: Address) -> None:
    address.switch(default_statuses=["INACTIVE", "DELETED"])
    assert {row["status"] for row in reader.all("/projects")} == {"INACTIVE", "DELETED"}
    address.switch(default_statuses=[])
    assert reader.all("/projects") == address.rows("projects")


def test_a_status_that_nobody_knows_can_be_ignored(reader: Reader, address: Address) -> None:
    address.switch(unknown_status="ignored")
    assert reader.get("/members", statuses="RETIRED").rows == []
    assert reader.all("/members", statuses="RETIRED,ACTIVE") == reader.all("/members")


def test_a_status_that_a_row_has_been_given_is_known(reader: Reader, address: Address) -> None:
    project = address.add("projects", status="PAUSED")
    assert reader.get("/projects", statuses="PAUSED").rows == [project]


def test_deleted_rows_can_be_hidden(reader: Reader, address: Address) -> None:
    uuid = reader.all("/members", statuses="DELETED")[0]["uuid"]
    address.switch(deleted_listed=False)
    assert reader.all("/members", statuses="DELETED") == []
    assert reader.get(f"/members/{uuid}").status == 404


def test_a_parameter_that_nobody_knows_can_be_refused(reader: Reader, address: Address) -> None:
    assert reader.get("/members", colour="red").status == 200
    address.switch(unknown_parameters="refused")
    assert reader.get("/members", colour="red").status == 400
    assert reader.get("/members", limit=1, statuses="ACTIVE").status == 200


def test_the_limit_when_none_is_asked_for(reader: Reader, address: Address) -> None:
    address.switch(default_limit=3)
    assert reader.get("/members").page["limit"] == 3


def test_a_limit_over_the_maximum_can_be_clamped(reader: Reader, address: Address) -> None:
    address.switch(limit_over_maximum="clamped")
    assert reader.get("/members", limit=5000).status == 200


def test_a_window_can_end_before_its_to_date(reader: Reader, address: Address) -> None:
    address.switch(window_inclusive=False)
    assert {row["date"] for row in reader.get("/timeCards", **DAY).rows} == {"2026-11-18"}
    assert reader.get("/timeCards", fromDate="2026-11-18", toDate="2026-11-18").rows == []
    assert reader.get("/timeCards", fromDate="2026-10-20", toDate="2026-11-20").status == 200
    assert reader.get("/timeCards", fromDate="2026-10-19", toDate="2026-11-20").status == 400


def test_a_window_can_be_required_or_not(reader: Reader, address: Address) -> None:
    assert reader.all("/observations", limit=1000) == address.rows("observations")
    address.switch(window_required=["observations"])
    assert reader.get("/observations").status == 400
    assert reader.get("/observations", **DAY).status == 200
    assert reader.all("/workLogs", limit=1000) == address.rows("workLogs")


@pytest.mark.parametrize("name", ["workLogs", "observations", "dailyReports", "materials", "materialLogs"])
def test_a_project_can_be_required_of_each_endpoint(reader: Reader, address: Address, name: str) -> None:
    project = address.rows("projects")[0]["uuid"]
    assert reader.get(f"/{name}", **DAY).status == 200
    address.switch(project_required=[name])
    assert reader.get(f"/{name}", **DAY).status == 400
    assert reader.get(f"/{name}", **DAY, projectUuid=project).status == 200


def test_which_lists_heed_a_project(reader: Reader, address: Address) -> None:
    project = reader.get("/timeCards", **DAY).rows[0]["project"]["uuid"]
    whole = reader.get("/timeCards", **DAY).rows
    assert reader.get("/timeCards", **DAY, projectUuid=project).rows == whole
    address.switch(project_heeded=["timeCards"])
    assert reader.get("/timeCards", **DAY, projectUuid=project).rows == [
        row for row in whole if row["project"]["uuid"] == project
    ]


def test_which_lists_know_what_changed_and_what_was_deleted(reader: Reader, address: Address) -> None:
    since = {"changedSince": "2026-11-20T00:00:01Z", "changedUntil": "2026-11-20T23:00:00Z"}
    gone = {"deletedFrom": "2026-11-20T00:00:01Z", "deletedTo": "2026-11-20T23:00:00Z"}
    address.switch(changes=["members"], deletions=["members", "equipment"])
    member = address.add("members")
    uuid = address.rows("equipment")[0]["uuid"]
    address.edit("delete", "equipment", uuid=uuid)
    assert reader.get("/members", **since).rows == [member]
    assert reader.get("/equipment", **gone).rows == [{"uuid": uuid}]
    assert reader.get("/timeCards", **since).status == 400
    assert reader.get("/timeCards", **gone).status == 400


def test_what_is_told_of_a_deleted_card(reader: Reader, address: Address) -> None:
    card = address.rows("timeCards")[0]
    address.edit("delete", "timeCards", uuid=card["uuid"])
    window = {"deletedFrom": "2026-11-20", "deletedTo": "2026-11-20"}
    assert reader.get("/timeCards", **window).rows == [{"uuid": card["uuid"]}]
    address.switch(deleted_shape="row")
    assert reader.get("/timeCards", **window).rows == [card]


@pytest.mark.parametrize(
    ("path", "switch"), [("/workLogs", "project_in_work_logs"), ("/observations", "project_in_observations")]
)
def test_how_a_row_names_its_project(reader: Reader, address: Address, path: str, switch: str) -> None:
    window = {"fromDate": "2026-11-01", "toDate": "2026-11-20"}
    plain = [row["projectUuid"] for row in reader.all(path, **window)]
    address.switch(**{switch: "project"})
    assert [row["project"] for row in reader.all(path, **window)] == [{"uuid": uuid} for uuid in plain]
    address.switch(**{switch: "none"})
    assert not any("project" in row or "projectUuid" in row for row in reader.all(path, **window))


@pytest.mark.parametrize("path", ["/timeCards", "/members"])
def test_rows_can_come_newest_first(reader: Reader, address: Address, path: str) -> None:
    oldest = reader.all(path, **DAY)
    address.switch(newest_first=True)
    assert reader.all(path, **DAY | {"limit": 7}) == oldest[::-1]


def test_etags_are_honoured_sent_or_left_out(reader: Reader, address: Address) -> None:
    etag = reader.get("/members").headers["ETag"]
    same = {"If-None-Match": f'"other", {etag}'}
    assert (reader.get("/members", same).status, reader.get("/members", same).body) == (304, b"")
    assert reader.get("/members", same).headers["ETag"] == etag
    assert reader.get("/projects", same).status == 200
    address.switch(etags="sent")
    assert reader.get("/members", same).status == 200
    assert reader.get("/members").headers["ETag"] == etag
    address.switch(etags="none")
    assert "ETag" not in reader.get("/members").headers


def test_an_etag_changes_with_the_rows(reader: Reader, address: Address) -> None:
    etag = reader.get("/members").headers["ETag"]
    address.add("members")
    assert reader.get("/members", {"If-None-Match": etag}).status == 200


@pytest.mark.parametrize(
    ("form", "content_type", "body"), [("text", "text/plain; charset=utf-8", b"Not found"), ("empty", None, b"")]
)
def test_what_an_error_carries(
    reader: Reader, address: Address, form: str, content_type: str | None, body: bytes
) -> None:
    address.switch(error_body=form)
    reply = reader.get("/nothing")
    assert (reply.status, reply.body) == (404, body)
    assert reply.headers["Content-Type"] == content_type


def test_the_daily_quota_ends_with_the_utc_day(reader: Reader, address: Address) -> None:
    address.switch(daily_quota=3)
    replies = [reader.get("/userInfo") for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert replies[-1].json["message"] == "Limit exceeded"
    address.clock(now="2026-11-21T00:00:00Z")
    reader.token = address.access_token()
    assert reader.get("/userInfo").status == 200


def test_requests_past_the_rate_get_the_other_429(reader: Reader, address: Address) -> None:
    address.switch(requests_per_second=2)
    replies = [reader.get("/userInfo") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[-1].json["message"] == "Too many requests"


def test_the_two_429s_can_say_the_same(reader: Reader, address: Address) -> None:
    address.switch(daily_quota=1, limits_told_apart=False)
    reader.get("/userInfo")
    assert reader.get("/userInfo").json["message"] == "Too many requests"


def test_a_429_says_when_to_come_back_as_the_switch_has_it(reader: Reader, address: Address) -> None:
    address.clock(now="2026-11-20T23:59:00Z", stopped=True)
    address.switch(daily_quota=1)
    reader.token = address.access_token()
    reader.get("/userInfo")
    assert "Retry-After" not in reader.get("/userInfo").headers
    address.switch(retry_after="seconds")
    assert 59 <= int(reader.get("/userInfo").headers["Retry-After"]) <= 60
    address.switch(retry_after="date")
    until = parsedate_to_datetime(reader.get("/userInfo").headers["Retry-After"])
    assert until.isoformat() == "2026-11-21T00:00:00+00:00"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"window_inclusive": "false"}, {"window_inclusive": False}),
        ({"default_limit": "10"}, {"default_limit": 10}),
        ({"project_required": "workLogs,observations"}, {"project_required": ("workLogs", "observations")}),
        ({"project_required": ""}, {"project_required": ()}),
        ({"etags": "none"}, {"etags": "none"}),
        ({"expired_token_status": "403"}, {"expired_token_status": 403}),
    ],
)
def test_a_switch_is_set_by_text_as_by_json(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert flipped(Switches(), given) == dataclasses.replace(Switches(), **expected)


@pytest.mark.parametrize("wrong", [{"etag": "none"}, {"etags": "some"}, {"default_limit": "ten"}, {"changes": 3}])
def test_a_switch_or_value_that_there_is_not_is_refused(address: Address, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        address.switch(**wrong)


@pytest.mark.parametrize("name", NAMES)
def test_every_switch_is_flipped_by_a_test_and_explained_in_the_readme(name: str) -> None:
    tests = HERE.read_text() + HERE.with_name("test_oauth.py").read_text()
    assert f"{name}=" in tests or f'"{name}"' in tests
    default = getattr(Switches(), name)
    shown = (", ".join(default) or "none") if isinstance(default, tuple) else str(default)
    shown = shown.lower() if isinstance(default, bool) else shown
    assert f"| `{name}` | {shown} | {DOCS[name]} |" in (HERE.parents[2] / "sandbox" / "README.md").read_text()

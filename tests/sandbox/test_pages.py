"""The envelope, the windows and the parameters, as Raken documents them."""

from typing import Any

import pytest

from sandbox.running import Address
from tests.sandbox.reader import Reader

MONTH = {"fromDate": "2026-10-21", "toDate": "2026-11-20"}


def test_a_page_has_the_documented_envelope(reader: Reader) -> None:
    assert reader.get("/timeCards", **MONTH, offset=10, limit=5).page == {
        "offset": 10,
        "limit": 5,
        "totalElements": len(reader.all("/timeCards", **MONTH, limit=1000)),
        "next": "/timeCards?fromDate=2026-10-21&toDate=2026-11-20&offset=15&limit=5",
        "nextOffset": "15",
    }


def test_the_last_page_has_no_next_and_its_limit_is_the_number_of_rows_given(reader: Reader) -> None:
    total = reader.get("/members").page["totalElements"]
    page = reader.get("/members", offset=total - 3, limit=1000).page
    assert page == {"offset": total - 3, "limit": 3, "totalElements": total}


def test_an_offset_past_the_end_gives_an_empty_page(reader: Reader) -> None:
    reply = reader.get("/members", offset=5000, limit=10)
    assert reply.rows == []
    assert reply.page["limit"] == 0
    assert "next" not in reply.page


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_the_next_links_lead_through_every_row_once(reader: Reader, limit: int) -> None:
    days = {"fromDate": "2026-11-16", "toDate": "2026-11-20"}
    rows = reader.all("/timeCards", **days, limit=limit)
    kept = [row for row in reader.address.rows("timeCards") if row["date"] >= "2026-11-16"]
    assert rows == kept


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/members", {"limit": "0"}),
        ("/members", {"limit": "1001"}),
        ("/members", {"limit": "many"}),
        ("/members", {"offset": "-1"}),
        ("/members", {"statuses": "RETIRED"}),
        ("/timeCards", {}),
        ("/timeCards", {"fromDate": "2026-11-01"}),
        ("/timeCards", {"fromDate": "2026-11-02", "toDate": "2026-11-01"}),
        ("/timeCards", {"fromDate": "2026-10-20", "toDate": "2026-11-20"}),
        ("/timeCards", {"fromDate": "2026-1-1", "toDate": "2026-01-02"}),
        ("/timeCards", {"fromDate": "20261101", "toDate": "20261102"}),
        ("/timeCards", {"changedSince": "2026-11-01T00:00:00.000Z", "changedUntil": "2026-11-02T00:00:00Z"}),
        ("/timeCards", {"changedSince": "2026-11-01T00:00:00Z"}),
        ("/timeCards", {"changedSince": "2026-09-01T00:00:00Z", "changedUntil": "2026-11-02T00:00:00Z"}),
        ("/members", {"changedSince": "2026-11-01T00:00:00Z", "changedUntil": "2026-11-02T00:00:00Z"}),
        ("/equipmentLogs", {"fromDate": "2026-10-20", "toDate": "2026-11-20"}),
    ],
)
def test_what_raken_refuses_is_a_400_that_says_why(reader: Reader, path: str, query: dict[str, Any]) -> None:
    reply = reader.get(path, **query)
    assert reply.status == 400
    assert reply.json["code"] == 400
    assert reply.json["message"]


def test_a_window_of_31_days_is_not_too_long(reader: Reader) -> None:
    assert reader.get("/timeCards", **MONTH).status == 200


def test_both_ends_of_a_window_are_counted(reader: Reader) -> None:
    rows = reader.all("/timeCards", fromDate="2026-11-18", toDate="2026-11-19", limit=1000)
    assert {row["date"] for row in rows} == {"2026-11-18", "2026-11-19"}


def test_members_and_projects_are_active_ones_unless_statuses_are_asked_for(reader: Reader) -> None:
    for path in ("/members", "/projects"):
        assert {row["status"] for row in reader.all(path)} == {"ACTIVE"}
        assert {row["status"] for row in reader.all(path, statuses="DELETED,INACTIVE")} <= {"DELETED", "INACTIVE"}


def test_many_values_are_comma_joined_or_repeated(reader: Reader) -> None:
    joined = reader.all("/members", statuses="ACTIVE,INVITED,INACTIVE,DELETED")
    repeated = reader.all("/members", statuses=["ACTIVE", "INVITED", "INACTIVE", "DELETED"])
    assert joined == repeated == reader.address.rows("members")


def test_members_can_be_asked_for_by_classification(reader: Reader) -> None:
    members = reader.all("/members")
    wanted = next(row["classificationUuid"] for row in members if "classificationUuid" in row)
    found = reader.all("/members", classificationUuids=wanted)
    assert found == [row for row in members if row.get("classificationUuid") == wanted]


def test_a_project_and_a_member_are_found_by_uuid_whatever_their_status(reader: Reader) -> None:
    for path in ("projects", "members"):
        for row in reader.address.rows(path):
            assert reader.get(f"/{path}/{row['uuid']}").json == row
        assert reader.get(f"/{path}/nobody").status == 404


def test_an_equipment_log_is_in_every_window_that_its_assignment_touches_whole(reader: Reader) -> None:
    kept = reader.address.rows("equipmentLogs")
    reader.address.edit("change", "equipmentLogs", uuid=kept[0]["uuid"], fields={"endDate": None})
    for first, last in (("2026-11-20", "2026-11-20"), ("2026-10-01", "2026-10-20"), ("2027-01-01", "2027-01-02")):
        found = reader.all("/equipmentLogs", fromDate=first, toDate=last, limit=1000)
        kept = reader.address.rows("equipmentLogs")
        assert found == [r for r in kept if r["startDate"] <= last and r.get("endDate", "9999") >= first]
        assert found


def test_an_assignment_touches_a_window_that_begins_or_ends_with_it(reader: Reader, address: Address) -> None:
    fields = {"startDate": "2026-11-05", "endDate": "2026-11-10"}
    log = address.edit("change", "equipmentLogs", uuid=address.rows("equipmentLogs")[0]["uuid"], fields=fields)[0]
    touching = {"2026-11-04": False, "2026-11-05": True, "2026-11-10": True, "2026-11-11": False}
    for day, touches in touching.items():
        found = reader.all("/equipmentLogs", fromDate=day, toDate=day, limit=1000)
        assert (log in found) == touches, day


def test_project_uuid_picks_the_rows_of_a_project_that_do_not_name_it(reader: Reader, address: Address) -> None:
    whole = reader.all("/materials", limit=1000)
    assert all("projectUuid" not in row and "project" not in row for row in whole)
    projects = [row["uuid"] for row in address.rows("projects")]
    by_project = [row for project in projects for row in reader.all("/materials", projectUuid=project, limit=1000)]
    assert 0 < len(by_project) < len(whole)
    assert all(row in whole for row in by_project)
    assert by_project == [row for project in projects for row in address.rows("materials", projectUuid=project)]


def test_every_documented_endpoint_answers(reader: Reader) -> None:
    lists = (
        "members projects timeCards dailyReports equipment equipmentLogs materials materialUnits materialLogs workLogs "
        "observations checklists checklistTypes toolboxTalks/past costCodes payTypes shifts classifications groups "
        "budgets certificationTypes certifications"
    )
    for path in lists.split():
        assert reader.get(f"/{path}", **MONTH).rows, path
    assert set(reader.get("/userInfo").json) == {"companyUuid", "firstName", "lastName", "email", "role"}


def test_what_is_no_endpoint_is_not_found(reader: Reader) -> None:
    assert reader.get("/payroll").status == 404
    assert reader.get("/timeCards/1").status == 404


def test_numbers_are_floats_and_nothing_is_null(reader: Reader) -> None:
    body = reader.get("/timeCards", **MONTH, limit=1000).body
    assert b'"totalHours":8.0' in body
    assert b"null" not in body


def test_only_get_reads(reader: Reader) -> None:
    headers = {"Authorization": f"Bearer {reader.token}"}
    assert reader.ask("POST", "/api/projects", "{}", headers).status == 405

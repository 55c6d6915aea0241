"""The evaluator against answers worked out by hand, on a company small enough to keep in one's head."""

from typing import Any

import pytest

from tests.truth.answers import Answer, Like, differences
from tests.truth.evaluator import evaluate
from tests.truth.hand_made import COMPANY, DAVE, TODAY
from tests.truth.joins import Truth
from tests.truth.lists import Cursor


def asked(query: str, role: str = "ADMIN", cursors: dict[str, Cursor] | None = None, **variables: Any) -> Answer:
    truth = Truth(COMPANY, TODAY, {**DAVE, "role": role}, {"PROJECTS": 3600}, cursors or {})
    return evaluate(truth, query, variables)


def data(query: str, role: str = "ADMIN", **variables: Any) -> Any:
    """The data, where there is no error."""
    answer = asked(query, role, **variables)
    assert answer.errors == []
    return answer.data


def ids(rows: Any) -> list[str]:
    """The ids of a list, or of a connection's nodes."""
    return [row["id"] for row in (rows["nodes"] if isinstance(rows, dict) else rows)]


def test_projects_are_the_active_ones_by_casefolded_name_then_code_point() -> None:
    assert ids(data("{projects {nodes {id}}}")["projects"]) == ["p-a", "p-b"]


def test_a_filter_without_statuses_reaches_every_status() -> None:
    everything = ["p-gone", "p-a", "p-b", "p-new", "p-z"]
    assert ids(data("{projects(filter: {}) {nodes {id}}}")["projects"]) == everything
    assert ids(data("{projects(filter: {statuses: null}) {nodes {id}}}")["projects"]) == everything


def test_an_empty_list_selects_nothing() -> None:
    found = data(
        """{
            projects(filter: {statuses: []}) {totalCount}
            teamMembers(filter: {rakenRoles: []}) {totalCount}
            timeCards(from: "2025-03-01", to: "2025-03-31", projectIds: []) {totalCount}
        }"""
    )
    assert [found[key]["totalCount"] for key in found] == [0, 0, 0]


def test_a_status_that_is_not_in_the_enum_is_unknown_and_can_be_asked_for() -> None:
    found = data("{projects(filter: {statuses: UNKNOWN}) {nodes {name status}}}")["projects"]["nodes"]
    assert found == [{"name": "Zoo", "status": "UNKNOWN"}]


@pytest.mark.parametrize(
    ("search", "expected"), [("BRIDGE", ["p-a", "p-b"]), ("7", ["p-a"]), ("ä", ["p-z"]), ("q", [])]
)
def test_search_matches_any_part_of_name_or_number_without_regard_to_case(search: str, expected: list[str]) -> None:
    query = "query ($search: String) {projects(filter: {search: $search}) {nodes {id}}}"
    assert ids(data(query, search=search)["projects"]) == expected


@pytest.mark.parametrize(
    ("search", "expected"),
    [("zoe AD", ["m-1"]), ("asr.TEST", ["m-1"]), ("e7", ["m-2"]), ("", ["m-2", "m-1", "m-3"])],
)
def test_members_are_found_by_names_email_and_employee_id(search: str, expected: list[str]) -> None:
    query = "query ($search: String) {teamMembers(filter: {search: $search}) {nodes {id}}}"
    assert ids(data(query, search=search)["teamMembers"]) == expected


def test_empty_strings_are_null_and_a_row_that_cannot_fill_its_type_is_left_out() -> None:
    found = data('{project(id: "p-b") {number address {street city state}} gone: project(id: "p-unfit") {id}}')
    address = {"street": None, "city": "Ulm", "state": None}
    assert found == {"project": {"number": None, "address": address}, "gone": None}


def test_an_empty_string_of_ours_is_kept_and_a_budget_has_two_decimals() -> None:
    found = data('{project(id: "p-a") {internalNotes asrBudgetOverride extensionUpdatedAt}}')["project"]
    assert found == {
        "internalNotes": "",
        "asrBudgetOverride": "1234.50",
        "extensionUpdatedAt": "2025-03-01T12:00:00.000000Z",
    }


def test_without_a_row_of_ours_there_are_defaults() -> None:
    found = asked('{teamMember(id: "m-1") {internalUser {id} permissions assignedProjectIds internalNotes}}').data
    assert found["teamMember"] == {
        "internalUser": None,
        "permissions": None,
        "assignedProjectIds": None,
        "internalNotes": None,
    }
    assert asked('{project(id: "p-b") {customFields}}').data["project"]["customFields"].value == {}
    assert asked('{teamMember(id: "m-3") {customFields}}').data["teamMember"]["customFields"].value == {}


def test_guarded_fields_are_null_with_an_error_for_a_viewer() -> None:
    query = '{project(id: "p-a") {internalNotes name budget: asrBudgetOverride} cacheStatus {entity}}'
    answer = asked(query, role="VIEWER")
    assert answer.data == {"project": {"internalNotes": None, "name": "Bridge", "budget": None}, "cacheStatus": None}
    assert answer.errors == [
        (("project", "internalNotes"), "FORBIDDEN"),
        (("project", "budget"), "FORBIDDEN"),
        (("cacheStatus",), "FORBIDDEN"),
    ]


def test_the_team_is_who_has_a_card_in_the_window_and_who_is_assigned_of_every_status() -> None:
    query = '{project(id: "p-a") {team {id} march: team(from: "2025-03-02", to: "2025-03-31") {id}}}'
    assert {key: ids(team) for key, team in data(query)["project"].items()} == {
        "team": ["m-2", "m-1", "m-3"],
        "march": ["m-1", "m-3"],
    }


def test_a_members_projects_are_likewise() -> None:
    query = '{worker: teamMember(id: "m-1") {projects {id}} assigned: teamMember(id: "m-3") {projects {id}}}'
    found = data(query)
    assert ids(found["worker"]["projects"]) == ["p-a"]
    assert ids(found["assigned"]["projects"]) == ["p-gone", "p-a"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", ["t-2", "t-3", "t-1"]),
        ('(from: "2025-03-02")', ["t-1"]),
        ('(to: "2025-03-30")', ["t-2", "t-3"]),
        ('(to: "2025-03-31", from: null)', ["t-2", "t-3", "t-1"]),
        ('(from: "2025-04-02")', []),
        ('(from: "2024-02-26", to: "2025-03-31")', ["t-2", "t-3", "t-1"]),
    ],
)
def test_windows_have_their_defaults(arguments: str, expected: list[str]) -> None:
    assert (
        ids(data(f'{{project(id: "p-a") {{timeCards{arguments} {{nodes {{id}}}}}}}}')["project"]["timeCards"])
        == expected
    )


@pytest.mark.parametrize(
    "arguments",
    [
        '(from: "2024-02-25", to: "2025-03-31")',
        '(from: "2024-02-01")',
        '(from: "2025-03-02", to: "2025-03-01")',
        "(first: -1)",
        "(first: 1001)",
        '(after: "x")',
    ],
)
def test_a_wrong_window_or_page_is_bad_user_input_at_its_path(arguments: str) -> None:
    answer = asked(f'{{project(id: "p-a") {{id cards: timeCards{arguments} {{totalCount}}}}}}')
    assert answer.data == {"project": {"id": "p-a", "cards": None}}
    assert answer.errors == [(("project", "cards"), "BAD_USER_INPUT")]


def test_hours_are_summed_as_decimals_and_by_pay_types_that_there_are() -> None:
    query = '{project(id: "p-a") {hours {total approved byPayType {hours payType {id}}}}}'
    assert data(query)["project"]["hours"] == {
        "total": 8.3,
        "approved": 8.0,
        "byPayType": [{"hours": 5.0, "payType": {"id": "DT"}}, {"hours": 0.3, "payType": {"id": "OT"}}],
    }


def test_a_card_reaches_members_of_every_status_and_null_where_there_are_none() -> None:
    query = '{timeCards(from: "2025-02-28", to: "2025-03-31") {nodes {worker {id} approvedBy {fullName} note}}}'
    assert data(query)["timeCards"]["nodes"] == [
        {"worker": None, "approvedBy": None, "note": None},
        {"worker": {"id": "m-1"}, "approvedBy": None, "note": None},
        {"worker": {"id": "m-2"}, "approvedBy": None, "note": None},
        {"worker": {"id": "m-1"}, "approvedBy": {"fullName": "Amy Adams"}, "note": None},
    ]


def test_an_entrys_cost_code_carries_the_description_of_the_list() -> None:
    query = """{timeCards(from: "2025-03-31", to: "2025-03-31") {nodes {
        entries {payType {code} costCode {code division description}} breaks {minutes startTime}
    }}}"""
    assert data(query)["timeCards"]["nodes"] == [
        {
            "entries": [
                {"payType": {"code": "x"}, "costCode": {"code": "01", "division": None, "description": "Concrete"}},
                {"payType": None, "costCode": {"code": "9", "division": None, "description": None}},
            ],
            "breaks": [{"minutes": 30.0, "startTime": None}],
        }
    ]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ('from: "2025-02-01", to: "2025-02-01"', ["g-1", "g-2"]),
        ('from: "2025-01-15", to: "2025-01-15"', ["g-1", "g-2", "g-0"]),
        ('from: "2024-12-30", to: "2024-12-31"', ["g-0"]),
    ],
)
def test_an_equipment_log_is_in_a_window_that_its_assignment_touches(window: str, expected: list[str]) -> None:
    query = f'{{project(id: "p-a") {{equipmentLogs({window}) {{nodes {{id}}}}}}}}'
    assert ids(data(query)["project"]["equipmentLogs"]) == expected


def test_an_equipment_log_has_its_entries_whole_and_its_days_as_raken_says() -> None:
    query = """{project(id: "p-a") {equipmentLogs(from: "2025-02-01", to: "2025-02-01") {nodes {
        equipment {name equipmentId} daysOnsite daysNotInUse project {id} entries {id date operator {status}}
    }}}}"""
    first, second = data(query)["project"]["equipmentLogs"]["nodes"]
    assert first["entries"] == [{"id": "l-1", "date": "2025-01-09", "operator": {"status": "DELETED"}}]
    assert [first["daysOnsite"], first["daysNotInUse"], first["equipment"]] == [32, -1, None]
    assert second["equipment"] == {"name": "Crane", "equipmentId": None}
    assert second["project"] == {"id": "p-a"}


def test_a_daily_report_is_named_by_project_and_date() -> None:
    query = '{project(id: "p-a") {dailyReports {nodes {id date status pdfUrl signedByName}}}}'
    assert data(query)["project"]["dailyReports"]["nodes"] == [
        {
            "id": "p-a:2025-03-30",
            "date": "2025-03-30",
            "status": "SIGNED",
            "pdfUrl": "https://raken.test/r.pdf",
            "signedByName": "Zoe",
        }
    ]


def test_a_row_that_does_not_name_its_project_is_of_the_project_it_was_asked_for_and_its_data_is_whole() -> None:
    found = data('{project(id: "p-b") {workLogs {nodes {id project {id} data}}}}')["project"]["workLogs"]["nodes"]
    assert [found[0]["id"], found[0]["project"]] == ["w-1", {"id": "p-b"}]
    assert found[0]["data"].value == {"uuid": "w-1", "date": "2025-03-05", "": "odd"}


def test_rows_of_ours_that_raken_no_longer_answers_to_are_orphans_and_deleted_ones_are_not() -> None:
    assert data("{orphanedExtensions {entity id extensionUpdatedAt}}")["orphanedExtensions"] == [
        {"entity": "PROJECTS", "id": "p-lost", "extensionUpdatedAt": "2025-03-01T12:00:00.000005Z"}
    ]


def test_pages_follow_a_cursor_and_say_what_lies_around_them() -> None:
    query = """query ($after: String, $first: Int = 2) {project(id: "p-a") {timeCards(first: $first, after: $after) {
        nodes {id} totalCount pageInfo {hasNextPage hasPreviousPage endCursor}
    }}}"""
    first = asked(query).data["project"]["timeCards"]
    around = first["pageInfo"]
    second = asked(query, cursors={"c": around["endCursor"]}, after="c").data["project"]["timeCards"]
    assert [ids(first), around["hasNextPage"], around["hasPreviousPage"]] == [["t-2", "t-3"], True, False]
    assert [ids(second), second["totalCount"]] == [["t-1"], 3]
    assert second["pageInfo"]["hasNextPage"] is False
    assert second["pageInfo"]["hasPreviousPage"] is True
    counts = asked(query, first=0).data["project"]["timeCards"]
    assert counts == {
        "nodes": [],
        "totalCount": 3,
        "pageInfo": {"hasNextPage": True, "hasPreviousPage": False, "endCursor": None},
    }


def test_a_cursor_of_another_list_is_bad_user_input() -> None:
    answer = asked('{teamMembers(after: "c") {totalCount}}', cursors={"c": Cursor("Query.projects", ())})
    assert answer.errors == [(("teamMembers",), "BAD_USER_INPUT")]


def test_fragments_merge_and_directives_leave_fields_out() -> None:
    query = """
        query ($no: Boolean = false) {
            project(id: "p-a") {id ...Named ... on Project @skip(if: true) {status}}
            project(id: "p-a") {address @include(if: $no) {city} __typename}
        }
        fragment Named on Project {label: name id}
    """
    assert list(data(query)["project"].items()) == [("id", "p-a"), ("label", "Bridge"), ("__typename", "Project")]


def test_what_depends_on_the_run_is_known_by_its_properties() -> None:
    freshness = data('{project(id: "p-a") {freshness {state fetchedAt expiresAt ageSeconds ttlSeconds warning}}}')
    expected = freshness["project"]["freshness"]
    assert isinstance(expected["fetchedAt"], Like)
    good = {
        "state": "FRESH",
        "fetchedAt": "2025-03-31T10:00:00Z",
        "expiresAt": "2025-03-31T11:00:00Z",
        "ageSeconds": 5,
        "ttlSeconds": 3600,
        "warning": None,
    }
    assert list(differences(expected, good, {})) == []
    late = {**good, "expiresAt": "2025-03-31T11:00:01Z"}
    assert [it.path for it in differences(expected, late, {})] == [("expiresAt",)]
    assert [it.path for it in differences(expected, {**good, "ageSeconds": 3601}, {})] == [("ageSeconds",)]


def test_differences_are_found_in_order_in_kind_and_in_cursors() -> None:
    learnt: dict[str, Cursor] = {}
    one, two = Cursor("Query.projects", (1,)), Cursor("Query.projects", (2,))
    assert list(differences({"a": one, "b": [1, True]}, {"a": "x", "b": [1, True]}, learnt)) == []
    assert learnt == {"x": one}
    wrong = differences({"a": two, "b": [1, True], "c": 1}, {"a": "x", "c": 1, "b": [1, 1, 1]}, learnt)
    assert [it.path for it in wrong] == [("keys",), ("a",), ("b", 1), ("b", "length")]

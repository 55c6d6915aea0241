"""A company small enough to keep in one's head; every oddity that the contract speaks of is in it once."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.truth.company import Company, Row, Rows

TODAY = date(2025, 3, 31)
STAMPS = {"createdAt": "2024-01-01T08:00:00Z", "updatedAt": "2025-01-01T08:00:00Z"}
DAVE = {"id": "acc-1", "email": "dave@asr.test", "display_name": "Dave", "role": "ADMIN", "active": True}


def project(uuid: str, name: str, status: str = "ACTIVE", **more: Any) -> Row:
    return {"uuid": uuid, "name": name, "status": status, **STAMPS, **more}


def member(uuid: str, first: str, last: str, status: str = "ACTIVE", **more: Any) -> Row:
    return {
        "uuid": uuid,
        "firstName": first,
        "lastName": last,
        "role": "ROLE_WORKER",
        "status": status,
        **STAMPS,
        **more,
    }


def card(uuid: str, day: str, on: str, by: str, hours: float, **more: Any) -> Row:
    return {
        "uuid": uuid,
        "date": day,
        "project": {"uuid": on},
        "worker": {"uuid": by},
        "totalHours": hours,
        "approved": False,
        **STAMPS,
        **more,
    }


def entry(hours: float, pay_type: str | None) -> Row:
    return {"hours": hours} | ({"payType": {"uuid": pay_type, "name": pay_type, "code": "x"}} if pay_type else {})


RAKEN: dict[str, Rows] = {
    "projects": [
        project("p-b", "bridge", number="", address={"streetAddress1": "", "city": "Ulm"}),
        project("p-a", "Bridge", number="7", endDate="2025-12-01"),
        project("p-z", "Äcker", "INACTIVE"),
        project("p-gone", "Attic", "DELETED"),
        project("p-new", "Zoo", "PAUSED"),
        {"uuid": "p-unfit", "status": "ACTIVE", **STAMPS},
    ],
    "members": [
        member("m-1", "Zoe", "adams", email="zoe@asr.test", classificationUuid="c-1"),
        member("m-2", "Amy", "Adams", "DELETED", email="", employeeId="E7"),
        member("m-3", "", "Young", "INVITED", role="ROLE_ADMIN"),
    ],
    "classifications": [{"uuid": "c-1", "name": "Mason"}],
    "costCodes": [{"uuid": "k-1", "code": "01", "division": "D", "description": "Concrete"}],
    "timeCards": [
        card("t-3", "2025-03-01", "p-a", "m-2", 0.2, timeEntries=[entry(0.2, "OT")]),
        card("t-2", "2025-03-01", "p-a", "m-1", 0.1, timeEntries=[entry(0.1, "OT")], note=""),
        card(
            "t-1",
            "2025-03-31",
            "p-a",
            "m-1",
            8.0,
            approved=True,
            signed={"uuid": "m-2"},
            timeEntries=[
                {**entry(5.0, "DT"), "costCode": {"uuid": "k-1", "code": "01"}},
                {**entry(3.0, None), "costCode": {"uuid": "k-lost", "code": "9"}},
            ],
            breaks=[{"name": "Lunch", "duration": 30.0}],
        ),
        card("t-0", "2025-02-28", "p-b", "m-lost", 4.0),
    ],
    "equipment": [{"uuid": "e-1", "name": "Crane", "equipmentId": ""}],
    "equipmentLogs": [
        {
            "uuid": "g-2",
            "projectUuid": "p-a",
            "startDate": "2025-01-01",
            "equipment": {"uuid": "e-1", "name": "Crane", "equipmentId": ""},
        },
        {
            "uuid": "g-1",
            "projectUuid": "p-a",
            "startDate": "2025-01-01",
            "endDate": "2025-02-01",
            "daysOnsite": 32.0,
            "daysNotInUse": -1.0,
            "logs": [{"uuid": "l-1", "date": "2025-01-09", "hours": 1.5, "operator": "m-2"}],
        },
        {"uuid": "g-0", "projectUuid": "p-a", "endDate": "2025-01-15"},
    ],
    "materials": [{"uuid": "s-1", "name": "Sand", "materialUnit": {"name": "t"}, "projectUuid": "p-a"}],
    "dailyReports": [
        {
            "projectUuid": "p-a",
            "reportDate": "2025-03-30",
            "status": "SIGNED",
            "signedBy": {"name": "Zoe", "uuid": "m-1"},
            "reportLinks": {"daily": "https://raken.test/r.pdf"},
        }
    ],
}
ASR: dict[str, Rows] = {
    "project_extensions": [
        {
            "raken_project_uuid": "p-a",
            "internal_notes": "",
            "asr_budget_override": Decimal("1234.5"),
            "custom_fields": {"b": 1, "a": [True]},
            "updated_at": datetime(2025, 3, 1, 12, tzinfo=UTC),
        },
        {
            "raken_project_uuid": "p-lost",
            "internal_notes": None,
            "asr_budget_override": None,
            "custom_fields": None,
            "updated_at": datetime(2025, 3, 1, 12, 0, 0, 5, tzinfo=UTC),
        },
    ],
    "team_member_extensions": [
        {
            "raken_member_uuid": "m-3",
            "internal_user_id": "acc-1",
            "permissions": ["b", "a"],
            "assigned_project_uuids": ["p-a", "p-gone", "p-lost"],
            "internal_notes": None,
            "custom_fields": None,
            "updated_at": datetime(2025, 3, 1, tzinfo=UTC),
        }
    ],
    "accounts": [DAVE],
}
COMPANY = Company(RAKEN, ASR, {"workLogs": {"p-b": [{"uuid": "w-1", "date": "2025-03-05", "": "odd"}]}})

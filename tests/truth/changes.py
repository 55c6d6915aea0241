"""What may happen while people look: in Raken by other hands, and to ASR's rows by mutations.

The rule it keeps: the same seed on the same rows makes the same changes.
"""

from decimal import Decimal
from random import Random
from typing import Any

from tests.truth.company import Company, Row
from tests.truth.oddities import NOBODY
from tests.truth.ours import BUDGETS, FIELDS, NOTES

EDITABLE = ("timeCards", "workLogs", "observations", "equipmentLogs")


def edits(random: Random, company: Company) -> list[dict[str, Any]]:
    """A few edits of every kind."""
    cards = random.sample(company.raken["timeCards"], 12)
    project, other = random.sample(company.all("projects"), 2)
    member, leaver = random.sample(company.all("members"), 2)
    some = {name: random.choice(company.raken[name])["uuid"] for name in EDITABLE}
    return [
        {"op": "add", "collection": "timeCards", "count": 5},
        {"op": "change", "collection": "timeCards", "uuid": cards[0]["uuid"], "fields": {"totalHours": 0.3}},
        {"op": "change", "collection": "timeCards", "uuid": cards[1]["uuid"], "fields": {"project": {"uuid": NOBODY}}},
        {"op": "change", "collection": "timeCards", "uuid": cards[2]["uuid"], "fields": {"date": cards[3]["date"]}},
        *({"op": "approve", "collection": "timeCards", "uuid": card["uuid"]} for card in cards[4:7]),
        *({"op": "unapprove", "collection": "timeCards", "uuid": card["uuid"]} for card in cards[7:9]),
        *({"op": "delete", "collection": "timeCards", "uuid": card["uuid"]} for card in cards[9:]),
        {"op": "change", "collection": "projects", "uuid": project["uuid"], "fields": {"name": "Zulu", "number": ""}},
        {"op": "delete", "collection": "projects", "uuid": other["uuid"]},
        {"op": "add", "collection": "projects"},
        {"op": "change", "collection": "members", "uuid": member["uuid"], "fields": {"lastName": "aaron", "title": ""}},
        {"op": "delete", "collection": "members", "uuid": leaver["uuid"]},
        {"op": "add", "collection": "members"},
        *({"op": "add", "collection": name, "count": 2} for name in (*EDITABLE[1:], "equipment")),
        *({"op": "add", "collection": "dailyReports", "fields": fields} for fields in unreported(company)[:2]),
        {"op": "change", "collection": "workLogs", "uuid": some["workLogs"], "fields": {"workers": 1.0, "more": [{}]}},
        {"op": "purge", "collection": "observations", "uuid": some["observations"]},
        {"op": "change", "collection": "equipmentLogs", "uuid": some["equipmentLogs"], "fields": {"endDate": None}},
    ]


def unreported(company: Company) -> list[Row]:
    """Projects without a report on the last day that has one: there is one a project and date."""
    reports = company.raken["dailyReports"]
    day = max(report["reportDate"] for report in reports)
    told = {report["projectUuid"] for report in reports if report["reportDate"] == day}
    uuids = [row["uuid"] for row in company.all("projects") if row["uuid"] not in told]
    return [{"projectUuid": uuid, "reportDate": day} for uuid in uuids]


def project_update(random: Random, company: Company) -> Row:
    """The input of updateProjectExtension, some of its fields left out."""
    given = {
        "internalNotes": random.choice(NOTES),
        "asrBudgetOverride": random.choice(BUDGETS),
        "customFields": random.choice([None, *FIELDS]),
    }
    return {"projectId": random.choice(company.all("projects"))["uuid"]} | some(random, given)


def member_update(random: Random, company: Company) -> Row:
    """The input of updateTeamMemberExtension, some of its fields left out."""
    projects = [row["uuid"] for row in random.sample(company.all("projects"), 3)]
    given = {
        "assignedProjectIds": random.choice([projects, [NOBODY, *projects], projects[:1] * 2, [], None]),
        "internalUserId": random.choice([random.choice(company.asr["accounts"])["id"], None]),
        "permissions": random.choice([["payroll:read"], ["b", "a"], [], None]),
        "internalNotes": random.choice(NOTES),
        "customFields": random.choice([None, *FIELDS]),
    }
    return {"memberId": random.choice(company.all("members"))["uuid"]} | some(random, given)


COLUMNS = {
    "internalNotes": "internal_notes",
    "asrBudgetOverride": "asr_budget_override",
    "customFields": "custom_fields",
    "assignedProjectIds": "assigned_project_uuids",
    "internalUserId": "internal_user_id",
    "permissions": "permissions",
}


def updated(before: Row, update: Row) -> Row:
    """The row that an update leaves, but for its times: what is left out stays, null clears, an id names the row."""
    after = {column: before.get(column) for name, column in COLUMNS.items()}
    after |= {COLUMNS[name]: value for name, value in update.items() if name in COLUMNS}
    budget = after["asr_budget_override"]
    return after | {
        "custom_fields": after["custom_fields"] or {},
        "asr_budget_override": None if budget is None else Decimal(budget),
    }


def some(random: Random, given: Row) -> Row:
    """Two in three of the fields."""
    return {name: value for name, value in given.items() if random.random() < 0.66}

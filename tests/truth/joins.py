"""The relations of the graph, and the root lists: which rows belong together.

The rule it keeps: joins reach every status; the answer is found by looking at every row there is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from tests.truth.company import EXTENDS, Company, Log, Row, Rows
from tests.truth.lists import (
    Args,
    Cursor,
    by_date,
    by_name,
    by_person,
    by_start,
    chosen,
    found,
    page,
    touches,
    window,
)

PROJECT_STATUSES = ("ACTIVE", "INACTIVE", "DELETED")
MEMBER_STATUSES = ("ACTIVE", "INVITED", "INACTIVE", "DELETED")


@dataclass(frozen=True)
class Truth:
    """All there is to know when a question is asked: the rows, the day, who asks, each entity's ttl, the cursors.

    `cursors`: what the gateway's opaque ones mean, as earlier answers showed.
    """

    company: Company
    today: date
    me: Row
    ttls: dict[str, int]
    cursors: dict[str, Cursor] = field(default_factory=dict)


Field = Callable[[Truth, Any, Args], Any]


def who(company: Company, sub: str, claim: str) -> Row:
    """The account that a token's `sub` names, by id or by email; a stranger is its own, in the claim's role."""
    for account in company.asr["accounts"]:
        if sub == account["id"] or sub.casefold() == account["email"].casefold():
            return account
    return {"id": sub, "email": sub, "display_name": sub, "role": claim, "active": True}


def raw(parent: Any) -> Row:
    """Raken's row of an object."""
    row: Row = parent.row if isinstance(parent, Log) else parent
    return row


def inside(row: Row, *way: str) -> Any:
    """The value at the end of the way; null where the way ends early."""
    value: Any = row
    for name in way:
        value = (value or {}).get(name)
    return value


def status(row: Row, known: tuple[str, ...]) -> str:
    """A status that is not in the enum is UNKNOWN."""
    return row["status"] if row["status"] in known else "UNKNOWN"


def full_name(member: Row) -> str:
    """First name and last name."""
    return " ".join(part for part in (member["firstName"], member["lastName"]) if part)


def cards(truth: Truth, args: Args, project: str | None = None, worker: str | None = None) -> Rows:
    """Time cards in the window, of a project or of a worker where one is given."""
    start, end = window(args, truth.today)
    return [
        card
        for card in truth.company.all("timeCards")
        if start <= card["date"] <= end
        and project in (None, inside(card, "project", "uuid"))
        and worker in (None, inside(card, "worker", "uuid"))
    ]


def team(truth: Truth, project: Row, args: Args) -> Rows:
    """Members with a card on the project in the window, and those assigned locally; in the order of teamMembers."""
    working = {inside(card, "worker", "uuid") for card in cards(truth, args, project=project["uuid"])}
    assigned = {
        row["raken_member_uuid"]
        for row in truth.company.asr["team_member_extensions"]
        if project["uuid"] in (row["assigned_project_uuids"] or [])
    }
    return sorted((row for row in truth.company.all("members") if row["uuid"] in working | assigned), key=by_person)


def projects_of(truth: Truth, member: Row, args: Args) -> Rows:
    """Projects with a card of the member in the window, and those assigned locally; in the order of projects."""
    working = {inside(card, "project", "uuid") for card in cards(truth, args, worker=member["uuid"])}
    extension = truth.company.extension("team_member_extensions", member["uuid"])
    wanted = working | set(extension.get("assigned_project_uuids") or [])
    return sorted((row for row in truth.company.all("projects") if row["uuid"] in wanted), key=by_name)


def hours(counted: Rows) -> Row:
    """`total` sums totalHours, `byPayType` sums entries that have a pay type."""
    entries = [entry for card in counted for entry in card.get("timeEntries", []) if entry.get("payType")]
    pay_types = {entry["payType"]["uuid"]: entry["payType"] for entry in entries}
    return {
        "total": added(card["totalHours"] for card in counted),
        "approved": added(card["totalHours"] for card in counted if card["approved"]),
        "byPayType": [
            {"payType": one, "hours": added(entry["hours"] for entry in entries if same_type(entry, one))}
            for one in sorted(pay_types.values(), key=by_name)
        ],
    }


def same_type(entry: Row, pay_type: Row) -> bool:
    """Whether an entry is of this pay type."""
    return bool(entry["payType"]["uuid"] == pay_type["uuid"])


def added(numbers: Iterable[float]) -> float:
    """The sum as decimals."""
    return float(sum(Decimal(str(number)) for number in numbers))


def described(truth: Truth, entry: Row, args: Args) -> Row | None:
    """A time entry's cost code, with the description that costCodes has."""
    if not entry.get("costCode"):
        return None
    listed = truth.company.one("costCodes", entry["costCode"]["uuid"]) or {}
    return {**entry["costCode"], "description": listed.get("description")}


def logs(collection: str) -> Field:
    """A project's logs in the window, a page of them."""

    def read(truth: Truth, project: Row, args: Args) -> Row:
        start, end = window(args, truth.today)
        rows = [log for log in truth.company.logs(collection, project["uuid"]) if touches(log, start, end)]
        return page(rows, by_start, args, f"Project.{collection} of {project['uuid']}", truth.cursors)

    return read


def projects(truth: Truth, _: None, args: Args) -> Row:
    """The list of projects; without a filter: ACTIVE ones."""
    wanted: Args = {"statuses": ["ACTIVE"]} if args.get("filter") is None else args["filter"]
    rows = [
        row
        for row in truth.company.all("projects")
        if chosen(status(row, PROJECT_STATUSES), wanted.get("statuses"))
        and found((row["name"], row.get("number")), wanted.get("search"))
    ]
    return page(rows, by_name, args, "Query.projects", truth.cursors)


def members(truth: Truth, _: None, args: Args) -> Row:
    """The list of members; without a filter: ACTIVE ones."""
    wanted: Args = {"statuses": ["ACTIVE"]} if args.get("filter") is None else args["filter"]
    rows = [
        row
        for row in truth.company.all("members")
        if chosen(status(row, MEMBER_STATUSES), wanted.get("statuses"))
        and chosen(row["role"], wanted.get("rakenRoles"))
        and found((full_name(row), row.get("email"), row.get("employeeId")), wanted.get("search"))
    ]
    return page(rows, by_person, args, "Query.teamMembers", truth.cursors)


def time_cards(truth: Truth, _: None, args: Args) -> Row:
    """The list of time cards, of these projects and these workers."""
    rows = [
        card
        for card in cards(truth, args)
        if chosen(inside(card, "project", "uuid"), args.get("projectIds"))
        and chosen(inside(card, "worker", "uuid"), args.get("workerIds"))
    ]
    return page(rows, by_date, args, "Query.timeCards", truth.cursors)


def project_cards(truth: Truth, project: Row, args: Args) -> Row:
    """A project's time cards."""
    place = f"Project.timeCards of {project['uuid']}"
    return page(cards(truth, args, project=project["uuid"]), by_date, args, place, truth.cursors)


def member_cards(truth: Truth, member: Row, args: Args) -> Row:
    """A member's time cards."""
    place = f"TeamMember.timeCards of {member['uuid']}"
    return page(cards(truth, args, worker=member["uuid"]), by_date, args, place, truth.cursors)


def internal_user(truth: Truth, member: Row, args: Args) -> Row | None:
    """The account that ASR's row on a member names."""
    return truth.company.account(
        truth.company.extension("team_member_extensions", member["uuid"]).get("internal_user_id")
    )


def orphans(truth: Truth, _: None, args: Args) -> Rows:
    """ASR's rows that no Raken object answers to: of projects, then of members, each by id."""
    return [
        {"entity": entity, "id": row[EXTENDS[table]], "updated_at": row["updated_at"]}
        for entity, collection, table in (
            ("PROJECTS", "projects", "project_extensions"),
            ("MEMBERS", "members", "team_member_extensions"),
        )
        for row in sorted(truth.company.asr[table], key=lambda row: str(row[EXTENDS[table]]))
        if not truth.company.has(collection, row[EXTENDS[table]])
    ]

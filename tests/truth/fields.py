"""What each field of the contract is, over Raken's raw rows and ASR's.

The rule it keeps: a field that is not in these tables is the raw row's value of the same name.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.truth import joins
from tests.truth.answers import Like, count, expiry, instant, past, rate
from tests.truth.company import Row
from tests.truth.joins import Field, Truth, inside, raw
from tests.truth.lists import Args, by_name

STAFF = ("MANAGER", "PAYROLL", "ADMIN")
GUARDED = {
    ("Project", "internalNotes"): STAFF,
    ("Project", "asrBudgetOverride"): STAFF,
    ("TeamMember", "internalNotes"): STAFF,
    ("TeamMember", "permissions"): STAFF,
    ("Query", "cacheStatus"): ("ADMIN",),
    ("Query", "upstreamStatus"): ("ADMIN",),
    ("Query", "orphanedExtensions"): ("ADMIN",),
}
AGED = " read with "
# An empty string of Raken's is null wherever the schema allows null; one of ours is kept.
OURS = (("Project", "internalNotes"), ("TeamMember", "internalNotes"))


def plain(*way: str) -> Field:
    """A value of the raw row, or inside it."""
    return lambda truth, parent, args: inside(raw(parent), *way)


def items(name: str) -> Field:
    """A list inside the raw row, in Raken's order; Raken leaves out what is absent."""
    return lambda truth, parent, args: raw(parent).get(name) or []


def row_of(collection: str, *way: str) -> Field:
    """The row of another collection that this one names, of any status; null where Raken no longer has it."""
    return lambda truth, parent, args: truth.company.one(collection, inside(raw(parent), *way))


def asr(table: str, name: str, default: Any = None) -> Field:
    """A column of ASR's row on a Raken object; the default where there is no row, or null in it."""

    def read(truth: Truth, row: Row, args: Args) -> Any:
        value = truth.company.extension(table, row["uuid"]).get(name)
        return default if value is None else value

    return read


def micros(table: str) -> Field:
    """When ASR's row was last changed, with microseconds."""
    return lambda truth, row, args: exact(truth.company.extension(table, row["uuid"]).get("updated_at"))


def exact(moment: datetime | None) -> str | None:
    """A database's time as a DateTime with microseconds."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def budget(truth: Truth, row: Row, args: Args) -> str | None:
    """Two decimals."""
    value = truth.company.extension("project_extensions", row["uuid"]).get("asr_budget_override")
    return None if value is None else f"{Decimal(value):.2f}"


def entity(name: str) -> Field:
    """The entity's name, which is all that the type Freshness needs."""
    return lambda truth, parent, args: name


def named(name: str, source: str) -> Field:
    """An object that a log's row has inside it: as the log names it, and as old as the log."""
    return lambda truth, log, args: {**log.row[name], AGED: source} if log.row.get(name) else None


def aged(name: str) -> Field:
    """The entity that an object was read with: a log's if it lay inside one, else its own."""
    return lambda truth, row, args: row.get(AGED, name)


def counter(mark: str = "") -> Field:
    """A counter of the run."""
    return lambda truth, parent, args: Like("an integer of 0 or more", lambda value, marks: count(value), mark)


def words(truth: Truth, parent: Any, args: Args) -> Like:
    """A message of the run, or none."""
    return Like("text or null", lambda value, marks: value is None or isinstance(value, str))


def age(truth: Truth, name: str, args: Args) -> Like:
    """From 0 to the ttl: everything is fresh while the test runs."""
    return Like(f"0 to {truth.ttls[name]}", lambda value, marks: count(value) and value <= truth.ttls[name])


def expires(truth: Truth, name: str, args: Args) -> Like:
    """`fetchedAt` and the ttl."""
    return Like(f"fetchedAt + {truth.ttls[name]} s", lambda value, marks: expiry(value, truth.ttls[name], marks))


LOG: dict[str, Field] = {
    "id": lambda truth, log, args: log.id,
    "date": lambda truth, log, args: log.start,
    "project": lambda truth, log, args: truth.company.one("projects", log.project),
    "data": lambda truth, log, args: log.row,
}

FIELDS: dict[str, dict[str, Field]] = {
    "Query": {
        "me": lambda truth, root, args: truth.me,
        "project": lambda truth, root, args: truth.company.one("projects", args["id"]),
        "projects": joins.projects,
        "teamMember": lambda truth, root, args: truth.company.one("members", args["id"]),
        "teamMembers": joins.members,
        "timeCards": joins.time_cards,
        "equipment": lambda truth, root, args: sorted(truth.company.all("equipment"), key=by_name),
        "materials": lambda truth, root, args: sorted(truth.company.all("materials"), key=by_name),
        "cacheStatus": lambda truth, root, args: list(truth.ttls),
        "upstreamStatus": lambda truth, root, args: {},
        "orphanedExtensions": joins.orphans,
    },
    "Project": {
        "id": plain("uuid"),
        "status": lambda truth, row, args: joins.status(row, joins.PROJECT_STATUSES),
        "freshness": entity("PROJECTS"),
        "internalNotes": asr("project_extensions", "internal_notes"),
        "asrBudgetOverride": budget,
        "customFields": asr("project_extensions", "custom_fields", default={}),
        "extensionUpdatedAt": micros("project_extensions"),
        "team": joins.team,
        "timeCards": joins.project_cards,
        "workLogs": joins.logs("workLogs"),
        "equipmentLogs": joins.logs("equipmentLogs"),
        "materials": lambda truth, row, args: sorted(truth.company.materials(row["uuid"]), key=by_name),
        "materialLogs": joins.logs("materialLogs"),
        "dailyReports": joins.logs("dailyReports"),
        "observations": joins.logs("observations"),
        "hours": lambda truth, row, args: joins.hours(joins.cards(truth, args, project=row["uuid"])),
    },
    "Address": {"street": plain("streetAddress1")},
    "TeamMember": {
        "id": plain("uuid"),
        "fullName": lambda truth, row, args: joins.full_name(row),
        "rakenRole": plain("role"),
        "status": lambda truth, row, args: joins.status(row, joins.MEMBER_STATUSES),
        "classification": row_of("classifications", "classificationUuid"),
        "freshness": entity("MEMBERS"),
        "internalUser": joins.internal_user,
        "permissions": asr("team_member_extensions", "permissions"),
        "assignedProjectIds": asr("team_member_extensions", "assigned_project_uuids"),
        "internalNotes": asr("team_member_extensions", "internal_notes"),
        "customFields": asr("team_member_extensions", "custom_fields", default={}),
        "extensionUpdatedAt": micros("team_member_extensions"),
        "projects": joins.projects_of,
        "timeCards": joins.member_cards,
        "hours": lambda truth, row, args: joins.hours(joins.cards(truth, args, worker=row["uuid"])),
    },
    "Classification": {"id": plain("uuid")},
    "CostCode": {"id": plain("uuid")},
    "PayType": {"id": plain("uuid")},
    "TimeCard": {
        "id": plain("uuid"),
        "project": row_of("projects", "project", "uuid"),
        "worker": row_of("members", "worker", "uuid"),
        "approvedBy": row_of("members", "signed", "uuid"),
        "breaks": items("breaks"),
        "entries": items("timeEntries"),
        "freshness": entity("TIME_CARDS"),
    },
    "Break": {"minutes": plain("duration")},
    "TimeEntry": {"costCode": joins.described},
    "Equipment": {"id": plain("uuid"), "freshness": aged("EQUIPMENT")},
    "EquipmentLog": LOG
    | {
        "equipment": named("equipment", "EQUIPMENT_LOGS"),
        "entries": items("logs"),
        "freshness": entity("EQUIPMENT_LOGS"),
    },
    "EquipmentLogEntry": {"id": plain("uuid"), "operator": row_of("members", "operator")},
    "Material": {"id": plain("uuid"), "unit": plain("materialUnit", "name"), "freshness": aged("MATERIALS")},
    "MaterialLog": LOG | {"material": named("material", "MATERIAL_LOGS"), "freshness": entity("MATERIAL_LOGS")},
    "WorkLog": LOG | {"freshness": entity("WORK_LOGS")},
    "DailyReport": LOG
    | {
        "pdfUrl": plain("reportLinks", "daily"),
        "signedByName": plain("signedBy", "name"),
        "freshness": entity("DAILY_REPORTS"),
    },
    "Observation": LOG | {"freshness": entity("OBSERVATIONS")},
    "UserAccount": {"displayName": plain("display_name")},
    "OrphanedExtension": {"extensionUpdatedAt": lambda truth, row, args: exact(row["updated_at"])},
    "Freshness": {
        "state": lambda truth, name, args: "FRESH",
        "fetchedAt": lambda truth, name, args: Like("a DateTime of the past", lambda it, marks: past(it), "fetchedAt"),
        "expiresAt": expires,
        "ageSeconds": age,
        "ttlSeconds": lambda truth, name, args: truth.ttls[name],
        "warning": lambda truth, name, args: None,
    },
    "CacheStatus": {
        "entity": lambda truth, name, args: name,
        "state": lambda truth, name, args: Like("FRESH or null", lambda it, marks: it in ("FRESH", None)),
        "objects": counter(),
        "ttlSeconds": lambda truth, name, args: truth.ttls[name],
        "lastRefreshedAt": lambda truth, name, args: Like("a past or null", lambda it, marks: it is None or past(it)),
        "lastError": words,
        "hits": counter("hits"),
        "misses": counter("misses"),
        "hitRate": lambda truth, name, args: Like("hits / (hits + misses)", rate),
        "upstreamRequests": counter(),
    },
    "UpstreamStatus": {
        "reachable": lambda truth, root, args: True,
        "connected": lambda truth, root, args: True,
        "tokenExpiresAt": lambda truth, root, args: Like(
            "a DateTime or null", lambda it, marks: it is None or bool(instant(it))
        ),
        "circuit": lambda truth, root, args: "CLOSED",
        "requestsToday": counter(),
        "dailyQuota": lambda truth, root, args: None,
        "throttledToday": counter(),
        "lastError": words,
    },
}

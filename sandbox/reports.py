"""What is written down on the sites: work logs, daily reports, observations, checklists, talks, certifications.

The rule: what nobody has seen of these rows is kept modest; each has what raken-api knows of it, and little else.
"""

from datetime import date, timedelta
from random import Random

from sandbox import words
from sandbox.catalogue import brief
from sandbox.chance import before, happens, midnight, pick, stream, uuid
from sandbox.clock import stamp
from sandbox.projects import Site
from sandbox.rows import Value
from sandbox.work import SATURDAY, Work


def work_logs(work: Work, day: date) -> list[Value]:
    """A day's manpower by company."""
    chance = stream(work.seed, "workLogs", day)
    return [
        {
            **_dated(chance, work, day, site),
            "company": pick(chance, words.COMPANIES),
            "workers": float(chance.randrange(1, 20)),
            "hours": 8.0,
            "description": pick(chance, words.NOTES),
        }
        for site in _busy(chance, work, day, 0.4)
    ]


def daily_reports(work: Work, day: date) -> list[Value]:
    """A day's reports: one a project, without a uuid."""
    chance = stream(work.seed, "dailyReports", day)
    return [_daily_report(chance, work, day, site) for site in _busy(chance, work, day, 0.85)]


def observations(work: Work, day: date) -> list[Value]:
    """What was seen on a day, and whether somebody saw to it."""
    chance = stream(work.seed, "observations", day)
    return [
        {
            **_dated(chance, work, day, site),
            "name": pick(chance, words.OBSERVATIONS),
            "status": "CLOSED" if day < work.today - timedelta(days=7) else "OPEN",
        }
        for site in _busy(chance, work, day, 0.15)
    ]


def checklists(work: Work, day: date) -> list[Value]:
    """A day's checklists."""
    chance = stream(work.seed, "checklists", day)
    return [
        {**_dated(chance, work, day, site), "checklistType": kind, "name": kind["name"], "status": "COMPLETED"}
        for site in _busy(chance, work, day, 0.2)
        for kind in [brief(pick(chance, work.catalogue.checklist_types), "uuid", "name")]
    ]


def toolbox_talks(work: Work, day: date) -> list[Value]:
    """A day's talks, and who was there."""
    chance = stream(work.seed, "toolboxTalks/past", day)
    present = [person.value for person in work.staff if person.works(day)]
    return [
        {
            "uuid": uuid(chance),
            "name": pick(chance, words.TALKS),
            "project": brief(site.value, "uuid", "name", "number"),
            "scheduleDate": day.isoformat(),
            "status": "COMPLETED",
            "attendees": _attendees(chance, present),
        }
        for site in _busy(chance, work, day, 0.2)
    ]


def certifications(work: Work) -> list[Value]:
    """Who may do what, until when."""
    chance = stream(work.seed, "certifications")
    return [_certification(chance, work, person.uuid) for person in work.staff if happens(chance, 0.6)]


def _busy(chance: Random, work: Work, day: date, share: float) -> list[Site]:
    return [site for site in work.running(day) if day.weekday() < SATURDAY and happens(chance, share)]


def _dated(chance: Random, work: Work, day: date, site: Site) -> Value:
    made = min(midnight(day) + timedelta(hours=21), midnight(work.today))
    written = {"createdAt": stamp(made), "updatedAt": stamp(made)}
    return {"uuid": uuid(chance), "date": day.isoformat(), "projectUuid": site.uuid, **written}


def _daily_report(chance: Random, work: Work, day: date, site: Site) -> Value:
    report: Value = {
        "status": "IN_PROGRESS",
        "reportDate": day.isoformat(),
        "projectUuid": site.uuid,
        "reportLinks": {"daily": f"https://files.raken.example/daily/{uuid(chance)}.pdf"},
    }
    if day < work.today and work.staff and happens(chance, 0.9):
        signer = pick(chance, work.staff[:3]).value
        name = f"{signer['firstName']} {signer['lastName']}"
        report |= {"status": "COMPLETED", "signedBy": {"name": name, "uuid": signer["uuid"]}}
    return report


def _attendees(chance: Random, present: list[Value]) -> list[Value]:
    there = chance.sample(present, min(len(present), 6))
    return [{"member": {"uuid": each["uuid"], "name": f"{each['firstName']} {each['lastName']}"}} for each in there]


def _certification(chance: Random, work: Work, member: str) -> Value:
    issued = before(chance, work.today, 700)
    value: Value = {
        "uuid": uuid(chance),
        "member": {"uuid": member},
        "certificationType": brief(pick(chance, work.catalogue.certification_types), "uuid", "name"),
        "issuedDate": issued.date().isoformat(),
    }
    expires = issued.date() + timedelta(days=1095)
    return value | ({"expirationDate": expires.isoformat()} if happens(chance, 0.7) else {})

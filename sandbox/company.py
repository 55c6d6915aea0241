"""The made-up company: every collection that Raken's API has, by name.

The rule: here alone it says which collections there are and how their rows are found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from random import Random

import msgspec

from sandbox import people, projects, reports
from sandbox.cards import Cards
from sandbox.catalogue import Catalogue, catalogue
from sandbox.chance import stream, uuid
from sandbox.options import Options
from sandbox.people import Person
from sandbox.projects import Site
from sandbox.rows import Collection, Form, Maker, Value
from sandbox.work import Work
from sandbox.yard import Yard

PROJECTS = Form("projects", statuses=projects.STATUSES)
MEMBERS = Form("members", statuses=people.STATUSES)
TIME_CARDS = Form("timeCards", day="date", project="project")
WORK_LOGS = Form("workLogs", day="date", project="projectUuid", project_named=False)
OBSERVATIONS = Form("observations", day="date", project="projectUuid", project_named=False)
DAILY_REPORTS = Form("dailyReports", day="reportDate", project="projectUuid")
CHECKLISTS = Form("checklists", day="date", project="projectUuid")
TOOLBOX_TALKS = Form("toolboxTalks/past", day="scheduleDate", project="project")
MATERIALS = Form("materials", project="projectUuid", project_named=False)
MATERIAL_LOGS = Form("materialLogs", day="date", project="projectUuid", project_named=False)
EQUIPMENT_LOGS = Form("equipmentLogs", span=("startDate", "endDate"), project="projectUuid")


@dataclass(frozen=True)
class Company:
    """Everything there is to read, and who is asked as `/userInfo`."""

    today: date
    catalogue: Catalogue
    staff: list[Person]
    sites: list[Site]
    work: Work
    collections: dict[str, Collection]
    user_info: bytes

    def collection(self, name: str) -> Collection:
        """A collection by its name.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self.collections:
            raise ValueError(f"expected a collection among {', '.join(self.collections)}, but got {name}")
        return self.collections[name]


def company(options: Options, today: date) -> Company:
    """The company that some options make up."""
    short = catalogue(options.seed, today)
    staff = people.people(options.seed, today, options.members, short)
    sites = projects.sites(options.seed, today, options.projects, staff)
    work = Work(options.seed, today, staff, sites, short, options.cards_per_day)
    days = [today - timedelta(days=back) for back in range(options.days)]
    return Company(today, short, staff, sites, work, _collections(work, days), _user_info(options.seed, staff))


def _collections(work: Work, days: list[date]) -> dict[str, Collection]:
    def whole(form: Form, make: Callable[[], list[Value]]) -> Collection:
        return Collection(form, lambda _: make(), work.today)

    def daily(form: Form, make: Maker, size: Callable[[date], int] | None = None) -> Collection:
        return Collection(form, make, work.today, days, size)

    short, yard = work.catalogue, Yard(work)
    all_collections = [
        whole(PROJECTS, lambda: [site.value for site in work.sites]),
        whole(MEMBERS, lambda: [person.value for person in work.staff]),
        daily(TIME_CARDS, Cards(work).of, work.size),
        daily(WORK_LOGS, partial(reports.work_logs, work)),
        daily(DAILY_REPORTS, partial(reports.daily_reports, work)),
        daily(OBSERVATIONS, partial(reports.observations, work)),
        daily(CHECKLISTS, partial(reports.checklists, work)),
        daily(TOOLBOX_TALKS, partial(reports.toolbox_talks, work)),
        daily(MATERIAL_LOGS, yard.material_logs),
        whole(MATERIALS, lambda: yard.materials),
        whole(Form("equipment"), lambda: yard.equipment),
        whole(EQUIPMENT_LOGS, lambda: yard.equipment_logs),
        whole(Form("certifications"), lambda: reports.certifications(work)),
        whole(Form("classifications"), lambda: short.classifications),
        whole(Form("costCodes"), lambda: short.cost_codes),
        whole(Form("payTypes"), lambda: short.pay_types),
        whole(Form("shifts"), lambda: short.shifts),
        whole(Form("groups"), lambda: short.groups),
        whole(Form("materialUnits"), lambda: short.units),
        whole(Form("checklistTypes"), lambda: short.checklist_types),
        whole(Form("certificationTypes"), lambda: short.certification_types),
        whole(Form("budgets", project="project"), lambda: projects.budgets(work.seed, work.sites, short)),
    ]
    return {collection.form.name: collection for collection in all_collections}


def _user_info(seed: int, staff: list[Person]) -> bytes:
    chance: Random = stream(seed, "company")
    who = staff[0].value if staff else {}
    names = ("firstName", "lastName", "email", "role")
    return msgspec.json.encode({"companyUuid": uuid(chance), **{name: who[name] for name in names if name in who}})

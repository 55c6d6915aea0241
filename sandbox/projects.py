"""The company's projects: where they are, from when to when they run.

The rule: a project is worked on only while it runs, whatever its status has become since.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from sandbox import words
from sandbox.catalogue import Catalogue
from sandbox.chance import before, happens, midnight, stream, uuid
from sandbox.clock import stamp
from sandbox.people import Person
from sandbox.rows import Value

STATUSES = ("ACTIVE", "INACTIVE", "DELETED")
SIXTH = 5  # of every twenty: is DELETED, so that even a small company has one


@dataclass(frozen=True)
class Site:
    """A project, and what the work needs to know of one."""

    value: Value
    starts: date
    ends: date

    @property
    def uuid(self) -> str:
        """Raken's uuid of the project."""
        return str(self.value["uuid"])

    def runs(self, day: date) -> bool:
        """Whether it is worked on on a day."""
        return self.starts <= day <= self.ends


def sites(seed: int, today: date, count: int, staff: list[Person]) -> list[Site]:
    """Every project there ever was, whatever its status."""
    chance = stream(seed, "projects")
    return [_site(chance, today, number, staff) for number in range(count)]


def project(chance: Random, today: date, number: int, staff: list[Person]) -> Value:
    """One new, ACTIVE project that starts today."""
    return _project(chance, number, staff, "ACTIVE", today)


def budgets(seed: int, all_sites: list[Site], catalogue: Catalogue) -> list[Value]:
    """What each project may cost in hours, by cost code."""
    chance = stream(seed, "budgets")
    return [_budget(chance, site, code) for site in all_sites for code in chance.sample(catalogue.cost_codes, 3)]


def _budget(chance: Random, site: Site, code: Value) -> Value:
    return {
        "uuid": uuid(chance),
        "project": {"uuid": site.uuid},
        "costCode": {"uuid": code["uuid"]},
        "budgetedHours": float(chance.randrange(40, 4000, 20)),
    }


def _site(chance: Random, today: date, number: int, staff: list[Person]) -> Site:
    status = _status(chance, number)
    starts = today - timedelta(days=chance.randrange(30, 700))
    ends = today - timedelta(days=chance.randrange(3, 60)) if status != "ACTIVE" else date.max
    value = _project(chance, number, staff, status, starts)
    if status != "ACTIVE" or happens(chance, 0.4):
        value["endDate"] = min(ends, starts + timedelta(days=800)).isoformat()
    value["updatedAt"] = stamp(before(chance, today, (today - starts).days))
    return Site(value, starts, ends)


def _status(chance: Random, number: int) -> str:
    if number % 20 == SIXTH:
        return "DELETED"
    return "INACTIVE" if number and happens(chance, 0.2) else "ACTIVE"


def _project(chance: Random, number: int, staff: list[Person], status: str, starts: date) -> Value:
    since = stamp(midnight(starts - timedelta(days=10)))
    return {
        "uuid": uuid(chance),
        "name": _name(chance),
        "number": _number(chance, number),
        "status": status,
        "startDate": starts.isoformat(),
        "address": _address(chance),
        "externalEmailRecipients": [f"owner{number}@client.example"] if happens(chance, 0.3) else [],
        "internalEmailRecipients": [person.value["username"] for person in staff[:2]],
        "createdAt": since,
        "updatedAt": since,
    }


def _name(chance: Random) -> str:
    name = f"{chance.choice(words.PLACES)} {chance.choice(words.STREETS)} {chance.choice(words.BUILDINGS)}"
    return f"{name} - Phase {chance.randrange(2, 4)}" if happens(chance, 0.15) else name


def _number(chance: Random, number: int) -> str:
    if happens(chance, 0.08):
        return ""
    shown = number - number % 10 // 9  # every tenth repeats its predecessor's: numbers are not unique
    return f"{20 + shown % 6}-{100 + shown:03d}"


def _address(chance: Random) -> Value:
    city, state, code = chance.choice(words.CITIES)
    address: Value = {"city": city, "state": state, "country": "US"}
    if happens(chance, 0.85):
        street = f"{chance.choice(words.PLACES)} {chance.choice(words.STREETS)}"
        address = {"streetAddress1": f"{chance.randrange(100, 9900)} {street}"} | address
    return address | ({"postalCode": code} if happens(chance, 0.8) else {})

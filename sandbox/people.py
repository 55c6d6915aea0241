"""The company's people: who they are, what they may, from when to when they work.

The rule: a person who has left stays a person; only the status says it, and what they did still names them.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from sandbox import words
from sandbox.catalogue import Catalogue
from sandbox.chance import before, happens, midnight, stream, uuid
from sandbox.clock import stamp
from sandbox.rows import Value

# The first few run the company, so that even the smallest one has somebody to approve a card.
OFFICE = ("ROLE_ACCOUNT_ADMIN", "ROLE_ADMIN", "ROLE_PROJECT_MEMBER")
STATUSES = ("ACTIVE", "INVITED", "INACTIVE", "DELETED")
SHARES = (88, 5, 7)
EIGHTH = 7  # of every twenty: is DELETED, so that even a small company has one


@dataclass(frozen=True)
class Person:
    """A member, and what the work needs to know of one."""

    value: Value
    joined: date
    left: date  # the first day without
    crew: bool  # whether time cards are kept for them

    @property
    def uuid(self) -> str:
        """Raken's uuid of the member."""
        return str(self.value["uuid"])

    def works(self, day: date) -> bool:
        """Whether they are of the crew on a day."""
        return self.crew and self.joined <= day < self.left


def people(seed: int, today: date, count: int, catalogue: Catalogue) -> list[Person]:
    """Everyone who ever was a member, whatever their status."""
    chance = stream(seed, "members")
    return [_person(chance, today, number, catalogue) for number in range(count)]


def member(chance: Random, today: date, number: int, catalogue: Catalogue) -> Value:
    """One new, ACTIVE member."""
    return _member(chance, number, catalogue, _role(chance, number), "ACTIVE", today)


def _person(chance: Random, today: date, number: int, catalogue: Catalogue) -> Person:
    role = _role(chance, number)
    status = _status(chance, number)
    joined = today - timedelta(days=chance.randrange(120, 1200))
    gone = status in ("INACTIVE", "DELETED")
    left = today - timedelta(days=chance.randrange(5, 60)) if gone else date.max
    value = _member(chance, number, catalogue, role, status, joined)
    value["updatedAt"] = stamp(midnight(left)) if gone else _later(chance, today, joined)
    if "username" in value and status != "INVITED":
        value["lastLoginAt"] = value["updatedAt"] if gone else stamp(before(chance, today, 30))
    crew = status != "INVITED" and (role == "ROLE_WORKER" or number % 3 == 0)
    return Person(value, joined, left, crew)


def _status(chance: Random, number: int) -> str:
    if number % 20 == EIGHTH:
        return "DELETED"
    return "ACTIVE" if number < len(OFFICE) else chance.choices(STATUSES[:3], SHARES)[0]


def _role(chance: Random, number: int) -> str:
    if number < len(OFFICE):
        return OFFICE[number]
    return chance.choices(("ROLE_WORKER", "ROLE_PROJECT_MEMBER", "ROLE_ADMIN"), (67, 29, 4))[0]


def _later(chance: Random, today: date, joined: date) -> str:
    return stamp(before(chance, today, (today - joined).days))


def _member(chance: Random, number: int, catalogue: Catalogue, role: str, status: str, joined: date) -> Value:
    first, last = chance.choice(words.FIRST_NAMES), chance.choice(words.LAST_NAMES)
    since = stamp(midnight(joined))
    value: Value = {"uuid": uuid(chance), "firstName": first, "lastName": last, "role": role}
    value |= {"employeeId": _employee_id(chance, number), "status": status}
    value |= {"createdAt": since, "updatedAt": since, "timeSettings": _time_settings(chance, catalogue)}
    if happens(chance, 0.85):
        value["classificationUuid"] = chance.choice(catalogue.classifications)["uuid"]
    email = _email(number, first, last)
    return value | _reached_by(chance, number, email, role) | ({} if role == "ROLE_WORKER" else {"username": email})


def _employee_id(chance: Random, number: int) -> str:
    return "" if happens(chance, 0.04) else f"{1001 + number}"


def _time_settings(chance: Random, catalogue: Catalogue) -> Value:
    settings: Value = {"blockTimeClock": happens(chance, 0.1)}
    settings["defaultCostCode"] = {"uuid": chance.choice(catalogue.cost_codes)["uuid"]}
    settings["defaultShift"] = {"uuid": catalogue.shifts[0]["uuid"]}
    return settings


def _reached_by(chance: Random, number: int, email: str, role: str) -> Value:
    value: Value = {}
    if happens(chance, 0.7):
        value["phoneNumber"] = f"+1303555{100 + number % 100:04d}"
    if role != "ROLE_WORKER" or happens(chance, 0.55):
        value["email"] = email
    if role != "ROLE_WORKER" and happens(chance, 0.2):
        value["title"] = chance.choice(("Project Manager", "Project Engineer", "Superintendent"))
    return value


def _email(number: int, first: str, last: str) -> str:
    plain = "".join(each for each in f"{first}.{last}".lower() if each.isascii() and (each.isalpha() or each == "."))
    return f"{plain}.{number}@{words.DOMAIN}"

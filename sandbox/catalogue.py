"""The company's short lists: classifications, cost codes, pay types, shifts, units and the like.

The rule: they are drawn once, before people, projects and work, which name rows of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from random import Random

from sandbox import words
from sandbox.chance import before, stream, uuid
from sandbox.clock import stamp
from sandbox.rows import Value


@dataclass(frozen=True)
class Catalogue:
    """The short lists, in Raken's words."""

    classifications: list[Value]
    cost_codes: list[Value]
    pay_types: list[Value]
    shifts: list[Value]
    groups: list[Value]
    units: list[Value]
    checklist_types: list[Value]
    certification_types: list[Value]


def catalogue(seed: int, today: date) -> Catalogue:
    """The short lists of one company."""
    chance = stream(seed, "catalogue")

    def listed(rows: Iterable[Value]) -> list[Value]:
        return [{"uuid": uuid(chance), **each, **_stamps(chance, today)} for each in rows]

    return Catalogue(
        classifications=listed(_named(words.CLASSIFICATIONS)),
        cost_codes=listed(_cost_codes()),
        pay_types=listed({"name": name, "code": code} for name, code in words.PAY_TYPES),
        shifts=listed({"name": name, "startTime": start, "endTime": end} for name, start, end in words.SHIFTS),
        groups=listed(_named(words.GROUPS)),
        units=listed(_named(words.UNITS)),
        checklist_types=listed(_named(words.CHECKLISTS)),
        certification_types=listed(_named(words.CERTIFICATIONS)),
    )


def brief(value: Value, *names: str) -> Value:
    """The part of a row by which other rows name it."""
    return {name: value[name] for name in names if name in value}


def _named(names: Iterable[str]) -> list[Value]:
    return [{"name": name} for name in names]


def _cost_codes() -> list[Value]:
    # A code counts from 100 in each division, so it names a cost code only together with its division.
    codes = [
        {"division": division, "code": str(100 + 10 * number), "description": what}
        for division, kinds in words.DIVISIONS.items()
        for number, what in enumerate(kinds)
    ]
    return [*codes, {"division": "", "code": "999", "description": "Warranty"}, {"code": "T&M"}]


def _stamps(chance: Random, today: date) -> Value:
    moments = sorted((before(chance, today, 900), before(chance, today, 900)))
    return {"createdAt": stamp(moments[0]), "updatedAt": stamp(moments[1])}

"""Time cards: what is written down of each stint, by whom, and whether somebody has signed it.

The rule: `signed` is there exactly when the card is approved, and the hours of its entries are its total.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from random import Random

from sandbox import words
from sandbox.catalogue import brief
from sandbox.chance import happens, pick, stream, uuid
from sandbox.rows import Value
from sandbox.work import Stint, Work

DAY = 1440  # minutes, as all times here are
WORK_ENDS_UTC = 22 * 60  # the afternoon of the United States
SIGNED_WITHIN = 8 * DAY  # of its making, which keeps every edit within ten days of the date
FULL_DAY, OVERTIME, FIRST_TASK = 8.0, 4.0, 2.0  # hours


@dataclass(frozen=True)
class Cards:
    """The time cards of some work."""

    work: Work

    def of(self, day: date) -> list[Value]:
        """A day's time cards."""
        chance = stream(self.work.seed, "timeCards", day)
        approvers = [person.uuid for person in self.work.staff[:3]]
        return [self._card(chance, day, stint, approvers) for stint in self.work.stints(day)]

    def new(self, chance: Random, day: date, worker: str, site: str, now: str) -> Value:
        """One new card, not approved."""
        stint = Stint(worker, site, 7 * 60, 510, meal=30)
        return _begun(chance, day, stint, worker) | _written(now, now) | self._told(chance, stint)

    def _card(self, chance: Random, day: date, stint: Stint, approvers: Sequence[str]) -> Value:
        author = stint.worker if happens(chance, 0.4) else pick(chance, approvers)
        value = _begun(chance, day, stint, author)
        return value | self._history(chance, day, approvers) | self._told(chance, stint)

    def _history(self, chance: Random, day: date, approvers: Sequence[str]) -> Value:
        # Nothing is newer than today's first moment: an edit made while the sandbox runs always moves updatedAt on.
        latest = (self.work.today - day).days * DAY
        made = min(WORK_ENDS_UTC + int(chance.random() * 240), latest)
        signed = made + 30 + int(chance.random() * SIGNED_WITHIN)
        approver = pick(chance, approvers)
        if signed >= latest or happens(chance, 0.05):
            return _written(_stamp(day, made), _stamp(day, made))
        value: Value = {"approved": True, "signed": {"uuid": approver}, "updatedBy": {"uuid": approver}}
        return value | _written(_stamp(day, made), _stamp(day, signed))

    def _told(self, chance: Random, stint: Stint) -> Value:
        value: Value = {
            "attachments": [],
            "breaks": _breaks(chance, stint),
            "timeEntries": self._entries(chance, stint),
        }
        return value | ({"note": pick(chance, words.NOTES)} if happens(chance, 0.12) else {})

    def _entries(self, chance: Random, stint: Stint) -> list[Value]:
        regular, over = min(stint.hours, FULL_DAY), max(stint.hours - FULL_DAY, 0.0)
        parts = [regular] if regular <= FIRST_TASK or happens(chance, 0.6) else [FIRST_TASK, regular - FIRST_TASK]
        entries = [self._entry(chance, hours, "RT") for hours in parts]
        double = max(over - OVERTIME, 0.0)
        entries += [self._entry(chance, over - double, "OT")] if over else []
        return entries + ([self._entry(chance, double, "DT")] if double else [])

    def _entry(self, chance: Random, hours: float, pay: str) -> Value:
        entry: Value = {"hours": hours, "payType": self._pay_types[pay]}
        if happens(chance, 0.95):
            entry["classification"] = pick(chance, self._classifications)
        if happens(chance, 0.9):
            entry["costCode"] = pick(chance, self._cost_codes)
        return entry

    @cached_property
    def _pay_types(self) -> dict[str, Value]:
        return {each["code"]: brief(each, "uuid", "name", "code") for each in self.work.catalogue.pay_types}

    @cached_property
    def _classifications(self) -> list[Value]:
        return [brief(each, "uuid", "name") for each in self.work.catalogue.classifications]

    @cached_property
    def _cost_codes(self) -> list[Value]:
        return [brief(each, "uuid", "code", "division") for each in self.work.catalogue.cost_codes]


def _begun(chance: Random, day: date, stint: Stint, author: str) -> Value:
    return {
        "uuid": uuid(chance),
        "date": _iso(day, 0),
        "startTime": _clock(stint.start),
        "endTime": _clock(stint.start + stint.minutes),
        "totalHours": stint.hours,
        "approved": False,
        "worker": {"uuid": stint.worker},
        "project": {"uuid": stint.site},
        "createdBy": {"uuid": author},
        "updatedBy": {"uuid": author},
    }


def _breaks(chance: Random, stint: Stint) -> list[Value]:
    breaks: list[Value] = []
    if stint.meal:
        lunch: Value = {"name": "Lunch", "duration": float(stint.meal)}
        breaks.append(lunch | ({"startTime": "12:00:00"} if happens(chance, 0.5) else {}))
    if happens(chance, 0.2):
        breaks.append({"name": "Rest", "duration": 15.0})
    return breaks


def _written(created: str, updated: str) -> Value:
    return {"createdAt": created, "updatedAt": updated}


def _stamp(day: date, minutes: int) -> str:
    # By hand, at a tenth of what datetime takes: there are two a card.
    days, rest = divmod(minutes, DAY)
    return f"{_iso(day, days)}T{_clock(rest)}Z"


@lru_cache(maxsize=1024)
def _iso(day: date, later: int) -> str:
    return (day + timedelta(days=later)).isoformat()


@lru_cache(maxsize=2 * DAY)
def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}:00"

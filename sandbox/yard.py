"""What stands and lies on the sites: equipment with its assignments, materials with their deliveries.

The rule: materials and their logs know their project and do not say it; equal material logs are different deliveries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from random import Random

from sandbox import words
from sandbox.catalogue import brief
from sandbox.chance import before, happens, midnight, pick, stream, uuid
from sandbox.clock import stamp
from sandbox.projects import Site
from sandbox.rows import Value
from sandbox.work import SATURDAY, Work

PIECES_A_SITE = 0.6
LONGEST_STAY = 45  # days


@dataclass(frozen=True)
class Yard:
    """Equipment and materials of the company whose work is done."""

    work: Work

    @cached_property
    def equipment(self) -> list[Value]:
        """Every piece there is."""
        chance = stream(self.work.seed, "equipment")
        return [self._piece(chance, number) for number in range(int(len(self.work.sites) * PIECES_A_SITE))]

    @cached_property
    def equipment_logs(self) -> list[Value]:
        """Every assignment of a piece to a project, with what was logged of it."""
        chance = stream(self.work.seed, "equipmentLogs")
        return [log for piece in self.equipment for log in self._assignments(chance, piece)]

    @cached_property
    def materials(self) -> list[Value]:
        """Every project's materials, and a few of the company's own."""
        chance = stream(self.work.seed, "materials")
        homes = ["", "", "", *(site.uuid for site in self.work.sites for _ in range(3 + int(chance.random() * 5)))]
        return [self._material(chance, home) for home in homes]

    def material_logs(self, day: date) -> list[Value]:
        """A day's deliveries; now and then the same one twice."""
        chance = stream(self.work.seed, "materialLogs", day)
        busy = [site for site in self.work.running(day) if day.weekday() < SATURDAY and happens(chance, 0.3)]
        return [log for site in busy for log in self._deliveries(chance, day, site)]

    def _piece(self, chance: Random, number: int) -> Value:
        kind, letters = pick(chance, words.EQUIPMENT)
        since = stamp(before(chance, self.work.today, 900))
        return {
            "uuid": uuid(chance),
            "name": f"{kind} {number + 1}",
            "equipmentId": "" if happens(chance, 0.1) else f"{letters}-{number + 1:03d}",
            "createdAt": since,
            "updatedAt": since,
        }

    def _assignments(self, chance: Random, piece: Value) -> Iterator[Value]:
        starts = self.work.today - timedelta(days=chance.randrange(60, 150))
        while starts <= self.work.today:
            ends = starts + timedelta(days=chance.randrange(4, LONGEST_STAY))
            running = self.work.running(starts)
            if running:
                yield self._assignment(chance, piece, pick(chance, running), starts, ends)
            starts = ends + timedelta(days=chance.randrange(1, 20))

    def _assignment(self, chance: Random, piece: Value, site: Site, starts: date, ends: date) -> Value:
        last = min(ends, self.work.today)
        days = (starts + timedelta(days=each) for each in range((last - starts).days + 1))
        logs = [self._log(chance, day) for day in days if day.weekday() < SATURDAY and happens(chance, 0.35)]
        idle = sum(log["status"] == "NOT_IN_USE" for log in logs)
        value = {
            "uuid": uuid(chance),
            "projectUuid": site.uuid,
            "equipment": brief(piece, "uuid", "name", "equipmentId"),
            "startDate": starts.isoformat(),
            "daysOnsite": float((last - starts).days + 1),
            "daysNotInUse": -1.0 if happens(chance, 0.1) else float(idle),
            **self._written(chance, last),
            "logs": logs,
        }
        value |= {"endDate": ends.isoformat()} if ends <= self.work.today or happens(chance, 0.3) else {}
        return value | ({"costCode": pick(chance, self._cost_codes)} if happens(chance, 0.6) else {})

    def _log(self, chance: Random, day: date) -> Value:
        used = happens(chance, 0.85)
        value = {
            "uuid": uuid(chance),
            "date": day.isoformat(),
            "hours": float(pick(chance, (2, 4, 6, 8))) if used else 0.0,
            "idleHours": float(pick(chance, (0, 0, 1, 2))) if used else 8.0,
            "status": "IN_USE" if used else "NOT_IN_USE",
            "attachments": [],
            "equipmentDeficiencies": [],
            **self._written(chance, day),
        }
        if used and self.work.staff:
            value |= {"operator": pick(chance, self.work.staff).uuid, "costCode": pick(chance, self._cost_codes)}
        if happens(chance, 0.3):
            value |= {"odometerReading": float(chance.randrange(100, 90_000)), "fuelConsumption": 12.5}
        return value | ({"description": "Moved to the north side."} if happens(chance, 0.1) else {})

    def _written(self, chance: Random, day: date) -> Value:
        author = pick(chance, self.work.staff).uuid if self.work.staff else ""
        when = min(midnight(day) + timedelta(hours=20), midnight(self.work.today))
        return {"createdBy": author, "updatedBy": author, "createdAt": stamp(when), "updatedAt": stamp(when)}

    def _material(self, chance: Random, home: str) -> Value:
        name, unit = pick(chance, words.MATERIALS)
        return {"uuid": uuid(chance), "name": name, "materialUnit": {"name": unit}, "projectUuid": home}

    def _deliveries(self, chance: Random, day: date, site: Site) -> Iterator[Value]:
        for _ in range(1 + int(chance.random() * 3)):
            material = {name: each for name, each in pick(chance, self._at(site)).items() if name != "projectUuid"}
            quantity = float(chance.randrange(1, 200))
            log = {"date": day.isoformat(), "quantity": quantity, "material": material, "projectUuid": site.uuid}
            yield from [log, log] if happens(chance, 0.15) else [log]

    def _at(self, site: Site) -> list[Value]:
        return self._materials_at[site.uuid]

    @cached_property
    def _materials_at(self) -> dict[str, list[Value]]:
        found: dict[str, list[Value]] = {}
        for material in self.materials:
            found.setdefault(material["projectUuid"], []).append(material)
        return found

    @cached_property
    def _cost_codes(self) -> list[Value]:
        return [brief(each, "uuid", "code", "division", "description") for each in self.work.catalogue.cost_codes]

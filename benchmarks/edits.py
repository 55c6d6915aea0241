"""What people at Raken do all day: cards are added, changed, approved and deleted, projects renamed, people hired.

The rule: cards are edited up to ten days after their date, as Raken has it, and nothing vanishes without a trace.
"""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random

from benchmarks.company import Company
from benchmarks.record import Value

EDITED_WITHIN = 10
"Days after its date in which a card is edited."


class Editors:
    """The people who change Raken's rows."""

    def __init__(self, company: Company, chance: Random, today: date) -> None:
        self._company = company
        self._chance = chance
        self._today = today
        self._numbers = 0
        self._kinds: dict[Callable[[], None], int] = {
            self.add: 40,
            self.change: 20,
            self.approve: 25,
            self.unapprove: 3,
            self.delete: 4,
            self.move: 3,
            self.rename: 3,
            self.close: 1,
            self.begin: 1,
            self.hire: 1,
            self.marry: 2,
            self.report: 2,
        }

    def edit(self) -> None:
        """Changes something."""
        kinds = list(self._kinds)
        self._chance.choices(kinds, list(self._kinds.values()))[0]()

    def add(self) -> None:
        """A card of today, or of a day just past."""
        self._company.edit("add", "timeCards", fields={"date": self._day(3).isoformat()})

    def change(self) -> None:
        """A card gets other hours, or a note."""
        note = f"seen {self._number()}"
        fields = self._chance.choice([{"totalHours": self._chance.randrange(8, 48) / 4}, {"note": note}])
        self._card("change", fields=fields)

    def approve(self) -> None:
        """A card is signed."""
        self._card("approve")

    def unapprove(self) -> None:
        """A signature is taken back."""
        self._card("unapprove")

    def delete(self) -> None:
        """A card is taken away."""
        self._card("delete")

    def move(self) -> None:
        """A card goes to another project, or to another day."""
        project = {"project": {"uuid": self._live("projects")["uuid"]}}
        self._card("change", fields=self._chance.choice([project, {"date": self._day(EDITED_WITHIN).isoformat()}]))

    def rename(self) -> None:
        """A project gets another name."""
        row = self._live("projects")
        name = f"{row['name'].partition(' (')[0]} ({self._number()})"
        self._company.edit("change", "projects", uuid=row["uuid"], fields={"name": name})

    def close(self) -> None:
        """A project is put aside, or taken up again."""
        row = self._live("projects")
        status = "INACTIVE" if row["status"] == "ACTIVE" else "ACTIVE"
        self._company.edit("change", "projects", uuid=row["uuid"], fields={"status": status})

    def begin(self) -> None:
        """A project is new."""
        self._company.edit("add", "projects")

    def hire(self) -> None:
        """A member is new, and has a card at once."""
        new = self._company.edit("add", "members")[0]
        fields = {"date": self._today.isoformat(), "worker": {"uuid": new["uuid"]}}
        self._company.edit("add", "timeCards", fields=fields)

    def marry(self) -> None:
        """A member gets another name."""
        fields = {"lastName": f"Doe-{self._number()}"}
        self._company.edit("change", "members", uuid=self._live("members")["uuid"], fields=fields)

    def report(self) -> None:
        """A work log is changed."""
        row = self._live("workLogs")
        fields = {"workers": float(self._chance.randrange(1, 30))}
        self._company.edit("change", "workLogs", uuid=row["uuid"], where={"date": row["date"]}, fields=fields)

    def _card(self, op: str, **more: object) -> None:
        """Does something to a card of the last days."""
        cards = self._company.record["timeCards"]
        day = self._day(EDITED_WITHIN).isoformat()
        ids = [id_ for id_ in sorted(cards.under("date", day)) if (cards.live(id_) or {}).get("date") == day]
        if ids:
            self._company.edit(op, "timeCards", uuid=self._chance.choice(ids), where={"date": day}, **more)

    def _live(self, collection: str) -> Value:
        """Some row that is there."""
        history = self._company.record[collection]
        ids = list(history.versions)
        while (row := history.live(self._chance.choice(ids))) is None:
            pass
        return row

    def _day(self, back: int) -> date:
        return self._today - timedelta(days=self._chance.randrange(back + 1))

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

"""Time cards: company-wide by calendar month; one worker, one project, one date, and split shifts are several."""

import datetime as dt

import msgspec

from loaders.entities.classifications import ClassificationRow
from loaders.entities.cost_codes import CostCodeRow
from loaders.entities.pay_types import PayTypeRow
from loaders.entity import Blankable, Entity, Located, Named, Row, by_date


class BreakRow(Row, frozen=True, kw_only=True, gc=False):
    """A break on a card."""

    name: str
    minutes: float = msgspec.field(name="duration")
    start_time: dt.time | None = None


class TimeEntryRow(Row, frozen=True, kw_only=True, gc=False):
    """A part of a card's hours."""

    hours: float
    pay_type: PayTypeRow | None = None
    classification: ClassificationRow | None = None
    cost_code: CostCodeRow | None = None


class TimeCardRow(Located, Blankable, frozen=True, kw_only=True, gc=False):
    """A time card as Raken has it; `signed` is the approver."""

    blank = ("note",)
    id: str = msgspec.field(name="uuid")
    date: dt.date
    start_time: dt.time | None = None
    end_time: dt.time | None = None
    total_hours: float
    approved: bool
    note: str | None = None
    worker_ref: Named | None = msgspec.field(name="worker", default=None)
    signed: Named | None = None
    breaks: tuple[BreakRow, ...] = ()
    entries: tuple[TimeEntryRow, ...] = msgspec.field(name="timeEntries", default=())
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def worker_id(self) -> str | None:
        """The worker's uuid."""
        return self.worker_ref.id if self.worker_ref else None


TIME_CARDS = Entity(
    name="TIME_CARDS",
    path="/timeCards",
    row=TimeCardRow,
    lifetime=300,
    dated=True,
    order=lambda row: by_date(row.date),
    keys={"project": lambda row: row.project_id, "worker": lambda row: row.worker_id},
    span=lambda row: (row.date, row.date),
    delta=True,
)

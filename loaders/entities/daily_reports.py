"""Daily reports: one a project and date; Raken gives them no uuid, and perhaps insists on a project."""

import datetime as dt

import msgspec

from loaders.entity import Blankable, Entity, Located, Row, Scope, by_date


class LinksRow(Row, frozen=True, kw_only=True, gc=False):
    """Where a report lies."""

    daily: str | None = None


class SignedByRow(Row, frozen=True, kw_only=True, gc=False):
    """Who signed a report."""

    name: str | None = None


class DailyReportRow(Located, Blankable, frozen=True, kw_only=True, gc=False):
    """A daily report as Raken has it."""

    blank = ("status",)
    id: str = msgspec.field(name="uuid", default="")
    date: dt.date = msgspec.field(name="reportDate")
    status: str | None = None
    links: LinksRow | None = msgspec.field(name="reportLinks", default=None)
    signed_by: SignedByRow | None = None

    @property
    def pdf_url(self) -> str | None:
        """The PDF's address."""
        return (self.links.daily or None) if self.links else None

    @property
    def signed_by_name(self) -> str | None:
        """The signer's name."""
        return (self.signed_by.name or None) if self.signed_by else None


DAILY_REPORTS = Entity(
    name="DAILY_REPORTS",
    path="/dailyReports",
    row=DailyReportRow,
    lifetime=1800,
    scope=Scope.EITHER,
    dated=True,
    order=lambda row: by_date(row.date),
    keys={"project": lambda row: row.project_id},
    span=lambda row: (row.date, row.date),
    identity=lambda row: f"{row.project_id}:{row.date}",
)

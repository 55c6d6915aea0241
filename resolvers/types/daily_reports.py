"""Daily reports."""

import datetime as dt

import strawberry

from resolvers.fields import OnProject
from resolvers.node import plain


@strawberry.type(description="The daily report of one project on one date.")
class DailyReport(OnProject):
    """A daily report."""

    id: strawberry.ID | None = plain("The project's id and the date: Raken gives none.")
    date: dt.date = plain("The date that it reports on.")
    status: str | None = plain("As Raken names it.")
    pdf_url: str | None = plain("Where its PDF lies; fetched without a token.")
    signed_by_name: str | None = plain("Who signed it.")

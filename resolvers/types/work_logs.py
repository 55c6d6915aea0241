"""Work logs."""

import datetime as dt

import strawberry

from resolvers.fields import OnProject
from resolvers.node import plain
from resolvers.scalars import JSON


@strawberry.type(description="Manpower by company on one project and date, apart from time cards.")
class WorkLog(OnProject):
    """A work log."""

    id: strawberry.ID = plain("Raken's uuid.")
    date: dt.date = plain("The date.")
    data: JSON = plain("Raken's whole row.")

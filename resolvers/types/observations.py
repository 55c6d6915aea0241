"""Observations."""

import datetime as dt

import strawberry

from resolvers.fields import OnProject
from resolvers.node import plain
from resolvers.scalars import JSON


@strawberry.type(description="Something observed on a project, good or bad.")
class Observation(OnProject):
    """An observation."""

    id: strawberry.ID = plain("Raken's uuid.")
    date: dt.date | None = plain("The date, where Raken has one.")
    status: str | None = plain("As Raken names it.")
    data: JSON = plain("Raken's whole row.")

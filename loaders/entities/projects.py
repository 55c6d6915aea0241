"""Projects: company-wide, every status asked for."""

import datetime as dt
from enum import Enum

import msgspec

from loaders.entity import Blankable, Entity, by_name


class ProjectStatus(Enum):
    """Raken's word for where a project stands."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> "ProjectStatus | None":
        """A status that Raken has added since is UNKNOWN."""
        return cls.UNKNOWN if isinstance(value, str) else None


class AddressRow(Blankable, frozen=True, kw_only=True, gc=False):
    """Where a project lies."""

    blank = ("street", "city", "state", "postal_code", "country")
    street: str | None = msgspec.field(name="streetAddress1", default=None)
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class ProjectRow(Blankable, frozen=True, kw_only=True, gc=False):
    """A project as Raken has it."""

    blank = ("number",)
    id: str = msgspec.field(name="uuid")
    name: str
    number: str | None = None
    status: ProjectStatus
    start_date: dt.date | None = None
    end_date: dt.date | None = None
    address: AddressRow | None = None
    created_at: dt.datetime
    updated_at: dt.datetime


PROJECTS = Entity(
    name="PROJECTS",
    path="/projects",
    row=ProjectRow,
    lifetime=3600,
    order=lambda row: by_name(row.name),
    params={"statuses": "ACTIVE,INACTIVE,DELETED"},
)

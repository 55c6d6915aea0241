"""Members: company-wide, every status asked for, deleted ones too, for old cards still name them."""

import datetime as dt
from enum import Enum

import msgspec

from loaders.entity import Blankable, Entity, by_name


class MemberStatus(Enum):
    """Raken's word for where a member stands."""

    ACTIVE = "ACTIVE"
    INVITED = "INVITED"
    INACTIVE = "INACTIVE"
    DELETED = "DELETED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> "MemberStatus | None":
        """A status that Raken has added since is UNKNOWN."""
        return cls.UNKNOWN if isinstance(value, str) else None


class MemberRow(Blankable, frozen=True, kw_only=True, gc=False):
    """A member as Raken has it."""

    blank = ("email", "phone_number", "title", "employee_id", "classification_id")
    id: str = msgspec.field(name="uuid")
    first_name: str
    last_name: str
    email: str | None = None
    phone_number: str | None = None
    title: str | None = None
    employee_id: str | None = None
    raken_role: str = msgspec.field(name="role")
    status: MemberStatus
    classification_id: str | None = msgspec.field(name="classificationUuid", default=None)
    last_login_at: dt.datetime | None = None
    created_at: dt.datetime
    updated_at: dt.datetime


MEMBERS = Entity(
    name="MEMBERS",
    path="/members",
    row=MemberRow,
    lifetime=3600,
    order=lambda row: (*by_name(row.last_name), *by_name(row.first_name)),
    params={"statuses": "ACTIVE,INVITED,INACTIVE,DELETED"},
)

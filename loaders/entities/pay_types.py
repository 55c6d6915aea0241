"""Pay types: company-wide."""

import msgspec

from loaders.entity import Entity, Row, by_name


class PayTypeRow(Row, frozen=True, kw_only=True, gc=False):
    """A pay type as Raken has it, listed or on a time entry."""

    id: str = msgspec.field(name="uuid")
    name: str
    code: str


PAY_TYPES = Entity(
    name="PAY_TYPES",
    path="/payTypes",
    row=PayTypeRow,
    lifetime=14400,
    order=lambda row: by_name(row.name),
)

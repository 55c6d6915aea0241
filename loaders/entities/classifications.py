"""Classifications: company-wide."""

import msgspec

from loaders.entity import Entity, Row, by_name


class ClassificationRow(Row, frozen=True, kw_only=True, gc=False):
    """A classification as Raken has it, listed or on a time entry."""

    id: str = msgspec.field(name="uuid")
    name: str


CLASSIFICATIONS = Entity(
    name="CLASSIFICATIONS",
    path="/classifications",
    row=ClassificationRow,
    lifetime=14400,
    order=lambda row: by_name(row.name),
)

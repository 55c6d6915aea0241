"""Cost codes: company-wide; the code itself is not unique."""

import msgspec

from loaders.entity import Blankable, Entity, by_name


class CostCodeRow(Blankable, frozen=True, kw_only=True, gc=False):
    """A cost code as Raken has it, listed or on an entry."""

    blank = ("division", "description")
    id: str = msgspec.field(name="uuid")
    code: str
    division: str | None = None
    description: str | None = None

    def with_description(self, description: str | None) -> "CostCodeRow":
        """The same, described as the listed one is."""
        return msgspec.structs.replace(self, description=description)


COST_CODES = Entity(
    name="COST_CODES",
    path="/costCodes",
    row=CostCodeRow,
    lifetime=14400,
    order=lambda row: by_name(row.code),
)

"""Materials: company-wide for the list; a project's are asked for by project, for the rows do not name it."""

import msgspec

from loaders.entity import Entity, Located, Row, Scope, by_name


class UnitRow(Row, frozen=True, kw_only=True, gc=False):
    """What a material is counted in."""

    name: str


class MaterialRow(Located, frozen=True, kw_only=True, gc=False):
    """A material as Raken has it, listed or in a log."""

    id: str = msgspec.field(name="uuid")
    name: str
    material_unit: UnitRow | None = None

    @property
    def unit(self) -> str | None:
        """The unit's name."""
        return (self.material_unit.name or None) if self.material_unit else None


MATERIALS = Entity(
    name="MATERIALS",
    path="/materials",
    row=MaterialRow,
    lifetime=3600,
    scope=Scope.PROJECT,
    order=lambda row: by_name(row.name),
    keys={"project": lambda row: row.project_id},
)

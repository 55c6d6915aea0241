"""Material logs."""

import datetime as dt

import strawberry

from loaders.dataloaders import Sourced
from loaders.entities.materials import MATERIALS
from resolvers.context import Info
from resolvers.fields import OnProject
from resolvers.node import plain
from resolvers.types.references import MaterialRef


@strawberry.type(description="A quantity of a material, logged on a project and date.")
class MaterialLog(OnProject):
    """A material log."""

    id: strawberry.ID | None = plain("Raken gives none: made of what the log says, and stable while that stays.")
    date: dt.date = plain("The date.")
    quantity: float = plain("How much, in the material's unit.")

    @strawberry.field(description="The material, as the log names it.")
    def material(self, info: Info) -> MaterialRef | None:
        """The row's, as old as the row."""
        material = self.row.material
        return None if material is None else info.context.node(MATERIALS, Sourced(material, self.serving))

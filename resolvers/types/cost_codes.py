"""Cost codes."""

from typing import Any

import strawberry

from loaders.entities.cost_codes import COST_CODES, CostCodeRow
from resolvers.context import Context
from resolvers.node import plain


@strawberry.type(description="What hours are booked on.")
class CostCode:
    """A cost code, read off the row it lies on."""

    id: strawberry.ID = plain("Raken's uuid.")
    code: str = plain("Its code; not unique.")
    division: str | None = plain("The division that it belongs to.")
    description: str | None = plain("What it stands for, as the company's list of cost codes has it.")


async def cost_code(context: Context, row: CostCodeRow | None, since: float) -> Any:
    """The cost code on an entry, with the listed one's description where the entry has none itself."""
    if row is None or row.description is not None:
        return row
    listed = await context.loaders.one(COST_CODES, row.id, since)
    return row if listed is None else row.with_description(listed.row.description)

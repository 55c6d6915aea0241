"""Sums of hours over time cards."""

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any

import strawberry

from loaders.dataloaders import Sourced
from loaders.errors import RakenGarbled
from resolvers.costs import cost
from resolvers.types.references import PayTypeRef


@strawberry.type(description="Hours of one pay type.")
class PayTypeHours:
    """A pay type and what its entries sum to."""

    pay_type: PayTypeRef = strawberry.field(description="The pay type.")
    hours: float = strawberry.field(description="The sum of the entries that have it.")


@strawberry.type(description="Hours on the time cards of a window.")
class HoursSummary:
    """Sums, taken as decimals."""

    total: float = strawberry.field(description="The sum of the cards' `totalHours`.")
    approved: float = strawberry.field(description="The same of the approved cards.")
    by_pay_type: list[PayTypeHours] = strawberry.field(
        description="The sums of the entries that have a pay type, by its name, then id.", metadata=cost(rows=3)
    )


def hours(cards: Iterable[Sourced]) -> HoursSummary:
    """The sums of some cards; a pay type that cards name differently is named as on the last of them."""
    rows = [card.row for card in cards]
    pay_types: dict[str, Any] = {}
    sums: dict[str, Decimal] = {}
    for entry in (entry for row in rows for entry in row.entries if entry.pay_type is not None):
        pay_types[entry.pay_type.id] = entry.pay_type
        sums[entry.pay_type.id] = sums.get(entry.pay_type.id, Decimal()) + exact(entry.hours)
    return HoursSummary(
        total=_float(sum((exact(row.total_hours) for row in rows), Decimal())),
        approved=_float(sum((exact(row.total_hours) for row in rows if row.approved), Decimal())),
        by_pay_type=[
            PayTypeHours(pay_type=one, hours=_float(sums[one.id]))
            for one in sorted(pay_types.values(), key=lambda one: (one.name.casefold(), one.name, one.id))
        ],
    )


def _float(sum_: Decimal) -> float:
    number = float(sum_)
    if not isfinite(number):
        raise RakenGarbled("expected hours that can be summed, got cards whose hours are past all numbers")
    return number


@lru_cache(maxsize=4096)
def exact(number: float) -> Decimal:
    """The decimal that a JSON number was written as."""
    return Decimal(str(number))

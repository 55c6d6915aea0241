"""Arguments that many fields take, described once."""

import datetime as dt
from typing import Annotated, TypeAlias

import strawberry

From: TypeAlias = Annotated[
    dt.date | None,
    strawberry.argument(name="from", description="The window's first date, counted; left out: `to` less 30 days."),
]
To: TypeAlias = Annotated[
    dt.date | None,
    strawberry.argument(description="The window's last date, counted; left out: today, or `from` if that is later."),
]
First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many rows, 0 to 1,000; null is the default, 0 gives counts only."),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="The cursor that the page begins after: an earlier page's `endCursor`.")
]

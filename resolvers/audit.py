"""The audit log in pages, the newest row first.

One rule: a cursor names a row, and rows only come before all others: none is lost or repeated as one reads on.
"""

from typing import Final

import strawberry

from loaders.audit import AuditLog
from loaders.errors import BadInput
from resolvers.paging import Connection, PageInfo, pack, size, unpack
from resolvers.types.admin import AuditEntry

NAME: Final = "auditLog"
DIGITS = 18


async def entries(log: AuditLog, first: int | None, after: str | None) -> Connection[AuditEntry]:
    """A page of the log; it has fewer rows than `first` where they hold much.

    Raises: BadInput, for `first` out of range, and for a cursor that is malformed or another list's.
    """
    most, before = size(first), None if after is None or after is strawberry.UNSET else _id(after)
    page = await log.page(most, before)
    cursors = [pack(NAME, (str(one.id),)) for one in page.rows]
    ends = (cursors[0], cursors[-1]) if cursors else (None, None)
    info = PageInfo(
        has_next_page=page.more,
        has_previous_page=before is not None,
        start_cursor=ends[0],
        end_cursor=ends[1],
    )
    nodes = [AuditEntry.of(one) for one in page.rows]
    return Connection(nodes=nodes, page_info=info, total_count=await log.count(), cursors=lambda: cursors)


def _id(cursor: str) -> int:
    key = unpack(cursor, NAME)
    if len(key) == 1 and isinstance(key[0], str) and key[0].isascii() and key[0].isdigit() and len(key[0]) <= DIGITS:
        return int(key[0])
    raise BadInput("expected a cursor of this list, got another")

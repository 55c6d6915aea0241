"""`Cache-Status` (RFC 9211): what the cache did for one operation, over all the slices that it touched.

One rule: `fwd` is there exactly where the operation asked Raken, or waited for who did; `hit` where it did neither.
"""

import math

from loaders.operation import Operation
from loaders.usage import HITS


def cache_status(operation: Operation, started: int, left: float | None) -> str | None:
    """The field's one member; None for an operation that touched no slice.

    `started` is how many requests were charged to it, `left` the least seconds for which a slice that it was served is
    still fresh: below 0 once stale, None where it was served none.
    """
    if not (operation.outcomes or operation.requests or started):
        return None
    served = sum(operation.outcomes[outcome] for outcome in HITS)
    forward = _forward(operation, started, served)
    told = ["raken-gateway"]
    if forward:
        told.append(f"fwd={forward}")
    elif served:
        told.append("hit")
    if left is not None:
        told.append(f"ttl={math.floor(left)}")
    # It waited for the requests of others alone (section 2.6).
    if forward and not (started or operation.requests):
        told.append("collapsed")
    if forward or not served:
        told.append(f'detail="requests={operation.requests}"')
    return "; ".join(told)


def _forward(operation: Operation, started: int, served: int) -> str | None:
    """Why the operation went to Raken (section 2.2); None where it did not.

    It is one word for many slices: `partial` where some were there, `miss` where none was, `stale` where all were and
    some are read anew behind, `request` where a person wanted them read anew.
    """
    outcomes = operation.outcomes
    waited = started or operation.joined
    if outcomes["miss"] or (waited and (outcomes["error"] or operation.expected)):
        return "partial" if served else "miss"
    if started:
        return "stale" if outcomes["stale"] else "partial"
    return "request" if operation.requests else None

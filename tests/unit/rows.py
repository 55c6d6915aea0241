"""Made-up rows as Raken sends them, and pages of them."""

import json
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def card(number: int = 1, **more: Any) -> Json:
    """A time card; a field given as None is left out."""
    row = {
        "uuid": f"card-{number}",
        "date": "2026-03-02",
        "startTime": "07:00:00",
        "endTime": "15:30:00",
        "totalHours": 8.0,
        "approved": True,
        "worker": {"uuid": "worker-1"},
        "project": {"uuid": "project-1"},
        "createdBy": {"uuid": "worker-1"},
        "createdAt": "2026-03-02T15:31:00Z",
        "updatedAt": "2026-03-02T15:31:00Z",
        "attachments": [],
        "breaks": [{"name": "Lunch", "duration": 30.0, "startTime": "12:00:00"}],
        "timeEntries": [
            {
                "hours": 8.0,
                "payType": {"uuid": "pay-1", "name": "Regular", "code": "RT"},
                "classification": {"uuid": "class-1", "name": "Carpenter"},
                "costCode": {"uuid": "cost-1", "code": "03-100", "division": "Concrete"},
            }
        ],
    } | more
    return {name: value for name, value in row.items() if value is not None}


def body(rows: Sequence[object], total: Any = None, **page: Any) -> bytes:
    """A page of some rows; `total` is how many there are in all, if not these."""
    head = {"offset": 0, "limit": len(rows), "totalElements": len(rows) if total is None else total} | page
    return json.dumps({"page": head, "collection": rows}).encode()

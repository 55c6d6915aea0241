"""The gateway's log, kept instead of printed: how often each event came, and every error in full."""

from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog


class Logbook:
    """What was logged."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.errors: list[dict[str, Any]] = []

    def __call__(self, _logger: object, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Keeps an event, and lets it go no further."""
        self.events[f"{level} {event.get('event')}"] += 1
        if level in ("error", "critical", "exception"):
            self.errors.append({**event, "exc_info": repr(event.get("exc_info"))})
        raise structlog.DropEvent


@contextmanager
def keeping() -> Iterator[Logbook]:
    """Keeps the log while the context lasts."""
    before, book = structlog.get_config(), Logbook()
    structlog.configure(processors=[book], cache_logger_on_first_use=False)
    try:
        yield book
    finally:
        structlog.configure(**before)

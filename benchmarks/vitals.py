"""How much a process holds: memory, tasks, files, connections to Postgres.

The rule: it is looked at when everything rests, after a collection.
"""

import asyncio
import gc
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import asyncpg

OURS = {"RequestHandler.start", "Line._joined", "_passed"}
"Tasks of the sandbox's and the line's, one a connection: no concern of the gateway's."
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Vitals:
    """What is held at one moment."""

    memory: float
    "Resident, in MB."
    objects: int
    "That the collector knows of."
    tasks: Counter[str]
    files: int
    "Without those of the connections to Postgres, three each on a line of ours; they come and go."
    connections: int
    "Of the gateway's to Postgres."


async def vitals(dsn: str) -> Vitals:
    """What is held now."""
    gc.collect()
    tasks = Counter(name for name in map(_name, asyncio.all_tasks()) if name not in OURS)
    objects, files, connections = len(gc.get_objects()), open_files(), await _connections(dsn)
    return Vitals(_resident(), objects, tasks, files - 3 * connections, connections)


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def open_files() -> int:
    """How many files, pipes and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def _name(task: "asyncio.Task[object]") -> str:
    return str(getattr(task.get_coro(), "__qualname__", task.get_coro()))


async def _connections(dsn: str) -> int:
    postgres = await asyncpg.connect(dsn)
    try:
        asked = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name LIKE 'raken-gateway%' AND datname = current_database()"
        )
        return int(await postgres.fetchval(asked))
    finally:
        await postgres.close()

"""Raken as the driver has it: the real sandbox, on the driver's own loop, and the record of what it had when.

The rule: the gateway reaches it over HTTP alone; the driver sets its clock and edits its rows directly, so that the
moment of each change is known.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiohttp import web

from benchmarks.handclock import HandClock
from benchmarks.record import ALWAYS, Between, History, Value
from sandbox.edits import edit
from sandbox.faults import MOVING, Standing, fault
from sandbox.main import create_app, variables
from sandbox.options import Options
from sandbox.rows import Row, value
from sandbox.state import SANDBOX, Sandbox
from sandbox.switches import flipped


def uuid(row: Value) -> str:
    """A row's uuid."""
    return str(row["uuid"])


def histories() -> dict[str, History]:
    """An empty record of each collection that is looked at, by Raken's name for it."""
    site = {"project": lambda row: str(row["projectUuid"])}
    return {
        "projects": History(uuid, None, {}),
        "members": History(uuid, None, {}),
        "equipment": History(uuid, None, {}),
        "timeCards": History(
            uuid,
            "date",
            {
                "project": lambda row: str(row["project"]["uuid"]),
                "worker": lambda row: str(row["worker"]["uuid"]),
                "date": lambda row: str(row["date"]),
            },
        ),
        "workLogs": History(uuid, "date", site),
        "dailyReports": History(lambda row: f"{row['projectUuid']}:{row['reportDate']}", "reportDate", site),
    }


class Company:
    """The sandbox and its record."""

    def __init__(self, sandbox: Sandbox, clock: HandClock, url: str) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._movers: list[Standing] = []
        self._moved = 0
        self._looked = clock.now()
        self.environment = variables(url, sandbox.options)
        self.record = histories()
        sandbox.clock.stop()
        self.move(clock.now())
        for name, history in self.record.items():
            for row in self._rows(name):
                history.put(self._value(name, row), Between(ALWAYS, ALWAYS))

    def move(self, to: datetime) -> None:
        """Sets Raken's clock."""
        self._sandbox.clock.set(to)

    def edit(self, op: str, collection: str, **more: Any) -> list[Value]:
        """Changes rows as people at Raken do, and writes that down; the rows."""
        self.catch_up()
        before = self._clock.now()
        done = self._sandbox.editor.apply(edit({"op": op, "collection": collection, **more}), self._sandbox.now())
        when = Between(before, self._clock.now())
        history = self.record[collection]
        for row in done:
            if op == "delete" and not self._sandbox.company.collection(collection).form.statuses:
                history.end(history.id(row), when)
            else:
                history.put(row, when)
        return done

    def catch_up(self) -> None:
        """Writes down what the faults that move rows have changed since it was last looked."""
        since, self._looked = self._looked, self._clock.now()
        moved = sum(one.spoiled for one in self._movers)
        if moved != self._moved:
            self._moved = moved
            for name, history in self.record.items():
                self._compare(name, history, Between(since, self._clock.now()))

    def _compare(self, name: str, history: History, when: Between) -> None:
        rows = {history.id(row): row for row in (self._value(name, row) for row in self._rows(name))}
        for id_ in [id_ for id_ in history.versions if id_ not in rows]:
            history.end(id_, when)
        for id_ in rows.keys() - history.versions.keys():
            history.put(rows[id_], when)

    def fault(self, kind: str, path: str = "*", **more: Any) -> int:
        """Lets a fault stand; its number."""
        standing = self._sandbox.faults.add(fault({"kind": kind, "path": path, **more}))
        self._movers += [standing] if kind in MOVING else []
        return standing.number

    def lift(self, number: int | None = None) -> None:
        """Takes one fault away, or all."""
        self._sandbox.faults.lift(number)

    def switch(self, **values: object) -> None:
        """Flips switches."""
        self._sandbox.switches = flipped(self._sandbox.switches, values)

    @property
    def requests(self) -> int:
        """How many requests for data have come."""
        return self._sandbox.counts.data.all

    @property
    def by_path(self) -> dict[str, int]:
        """The same, by path."""
        return {path: tally.all for path, tally in self._sandbox.counts.paths.items() if not path.startswith("/oauth")}

    @property
    def by_status(self) -> dict[str, int]:
        """The same, by what became of them."""
        return dict(self._sandbox.counts.data.statuses)

    def _rows(self, name: str) -> Iterator[Row]:
        return self._sandbox.company.collection(name).rows()

    def _value(self, name: str, row: Row) -> Value:
        return value(self._sandbox.company.collection(name).form, row)


@asynccontextmanager
async def company(options: Options, clock: HandClock) -> AsyncIterator[Company]:
    """A sandbox that listens while the context lasts, its clock the driver's."""
    app = create_app(options)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Company(app[SANDBOX], clock, f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        app[SANDBOX].faults.lift()
        await runner.cleanup()

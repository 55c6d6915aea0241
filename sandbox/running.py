"""A sandbox in a thread of its own, and a plain client for its control API: for tests.

The rule: what starts here has stopped when the context ends, and nothing of it needs an event loop of the caller's.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.main import listening, variables
from sandbox.options import Options

START_SECONDS = 15


class Address:
    """Where a sandbox listens, and what can be told to it there."""

    def __init__(self, url: str, options: Options) -> None:
        self.url = url
        self.options = options

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a gateway uses it."""
        return variables(self.url, self.options)

    def access_token(self) -> str:
        """A good access token."""
        return str(self._ask("POST", "/tokens")["access_token"])

    def expire_tokens(self, *, refresh: bool = False) -> None:
        """Ends every access token, and every known refresh token where that is asked for."""
        self._ask("DELETE", "/tokens?refresh=true" if refresh else "/tokens")

    def fault(self, kind: str, path: str = "*", **more: Any) -> int:
        """Lets a fault stand; its number."""
        return int(self._ask("POST", "/faults", {"kind": kind, "path": path, **more})["number"])

    def faults(self) -> list[dict[str, Any]]:
        """The faults that stand."""
        return list(self._ask("GET", "/faults"))

    def lift(self, number: int | None = None) -> None:
        """Takes one fault away, or all."""
        self._ask("DELETE", f"/faults/{number}" if number else "/faults")

    def switch(self, **values: Any) -> None:
        """Flips switches."""
        self._ask("PATCH", "/switches", values)

    def counts(self) -> dict[str, Any]:
        """What was asked since the last reset."""
        return dict(self._ask("GET", "/counts"))

    def requests(self, path: str | None = None) -> int:
        """How many requests came for a path, or for data at all."""
        counts = self.counts()
        return int((counts["paths"].get(path, {"all": 0}) if path else counts)["all"])

    def forget_counts(self) -> None:
        """Counts from nothing again."""
        self._ask("DELETE", "/counts")

    def rows(self, collection: str, **query: str) -> list[dict[str, Any]]:
        """Every row of a collection, whatever its status; of one project with projectUuid."""
        return list(self._ask("GET", f"/rows/{collection}?{urlencode(query)}"))

    def edit(self, op: str, collection: str, **more: Any) -> list[dict[str, Any]]:
        """Adds, changes, approves, unapproves, deletes or purges rows; the rows."""
        return list(self._ask("POST", "/edits", {"op": op, "collection": collection, **more}))

    def add(self, collection: str, **fields: Any) -> dict[str, Any]:
        """Adds one row, believable but for the fields."""
        return self.edit("add", collection, fields=fields)[0]

    def clock(self, **values: Any) -> dict[str, str]:
        """Moves the clock: `now`, `advance` (seconds), `stopped`."""
        return dict(self._ask("PATCH", "/clock", values))

    def reset(self) -> None:
        """Puts data, faults, switches and counts back to the start."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        at = urlsplit(self.url)
        connection = HTTPConnection(at.hostname or "", at.port, timeout=START_SECONDS)
        try:
            connection.request(method, f"/_sandbox{path}", json.dumps(body) if body is not None else None)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 400:  # noqa: PLR2004 -- where errors begin (RFC 9110)
            raise ValueError(answer["error"])
        return answer


@contextmanager
def running(options: Options) -> Iterator[Address]:
    """A sandbox that runs in a thread while the context lasts; port 0 picks a free one."""
    thread = _Thread(options)
    thread.start()
    try:
        yield Address(thread.address(), options)
    finally:
        thread.stop()


class _Thread(threading.Thread):
    def __init__(self, options: Options) -> None:
        super().__init__(name="sandbox", daemon=True)
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._known = threading.Event()
        self._address = ""
        self._failed: BaseException | None = None

    def run(self) -> None:
        try:
            self._loop.run_until_complete(self._listen())
        except BaseException as failed:  # noqa: BLE001 -- raised again in the thread that waits
            self._failed = failed
        finally:
            self._loop.close()
            self._known.set()

    def address(self) -> str:
        self._known.wait(START_SECONDS)
        if self._failed:
            raise self._failed
        return self._address

    def stop(self) -> None:
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
        self.join(START_SECONDS)

    async def _listen(self) -> None:
        async with listening(self._options) as self._address:
            self._known.set()
            await self._over.wait()

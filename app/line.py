"""The line to a client: a connection, with an end to its patience.

One rule: a client that sends or takes nothing whole within the time is cut off, and holds up nobody but itself.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from app.framing import Framing

SENDING = 20.0
"Seconds within which a request is whole, its headers and its body of at most 1 MiB; from the connection's start on."
TAKING = 60.0
"Seconds within which a client takes what waits for it."


class Line(Framing):
    """A connection."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._sending = _Timer(self.loop, SENDING, self._give_up)
        self._taking = _Timer(self.loop, TAKING, self._abort)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a request."""
        super().connection_made(transport)
        self._sending.start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing any more."""
        self._sending.stop()
        self._taking.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Whatever comes on a kept connection begins a request."""
        self._sending.start()
        super().data_received(data)

    def on_message_begin(self) -> None:
        """The same, where it comes right behind another."""
        super().on_message_begin()
        self._sending.start()

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._sending.stop()

    def pause_writing(self) -> None:
        """More waits for the client than it takes."""
        super().pause_writing()
        self._taking.start()

    def resume_writing(self) -> None:
        """It has taken it."""
        super().resume_writing()
        self._taking.stop()

    def _give_up(self) -> None:
        if self.pipeline or (self.cycle is not None and not (self.cycle.response_complete or self.cycle.more_body)):
            # What came since is not whole, but a request before it is still being answered.
            self._sending.start()
            return
        if not self.transport.is_closing():
            self.refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _abort(self) -> None:
        self.transport.abort()


class _Timer:
    """Does something once, so many seconds after its start, unless it is stopped before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, then: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._then = then
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._over)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _over(self) -> None:
        self._handle = None
        self._then()

"""A line between the gateway and the sandbox, for what no Raken that answers can do: not be there, and break off.

The rule it keeps: what it passes on it passes on unread, and one call spoils all that is passed until it is mended.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

RESET = struct.pack("ii", 1, 0)
"SO_LINGER, on and with no time: closing sends a reset instead of an end."


class Relay:
    """A loopback address that stands for the sandbox's."""

    def __init__(self, url: str) -> None:
        """`url` is the sandbox's."""
        self._to = urlsplit(url)
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._whole = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Listens, where it listened before."""
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Drops every connection, and listens no more."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    def break_off(self) -> None:
        """Resets the connection in the middle of each answer's body."""
        self._whole = False

    async def mend(self) -> None:
        """Passes everything on again."""
        self._whole = True
        if not self._server.is_serving():
            await self.open()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_sandbox, to_sandbox = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._writers |= {writer, to_sandbox}
        await asyncio.gather(self._passed(reader, to_sandbox), self._answered(from_sandbox, writer))
        self._writers -= {writer, to_sandbox}

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while self._whole and (data := await reader.read(65_536)):
                writer.write(data if self._whole else self._half(data, writer))
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    def _half(self, data: bytes, writer: asyncio.StreamWriter) -> bytes:
        connection: socket.socket = writer.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        head, end, body = data.partition(b"\r\n\r\n")
        return head + end + body[: len(body) // 2]


@asynccontextmanager
async def relay(url: str) -> AsyncIterator[Relay]:
    """A relay that is open while the context lasts."""
    line = Relay(url)
    await line.open()
    try:
        yield line
    finally:
        await line.refuse()

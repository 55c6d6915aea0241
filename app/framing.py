"""Where a request begins and ends: what HTTP/1.1 asks of that (RFC 9112) beyond what uvicorn's parser sees to.

One rule: what a proxy before us may read as another request than we do is refused, or read as that one request alone.
"""

from collections import Counter
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 64 * 1024
"Bytes of a request's first line, its headers and its trailers, together."
ONCE = (b"host", b"authorization", b"content-type", b"origin")
"Headers that say one thing: of two, one reader takes the first and another the last."


class Wrong(Exception):
    """A request that is not read on; `status` is HTTP's word for it."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class Framing(HttpToolsProtocol):
    """A connection whose requests end where every reader sees them end."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._weight = 0
        self._unread = 0
        "Bytes since the parser last made something of them."
        self._in_head = False

    def data_received(self, data: bytes) -> None:
        """Reads what has come, or refuses it and ends the connection."""
        self._unset_keepalive_if_required()
        try:
            while data:
                data = self._fed(data)
        except httptools.HttpParserError as error:
            wrong = error.__context__
            self.refuse(wrong.status if isinstance(wrong, Wrong) else HTTPStatus.BAD_REQUEST)

    def refuse(self, status: HTTPStatus) -> None:
        """Answers with a status alone, and ends the connection."""
        # An answer that has begun is not followed by another one.
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            line = f"HTTP/1.1 {status.value} {status.phrase}"
            self.transport.write(f"{line}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
        self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._weight = self._unread = 0
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """A part of its address."""
        self._weigh(len(url), HTTPStatus.REQUEST_URI_TOO_LONG)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. A trailer is let go: it has not passed what looks at headers (RFC 9110, section 6.5.1)."""
        self._weigh(len(name) + len(value))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begins to answer what is one request, and no wish for another protocol."""
        self._in_head = False
        self._check()
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _fed(self, data: bytes) -> bytes:
        """Has data parsed: what of it is to be read once more."""
        self._unread += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # The parser takes what follows for another protocol's, or for another request: it is the body of this one.
            return self._without_upgrade() + data[upgrade.args[0] :]
        if self._unread > HEAD:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        return b""

    def _weigh(self, size: int, excess: HTTPStatus = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) -> None:
        self._unread = 0
        self._weight += size
        if self._weight > HEAD:
            raise Wrong(excess)

    def _check(self) -> None:
        """Raises: Wrong, for a request of which two readers may make two things."""
        times = Counter(name for name, _ in self.headers)
        hostless = times[b"host"] == 0 and self.parser.get_http_version() == "1.1"
        if hostless or any(times[name] > 1 for name in ONCE):
            raise Wrong(HTTPStatus.BAD_REQUEST)
        coded = (value.lower() for name, value in self.headers if name == b"transfer-encoding")
        if self.parser.get_method() == b"CONNECT" or any(coding != b"chunked" for coding in coded):
            raise Wrong(HTTPStatus.NOT_IMPLEMENTED)

    def _without_upgrade(self) -> bytes:
        """The request's head without its wish for another protocol, as one may read it (RFC 9110, section 7.8)."""
        line = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        headers = [
            b"%s: %s" % (name, _staying(value) if name == b"connection" else value) for name, value in self.headers
        ]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join((line, *headers, b"", b""))


def _staying(options: bytes) -> bytes:
    """The options of a Connection header without `upgrade`."""
    return b",".join(option for option in options.split(b",") if option.strip().lower() != b"upgrade")

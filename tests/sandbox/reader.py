"""A plain reader of the simulated Raken: one request, one reply, no retries.

The rule it keeps: it knows HTTP and the page envelope, and nothing of the sandbox's inside.
"""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.running import Address


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(self.json["collection"])

    @property
    def page(self) -> dict[str, Any]:
        return dict(self.json["page"])

    @property
    def uuids(self) -> list[str]:
        return [row["uuid"] for row in self.rows]


class Reader:
    """Somebody with a good access token."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.token = address.access_token()

    def get(self, path: str, headers: dict[str, str] | None = None, timeout: float = 10, **query: Any) -> Reply:
        """One data request; parameters are given by name."""
        asked = f"{path}{'&' if '?' in path else '?'}{urlencode(query, doseq=True)}" if query else path
        return self.ask(
            "GET", f"/api{asked}", headers={"Authorization": f"Bearer {self.token}"} | (headers or {}), timeout=timeout
        )

    def ask(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 10,
    ) -> Reply:
        """One request of any kind, without a token."""
        at = urlsplit(self.address.url)
        connection = HTTPConnection(at.hostname or "", at.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, path: str, **form: str) -> Reply:
        """One form, as a browser or an OAuth client sends it."""
        return self.ask("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})

    def refresh(self, token: str) -> Reply:
        """One refresh grant."""
        return self.post(
            "/oauth/token", grant_type="refresh_token", client_id="any", client_secret="any", refresh_token=token
        )

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every row of a list, by its `next` links."""
        reply = self.get(path, **query)
        rows = reply.rows
        while "next" in reply.page:
            reply = self.get(reply.page["next"])
            rows += reply.rows
        return rows

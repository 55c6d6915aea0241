"""Calls at the gateway's door, in this process: through the whole application, with no socket between."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from starlette.types import ASGIApp, Message

END = datetime(2100, 1, 1, tzinfo=UTC)
"When the tokens end: after any day that is simulated."


@dataclass(frozen=True, slots=True)
class Answer:
    """A GraphQL response, and how many bytes it had."""

    status: int
    data: dict[str, Any] | None
    errors: list[dict[str, Any]]
    extensions: dict[str, Any]
    size: int

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [error.get("extensions", {}).get("code", "NONE") for error in self.errors]


class Door:
    """Where people of any role ask."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._secret = secret
        self._tokens: dict[str, str] = {}

    async def ask(self, query: str, variables: Mapping[str, Any], role: str) -> Answer:
        """`POST /graphql` of a query, by somebody of a role."""
        got = await self._post(json.dumps({"query": query, "variables": variables}).encode(), role)
        status, body = got
        read = json.loads(body)
        return Answer(status, read.get("data"), read.get("errors", []), read.get("extensions", {}), len(body))

    async def _post(self, body: bytes, role: str) -> tuple[int, bytes]:
        chunks, statuses, got = [body], [0], bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": chunks.pop()} if chunks else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            statuses.append(message.get("status", statuses[-1]))
            got.extend(message.get("body", b""))

        await self._app(self._scope(role), receive, send)
        return statuses[-1], bytes(got)

    def _scope(self, role: str) -> dict[str, Any]:
        headers = {
            "host": "gateway.test",
            "authorization": f"Bearer {self._token(role)}",
            "content-type": "application/json",
            "accept": "application/graphql-response+json",
        }
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("gateway.test", 80),
        }

    def _token(self, role: str) -> str:
        if role not in self._tokens:
            self._tokens[role] = jwt.encode({"sub": role.lower(), "role": role, "exp": END}, self._secret)
        return self._tokens[role]

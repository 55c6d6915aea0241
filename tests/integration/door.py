"""The gateway's door, opened in this process: whoever calls at it, and what they are told.

The rule it keeps: no socket between; a call goes through the whole application, its middleware too.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import asyncpg
import jwt
from starlette.datastructures import Headers
from starlette.types import Message

from app.config import Settings, settings
from app.main import create_app
from app.wiring import Gateway, open_gateway
from resolvers.schema import ENTITIES
from sandbox.running import Address

SECRET = "a-secret-that-only-these-tests-know-of"
HOST = "gateway.test"
JSON = "application/json"
RESPONSE = "application/graphql-response+json"
ROLES = ("VIEWER", "MANAGER", "PAYROLL", "ADMIN")


def token(role: str | None = "ADMIN", sub: str | None = "somebody", *, secret: str = SECRET, **claims: Any) -> str:
    """A token that lasts, for tests move the clock by weeks; a claim that is None is left out."""
    end = datetime.now(UTC) + timedelta(days=400)
    given = {"sub": sub, "role": role, "exp": end, **claims}
    kept = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(kept, secret, algorithm="HS256")


def signed(role: str = "ADMIN", sub: str = "somebody", accept: str = RESPONSE) -> dict[str, str]:
    """The headers of somebody who is signed in."""
    return {"authorization": f"Bearer {token(role, sub)}", "accept": accept}


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        """The data of an answer that has no errors."""
        assert "errors" not in self.json, self.json["errors"]
        return self.json["data"]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Its errors; none where it has none."""
        return list(self.json.get("errors", ()))

    @property
    def codes(self) -> dict[str, str]:
        """The code of each error, by its path, dotted."""
        return {".".join(map(str, error.get("path", ()))): error["extensions"]["code"] for error in self.errors}

    @property
    def media_type(self) -> str:
        """Its media type alone."""
        return self.headers["content-type"].partition(";")[0]


class Door:
    """Calls at a gateway that is open in this process."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.app = create_app(gateway)

    async def call(
        self,
        method: str,
        target: str,
        body: bytes | None = b"",
        headers: Mapping[str, str] | None = None,
        *,
        client: str = "127.0.0.1",
    ) -> Answer:
        """The response to a request from an address; where the body is None, the caller hangs up in its place."""
        where, sent = urlsplit(target), {"host": HOST} | dict(headers or {})
        chunks = [] if body is None else [body]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": where.path,
            "raw_path": where.path.encode(),
            "query_string": where.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": (client, 50_000),
            "server": (HOST, 80),
        }
        started: list[Message] = []
        got = bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": chunks.pop()} if chunks else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            else:
                got.extend(message.get("body", b""))

        await self.app(scope, receive, send)
        return Answer(started[0]["status"], Headers(raw=started[0]["headers"]), bytes(got))

    async def post(self, body: Any, headers: Mapping[str, str] | None = None, *, client: str = "127.0.0.1") -> Answer:
        """`POST /graphql` of JSON, or of bytes as they are."""
        written = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": JSON, **(headers or {})}
        return await self.call("POST", "/graphql", written, sent, client=client)

    async def get(self, query: str, headers: Mapping[str, str] | None = None, **more: str) -> Answer:
        """`GET /graphql`."""
        return await self.call("GET", f"/graphql?{urlencode({'query': query, **more})}", headers=headers)

    async def ask(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        role: str = "ADMIN",
        sub: str = "somebody",
        accept: str = RESPONSE,
    ) -> Answer:
        """The answer to somebody who is signed in."""
        return await self.post({"query": query, "variables": variables}, signed(role, sub, accept))


def configured(sandbox: Address, database_url: str, **variables: str) -> Settings:
    """The settings of a gateway before a sandbox; each database has a chain of tokens of its own."""
    given = {
        **sandbox.environment,
        "DATABASE_URL": database_url,
        "JWT_SECRET": SECRET,
        "RAKEN_REFRESH_TOKEN": f"seed-{uuid4().hex}",
        "RAKEN_REQUESTS_PER_SECOND": "1000",
        **variables,
    }
    return settings(given, list(ENTITIES.values()))


async def forget(database_url: str) -> None:
    """Lets everything be forgotten that was read of Raken, how it was asked, and who has signed in, or tried to."""
    # Nothing was read where there is no database yet, or none that was migrated.
    with suppress(OSError, asyncpg.UndefinedTableError):
        postgres = await asyncpg.connect(database_url)
        try:
            await postgres.execute(
                "TRUNCATE slices, api_cache, raken_days, raken_senders, sign_ins; "
                "UPDATE raken_pace SET next_at = '-infinity', number = number + 1, paused_until = '-infinity', "
                "times = 0, quota = false"
            )
        finally:
            await postgres.close()


@asynccontextmanager
async def opened(sandbox: Address, database_url: str, *, first: bool = True, **variables: str) -> AsyncIterator[Door]:
    """A door that is open while the context lasts; the first on its database finds nothing there of what was read."""
    if first:
        await forget(database_url)
    async with open_gateway(configured(sandbox, database_url, **variables)) as gateway:
        yield Door(gateway)

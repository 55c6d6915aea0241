"""A process is killed when Raken has rotated the refresh token and the new pair is not yet stored.

Nobody can get that pair back: told here is what the other processes do, what they serve, and how an administrator
mends it.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sandbox.running import Address
from tests.integration.browser import browser, consented
from tests.integration.conftest import Line
from tests.integration.door import SECRET, signed
from tests.integration.lab import Lab, lab

Until = Callable[[Callable[[], bool]], Awaitable[None]]
COMMAND = Path(sys.executable).with_name("raken-gateway")
STANDING = "{ upstreamStatus { connected lastError } }"
PROJECTS = "{ projects { totalCount nodes { freshness { state } } } }"


@asynccontextmanager
async def serving(sandbox: Address, dsn: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A gateway in a process of its own, and its port; killed at the end if it must be."""
    variables = {**sandbox.environment, "DATABASE_URL": dsn, "JWT_SECRET": SECRET, "PORT": "0"}
    del variables["RAKEN_REFRESH_TOKEN"]
    environment = {"PATH": os.environ["PATH"], **variables}
    process = await asyncio.create_subprocess_exec(COMMAND, "serve", env=environment, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            told = json.loads(line)
            if told["event"] == "listening":
                yield process, told["address"].rpartition(":")[2]
                return
        pytest.fail("expected a process that listens, but it ended")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def asking(port: str, query: str) -> AsyncIterator[None]:
    """Asks a process, and waits for no answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
    body = json.dumps({"query": query})
    headers = {**signed(), "host": "gateway", "content-type": "application/json", "content-length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(["POST /graphql HTTP/1.1", *lines, "", body]).encode())
    try:
        yield
    finally:
        writer.transport.abort()


def answers(sandbox: Address) -> int:
    """How many pairs the token endpoint has given."""
    return int(sandbox.counts()["paths"]["/oauth/token"]["statuses"]["200"])


async def lose_a_pair(sandbox: Address, line: Line, until: Until) -> None:
    """Has a process spend the refresh token, be given the new pair, and die before Postgres hears of it."""
    spent = answers(sandbox)
    slow = sandbox.fault("latency", "/oauth/token", seconds=1)
    async with serving(sandbox, line.dsn) as (process, port), asking(port, "{ equipment { name } }"):
        # The note is committed before Raken is asked.
        await until(lambda: sandbox.requests("/oauth/token") > spent)
        line.hush()
        await until(lambda: answers(sandbox) > spent)
        process.kill()
        await process.wait()
    await line.cut()
    await line.mend()
    sandbox.lift(slow)


async def pass_the_time_out(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE raken_tokens SET intended_at = intended_at - interval '61 seconds'")
    await connection.close()


async def later(lab: Lab, seconds: float) -> tuple[str, dict[str, Any], str | None]:
    """After a while: how fresh the projects are, how Raken stands, and what a reader is warned of."""
    await lab.move(seconds)
    await lab.ask(PROJECTS)
    await lab.landed()
    answer = await lab.ask(PROJECTS)
    standing = (await lab.ask(STANDING)).data["upstreamStatus"]
    [row] = answer.json.get("extensions", {}).get("freshness", [{"warning": None}])
    return answer.data["projects"]["nodes"][0]["freshness"]["state"], standing, row["warning"]


async def test_a_pair_that_died_with_a_process_is_waited_for_tried_once_and_cured_by_connecting_anew(
    sandbox: Address, line: Line, database_url: str, until: Until
) -> None:
    async with lab(sandbox, database_url) as second:
        spent = sandbox.requests("/oauth/token")
        assert (await later(second, 0))[0] == "FRESH"
        sandbox.expire_tokens()
        await lose_a_pair(sandbox, line, until)
        assert sandbox.requests("/oauth/token") - spent == 2

        state, standing, _ = await later(second, 3_700)
        assert (state, standing["connected"]) == ("DEGRADED", True)
        assert "another process may have spent Raken's refresh token" in standing["lastError"]
        assert sandbox.requests("/oauth/token") - spent == 2

        await pass_the_time_out(database_url)
        for _ in range(3):
            state, standing, warning = await later(second, 60)
            assert (state, standing["connected"]) == ("DEGRADED", False)
            assert "invalid_grant" in standing["lastError"]
            assert warning is not None
        assert sandbox.requests("/oauth/token") - spent == 3

        ann = browser(second.door)
        assert b"(invalid_grant)" in (await ann.get("/auth/raken/connect?confirm")).body
        done = await ann.get(consented(sandbox, await ann.get("/auth/raken/connect")))
        assert (done.status, b"Raken is connected" in done.body) == (200, True)
        state, standing, _ = await later(second, 60)
        assert (state, standing["connected"]) == ("FRESH", True)
        assert sandbox.requests("/oauth/token") - spent == 4

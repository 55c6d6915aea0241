"""A served gateway in all kinds of trouble: what it writes has no word of what it was sent, given or told in trust."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import asyncpg
import pytest

from loaders.migrate import migrate
from sandbox.running import Address
from tests.integration.door import JSON, token
from tests.waiting import GUARD

COMMAND = Path(sys.executable).with_name("raken-gateway")
SECRETS = {
    "JWT_SECRET": "canary-jwt-secret-of-32-bytes-or-more",
    "TOKEN_KEYS": "canary-key-one,canary-key-two",
    "RAKEN_REFRESH_TOKEN": "canary-refresh-token",
    "REDIS_URL": "redis://:canary-redis@127.0.0.1:1",
}
SIGNED = {"authorization": f"Bearer {token(sub='canary-subject', secret=SECRETS['JWT_SECRET'])}", "content-type": JSON}
NOTE = "mutation ($i: ProjectExtensionInput!) { canaryAlias: updateProjectExtension(input: $i) { id internalNotes } }"
LOGIN = 'mutation { login(email: "canary@mail.example", password: "canary-password") { token } }'
PEOPLE = "{ canaryAlias: teamMembers { nodes { fullName email phoneNumber internalNotes } } } # canary"
FORM = "application/x-www-form-urlencoded"
STRANGE = {"status": ["canary"], "phoneNumber": {"canary": 1}, "createdAt": "canary"}
LONG = 4
"Letters of a name that is no part of a word."
FAULTS: list[dict[str, Any]] = [
    {"kind": "missing", "fields": ("uuid", "lastName"), "rows": 2},
    {"kind": "extra", "values": STRANGE, "rows": 2},
    {"kind": "html"},
    {"kind": "cut"},
    {"kind": "status", "status": 400},
    {"kind": "reset"},
    {"kind": "forbidden"},
    # After these Raken is not asked for a while.
    {"kind": "unauthorized"},
    {"kind": "rate"},
]


class Served:
    """A gateway that is served, and what it writes."""

    def __init__(self, address: str, written: Path) -> None:
        where = urlsplit(address)
        self._at = where.hostname or "", where.port
        self.written = written

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """The status and text of a response."""
        connection = HTTPConnection(*self._at, timeout=GUARD)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, json.dumps(body) if isinstance(body, dict | list) else body, sent)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def query(self, query: str, **variables: Any) -> str:
        """The answer to somebody who is signed in."""
        return self.ask("POST", "/graphql", {"query": query, "variables": variables}, **SIGNED)[1]


@pytest.fixture
async def touchy(database_url: str) -> str:
    """The DSN of a database that takes no note of a crash, and says so in words that quote the whole row."""
    await migrate(database_url)
    postgres = await asyncpg.connect(database_url)
    await postgres.execute("ALTER TABLE project_extensions ADD CHECK (internal_notes NOT LIKE '%crash%')")
    await postgres.close()
    return database_url


@pytest.fixture
def served(sandbox: Address, touchy: str, tmp_path: Path) -> Iterator[Served]:
    """Yields a gateway that has secrets in its variables."""
    sandbox.switch(etags="none")  # else most answers would have no body that could be spoiled
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    given = {"PORT": "0", "RAKEN_TIMEOUT_SECONDS": "1", "RAKEN_REQUESTS_PER_SECOND": "1000", "DATABASE_URL": touchy}
    environment = kept | sandbox.environment | given | SECRETS
    written = tmp_path / "written"
    with (
        written.open("wb") as file,
        subprocess.Popen([COMMAND, "serve"], env=environment, stdout=file, stderr=file) as process,
    ):
        while '"listening"' not in written.read_text():
            assert process.poll() is None, written.read_text()
            time.sleep(0.05)
        (line,) = [line for line in map(json.loads, written.read_text().splitlines()) if line["event"] == "listening"]
        yield Served(line["address"], written)
        process.terminate()
    sandbox.reset()


def plant(served: Served, project: str) -> None:
    """Puts canaries wherever a client can put something."""
    fields = {"projectId": project, "customFields": {"canary": "canary"}}
    for notes in ("canary-notes", "canary-crash"):
        told = served.query(NOTE, i={**fields, "internalNotes": notes})
    assert "INTERNAL_SERVER_ERROR" in told
    assert "canary-crash" not in told
    served.query(NOTE, i={**fields, "internalNotes": "canary", "ifUpdatedAt": None})
    served.query(NOTE, i={"projectId": "canary", "customFields": ["canary"]})
    served.query('{ projects(filter: { search: "canary" }, after: "canary") { canary: totalCount } }')
    served.query("query ($canary: Int!) { projects(first: $canary) { totalCount } }", canary="canary")
    for body in (
        b'{"canary',
        b"\xffcanary",
        ["canary"],
        {"query": "canary"},
        {"query": "{ canary }"},
        {"query": LOGIN},
    ):
        for headers in (SIGNED, {"content-type": JSON}, {"content-type": JSON, "authorization": "Bearer canary.a.b"}):
            served.ask("POST", "/graphql", body, **headers)
    served.ask("POST", "/graphql", {"query": "{ me { id } }"}, **SIGNED, accept="canary/canary", x_canary="canary")
    served.ask("POST", "/graphql", {"query": "{ me { id } }", "operationName": "canary"}, **SIGNED)
    served.ask("POST", "/graphql", {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "canary"}}}, **SIGNED)
    served.ask("GET", f"/graphql?{urlencode({'query': PEOPLE, 'variables': 'canary'})}", **SIGNED)
    served.ask("GET", "/graphql?query=canary", cookie="raken_gateway_session=canary")
    served.ask("GET", "/canary?canary=canary")
    served.ask("GET", "/auth/raken/callback/canary?code=canary&state=canary&error=canary", **SIGNED)
    served.ask("POST", "/login", "email=canary&password=canary&next=canary", content_type=FORM)


def trouble(served: Served, sandbox: Address) -> None:
    """Has Raken fail in every way, of people's data."""
    for fault in FAULTS:
        sandbox.fault(path="/members", times=2, **fault)
        served.query("mutation { canaryAlias: refresh(entities: [MEMBERS]) { entity } }")
        served.query(PEOPLE)
        sandbox.lift()
        # The breaker counts failures in a row, and a failure is said when it begins: this ends both.
        served.query("mutation { refresh(entities: [MEMBERS]) { entity } }")


def names(sandbox: Address) -> set[str]:
    """What Raken says of people and projects, and what its tokens begin with."""
    people = [row.get(name) for row in sandbox.rows("members") for name in ("email", "phoneNumber", "lastName")]
    known = {name for name in people if name and len(name) > LONG}
    assert known
    return {*known, *(row["name"] for row in sandbox.rows("projects")), "sandbox-access"}


@pytest.mark.slow  # a process, nine faults, and four passwords
def test_nothing_that_was_sent_given_or_told_in_trust_is_ever_written(served: Served, sandbox: Address) -> None:
    project = sandbox.rows("projects")[0]["uuid"]
    plant(served, project)
    trouble(served, sandbox)
    metrics, ready = (served.ask("GET", path)[1] for path in ("/metrics", "/readyz"))
    log = served.written.read_text()
    events = {line["event"] for line in map(json.loads, log.splitlines())}
    assert {"graphql", "unforeseen_error", "sign_in_refused", "raken_reading_failed", "raken_rows_left_out"} <= events
    assert "CheckViolationError" in log
    written = f"{log}{metrics}{ready}".lower()
    words = {"canary", *SECRETS.values(), SIGNED["authorization"].split(".")[1], *names(sandbox)}
    assert [word for word in words if word.lower() in written] == []

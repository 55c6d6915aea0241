"""The gateway as a process of its own, and a plain client of its HTTP.

The rule it keeps: it knows what the contract says of commands, variables and paths, and nothing of the code.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import jwt

from tests.truth.evaluator import ENTITIES
from tests.truth.generator import Question
from tests.waiting import GUARD

SECRET = "a-secret-that-only-this-test-knows-of"
COMMAND = Path(__file__).parents[2] / ".venv" / "bin" / "raken-gateway"
# A ttl of its own for each entity, so that one taken for another is seen; long, so that nothing grows stale.
TTLS = {name: 86_400 + number for number, name in enumerate(ENTITIES)}
SETTINGS = {
    "AUTO_MIGRATE": "1",
    "JWT_SECRET": SECRET,
    "COMPANY_TIME_ZONE": "UTC",
    "RAKEN_REQUESTS_PER_SECOND": "1000",
    **{f"TTL_{name}": str(ttl) for name, ttl in TTLS.items()},
}


@dataclass(frozen=True)
class Asker:
    """Who asks: what the token says."""

    sub: str
    role: str

    @property
    def token(self) -> str:
        """A token of an hour."""
        end = datetime.now(UTC) + timedelta(hours=1)
        return jwt.encode({"sub": self.sub, "role": self.role, "exp": end}, SECRET, algorithm="HS256")


class Gateway:
    """A gateway that listens on `port` of this machine."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self.log = port, log

    def printed(self) -> str:
        """The end of what the process has printed."""
        return self.log.read_text(errors="replace")[-3000:].replace("\\n", "\n")

    def ask(self, question: Question, asker: Asker) -> dict[str, Any]:
        """The response to a question."""
        body = {"query": question.query, "variables": question.variables, "operationName": question.operation}
        headers = {"Authorization": f"Bearer {asker.token}", "Content-Type": "application/json"}
        headers["Accept"] = "application/graphql-response+json"
        status, text = self.send("POST", "/graphql", json.dumps(body), headers)
        assert status in (200, 400), f"HTTP {status}: {text[:500]!r}"
        answer: dict[str, Any] = json.loads(text)
        return answer

    def ready(self) -> bool:
        """Whether it says that it is."""
        try:
            return self.send("GET", "/readyz", None, {})[0] == 200
        except OSError:
            return False

    def send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """The status and body of one request's response."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=GUARD)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()


@contextmanager
def serving(variables: dict[str, str], log: Path) -> Iterator[Gateway]:
    """A gateway on a free port while the context lasts; what it prints goes to `log`."""
    port = free_port()
    environment = bare(variables) | {"PORT": str(port)}
    with (
        log.open("wb") as output,
        subprocess.Popen([COMMAND, "serve"], env=environment, stdout=output, stderr=output) as process,
    ):
        gateway = Gateway(port, log)
        try:
            await_ready(gateway, process)
            yield gateway
        finally:
            process.terminate()


def await_ready(gateway: Gateway, process: subprocess.Popen[bytes]) -> None:
    """Returns when the gateway is ready."""
    end = time.monotonic() + GUARD
    while not gateway.ready():
        assert process.poll() is None, f"the gateway ended:\n{gateway.printed()}"
        assert time.monotonic() < end, f"the gateway is not ready after {GUARD} s:\n{gateway.printed()}"
        time.sleep(0.05)


def bare(variables: dict[str, str]) -> dict[str, str]:
    """An environment that has these variables and nothing else of the gateway's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | variables


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port

"""How fast the merged view is, cold and warm: a fresh gateway before a Raken that takes 60 ms an answer.

The rule it keeps: all that is measured comes from one run of the same two processes, and both have ended with it.
"""

import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

COMMAND = Path(sys.executable).with_name("raken-gateway")
SIZES = ("--projects", "200", "--members", "500", "--days", "60", "--cards-per-day", "200")
LATENCY = ("--fault", "latency,seconds=0.06")
RATE = "100"
WARM = 30
START_SECONDS = 30
VIEW = """{projects(first: 200) {nodes {
    id name number status freshness {state}
    internalNotes customFields asrBudgetOverride
    team {fullName}
    timeCards(first: 10) {nodes {date totalHours worker {fullName}}}
    hours {total}
}}}"""


class Server:
    """A process of ours that listens on a port of this machine."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)

    def get(self, path: str) -> tuple[int, bytes]:
        """A status and a body."""
        return self._ask("GET", path)

    def post(self, path: str, body: object, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """A status and a body."""
        return self._ask("POST", path, json.dumps(body), {"content-type": "application/json", **headers})

    def _ask(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        self._connection.request(method, path, body, headers or {})
        response = self._connection.getresponse()
        return response.status, response.read()

    def await_ready(self) -> None:
        """Returns when it says that it is ready."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with suppress(OSError):
                if self.get("/readyz")[0] == 200:  # noqa: PLR2004 - HTTP's word for it
                    return
            self._connection.close()
            time.sleep(0.05)
        raise TimeoutError(f"the gateway is not ready after {START_SECONDS} s")


@contextmanager
def process(arguments: Sequence[str], environment: Mapping[str, str], **more: int) -> Iterator[subprocess.Popen[str]]:
    """A command of ours that runs as long as the context lasts."""
    with subprocess.Popen([COMMAND, *arguments], env=environment, text=True, **more) as started:  # type: ignore[call-overload] # noqa: S603 - our own command
        try:
            yield started
        finally:
            started.terminate()


@contextmanager
def sandbox(environment: Mapping[str, str]) -> Iterator[tuple[Server, dict[str, str]]]:
    """A simulated Raken, and the variables with which a gateway uses it."""
    with process(["sandbox", "--port", "0", *SIZES, *LATENCY], environment, stdout=subprocess.PIPE) as started:
        words = started.stdout.readline().split() if started.stdout else []
        variables = dict(word.split("=", 1) for word in words if "=" in word)
        yield Server(urlsplit(variables["RAKEN_BASE_URL"]).port or 0), variables


def main() -> None:
    """Measures and prints."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with TemporaryDirectory(prefix="merged-view-") as data, sandbox(bare) as (raken, variables):
        secret = {"JWT_SECRET": secrets.token_hex(32), "DATA_DIR": data, "RAKEN_REQUESTS_PER_SECOND": RATE}
        environment = bare | variables | secret | {"PORT": str(port)}
        admin = token(environment)
        with process(["serve"], environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            gateway = Server(port)
            gateway.await_ready()
            measure(gateway, raken, admin)


def token(environment: Mapping[str, str]) -> str:
    """A token of an admin."""
    asked = [COMMAND, "token", "--role", "ADMIN"]
    return subprocess.run(asked, env=environment, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - our own command


def measure(gateway: Server, raken: Server, token: str) -> None:
    """One cold view, then warm ones, then static bytes of about the same size."""
    headers = {"authorization": f"Bearer {token}"}

    def view() -> tuple[float, bytes]:
        began = time.perf_counter()
        status, body = gateway.post("/graphql", {"query": VIEW}, headers)
        seconds = time.perf_counter() - began
        if status != 200 or b'"errors"' in body:  # noqa: PLR2004 - HTTP's word for it
            raise RuntimeError(f"expected the view, got {status}: {body[:500]!r}")
        return seconds, body

    cold, body = view()
    for_cold = requests(raken)
    warm = statistics.median(view()[0] for _ in range(WARM))
    static, size = statics(gateway, len(body))
    rows = len(json.loads(body)["data"]["projects"]["nodes"])
    sys.stdout.write(
        f"merged view of {rows} projects, {len(body)} bytes; Raken takes 60 ms an answer\n"
        f"cold   {cold * 1000:8.1f} ms   {for_cold} requests to Raken\n"
        f"warm   {warm * 1000:8.1f} ms   {requests(raken) - for_cold} requests to Raken, median of {WARM}\n"
        f"static {static * 1000:8.1f} ms   {size} bytes; warm is {warm / static:.0f} times that\n"
    )


def requests(raken: Server) -> int:
    """The data requests that the sandbox has counted."""
    counted: int = json.loads(raken.get("/_sandbox/counts")[1])["all"]
    return counted


def statics(gateway: Server, size: int) -> tuple[float, int]:
    """The seconds that the same server takes for the static file nearest in size, and the bytes of that."""
    pages = Path(__file__).parents[1] / "app" / "pages"
    nearest = min(
        (file for file in pages.iterdir() if file.is_file()), key=lambda file: abs(file.stat().st_size - size)
    )
    seconds = []
    for _ in range(WARM):
        began = time.perf_counter()
        gateway.get(f"/pages/{nearest.name}")
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), nearest.stat().st_size


if __name__ == "__main__":
    main()

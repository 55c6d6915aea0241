"""`serve --workers 2`: two processes that count as one, which is what the sandbox counted.

The rule it keeps: which worker answers is chosen, by stopping the other for as long as it takes to connect.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from resolvers.schema import ENTITIES
from sandbox.running import Address
from tests.integration.door import SECRET, signed
from tests.integration.test_ending import free_ports
from tests.waiting import GUARD

COMMAND = Path(sys.executable).with_name("raken-gateway")
STATUS = "{ cacheStatus { entity hits misses hitRate upstreamRequests } }"
PROJECTS = "{ projects(first: 1) { totalCount } }"
REFRESH = "mutation { refresh(entities: [%s]) { entity } }"
WORKERS = 2
pytestmark = pytest.mark.slow


class Instance:
    """A gateway of two workers before a sandbox."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.asked = 0
        "Operations that touched the slice of PROJECTS."

    def workers(self) -> list[int]:
        """The process ids of its workers, the oldest first."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]

    def send(self, worker: int, method: str, path: str, body: object = None, seconds: float = GUARD) -> bytes:
        """The body of a worker's response."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=seconds)) as connection:
            with self._stopped(worker):
                # Who has answered once has the connection.
                connection.request("GET", "/healthz")
                connection.getresponse().read()
            connection.timeout = GUARD
            headers = signed() | {"content-type": "application/json"}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            assert response.status == HTTPStatus.OK, response.read()
            return response.read()

    @contextmanager
    def _stopped(self, worker: int) -> Iterator[None]:
        """While it lasts, all workers but this one stand still."""
        others = [other for other in self.workers() if other != worker]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def ask(self, worker: int, query: str) -> Any:
        """The data of a worker's answer; errors of single fields are no matter."""
        return json.loads(self.send(worker, "POST", "/graphql", {"query": query}))["data"]

    def ready(self, gone: int = 0) -> list[int]:
        """Its two workers, once each of them answers; one that is gone is none of them."""
        end = time.monotonic() + GUARD
        answered: set[int] = set()
        while len(answered) < WORKERS:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            # Who starts is not stopped for another that starts too.
            if answered or self._up():
                answered |= {worker for worker in {*self.workers()} - {gone} - answered if self._answers(worker)}
            time.sleep(0.05)
        return self.workers()

    def _up(self) -> bool:
        with socket.socket() as probe, suppress(OSError):
            probe.settimeout(1)
            probe.connect(("127.0.0.1", self.port))
            probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
            return bool(probe.recv(1))
        return False

    def _answers(self, worker: int) -> bool:
        with suppress(OSError, AssertionError):
            return bool(self.send(worker, "GET", "/readyz", seconds=1))
        return False

    def told(self, worker: int) -> dict[str, Any]:
        """What a worker says of the cache."""
        return {row["entity"]: row for row in self.ask(worker, STATUS)["cacheStatus"]}

    def metrics(self, worker: int) -> dict[str, float]:
        """What a worker says to Prometheus."""
        lines = self.send(worker, "GET", "/metrics").decode().splitlines()
        samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}


@pytest.fixture(scope="module")
def instance(sandbox: Address, home: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Yields an instance that all tests share: what it counts grows from test to test, as the sandbox's counts do."""
    port, log = free_ports()[0], tmp_path_factory.mktemp("instance") / "log"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    given = {
        "DATABASE_URL": home,
        "JWT_SECRET": SECRET,
        "PORT": str(port),
        "RAKEN_REFRESH_TOKEN": f"seed-{uuid4().hex}",
        "RAKEN_REQUESTS_PER_SECOND": "1000",
    }
    command = [str(COMMAND), "serve", "--workers", str(WORKERS)]
    sandbox.reset()
    with (
        log.open("wb") as output,
        subprocess.Popen(command, env=kept | sandbox.environment | given, stdout=output, stderr=output) as process,
    ):
        instance = Instance(process, port, log)
        try:
            instance.ready()
            yield instance
        finally:
            process.terminate()


def agree(instance: Instance, sandbox: Address) -> None:
    """Asserts that each worker says what the sandbox counted, as soon as what it counted has been answered."""
    end = time.monotonic() + GUARD
    while (counted := upstream(sandbox)) and not all(
        requests(instance.metrics(worker)) == counted for worker in instance.workers()
    ):
        assert time.monotonic() < end, (counted, [requests(instance.metrics(one)) for one in instance.workers()])
    one, other = (instance.told(worker) for worker in instance.workers())
    assert one == other
    for name in ENTITIES:
        assert one[name]["upstreamRequests"] == counted.get(name, Counter()).total()
    assert one["PROJECTS"]["hits"] + one["PROJECTS"]["misses"] == instance.asked


def upstream(sandbox: Address) -> dict[str, Counter[str]]:
    """The requests of each entity that the sandbox counted, by status, as the gateway should have them."""
    paths = sandbox.counts()["paths"]
    found = {name: Counter[str]() for name, entity in ENTITIES.items() if entity.path in paths}
    for name, statuses in found.items():
        for word, number in paths[ENTITIES[name].path]["statuses"].items():
            statuses[word if word.isdigit() else "none"] += number
    return found


def requests(samples: dict[str, float]) -> dict[str, Counter[str]]:
    """The same of the gateway's metrics."""
    counted = {name: Counter(labelled(samples, "upstream_requests", name)) for name in ENTITIES}
    return {name: statuses for name, statuses in counted.items() if statuses}


def labelled(samples: dict[str, float], count: str, entity: str) -> dict[str, int]:
    """One entity's samples of a count, by the other label."""
    pattern = re.compile(rf'raken_gateway_{count}_total\{{entity="{entity}",\w+="(\w+)"\}}')
    return {match[1]: int(value) for name, value in samples.items() if (match := pattern.fullmatch(name))}


def read(instance: Instance, worker: int) -> None:
    """Has a worker read the slice of PROJECTS."""
    instance.ask(worker, PROJECTS)
    instance.asked += 1


def test_what_one_worker_counted_is_told_by_the_other_at_once(instance: Instance, sandbox: Address) -> None:
    one, other = instance.workers()
    for number in range(1, 4):
        read(instance, one)
        read(instance, other)
        for worker in (other, one):
            row = instance.told(worker)["PROJECTS"]
            assert row["hits"] + row["misses"] == instance.asked == 2 * number
    agree(instance, sandbox)


def test_requests_that_failed_are_counted_over_all_workers_too(instance: Instance, sandbox: Address) -> None:
    one, other = instance.workers()
    for worker, entity, status, fault in (
        (one, "MATERIALS", "503", {"kind": "status", "status": 503}),
        (other, "PAY_TYPES", "none", {"kind": "reset"}),
        (one, "EQUIPMENT", "429", {"kind": "rate"}),
    ):
        sandbox.fault(path=ENTITIES[entity].path, times=1, **fault)
        instance.ask(worker, REFRESH % entity)
        assert labelled(instance.metrics(other), "upstream_requests", entity)[status] == 1
    agree(instance, sandbox)


def test_counts_outlive_the_worker_that_counted(instance: Instance, sandbox: Address) -> None:
    one, other = instance.workers()
    read(instance, one)
    before = instance.told(one)
    os.kill(one, signal.SIGKILL)
    instance.ready(gone=one)
    after = instance.told(other)
    for name, row in before.items():
        assert all(after[name][count] >= row[count] for count in ("hits", "misses", "upstreamRequests"))
    new = next(worker for worker in instance.workers() if worker != other)
    instance.ask(new, REFRESH % "CLASSIFICATIONS")
    read(instance, new)
    agree(instance, sandbox)


def test_all_else_that_metrics_tell_is_the_sum_over_the_workers(instance: Instance) -> None:
    workers = instance.workers()
    before = instance.metrics(workers[0])
    for worker in workers:
        instance.ask(worker, "{ me { id } }")
    for after in (instance.metrics(worker) for worker in workers):
        for name in ('answers_total{source="graphql_core"}', 'request_seconds_count{status="200"}'):
            assert after[f"raken_gateway_{name}"] - before[f"raken_gateway_{name}"] == 2
        within = [value for name, value in after.items() if "request_seconds_bucket" in name]
        assert within[-1] == after['raken_gateway_request_seconds_count{status="200"}']
        assert within == sorted(within)
        assert after["raken_gateway_slices_bytes"] > 0


def test_a_worker_that_is_killed_while_it_reads_costs_one_more_reading(instance: Instance, sandbox: Address) -> None:
    one, other = instance.workers()
    sandbox.fault("hang", "/costCodes", times=1)
    before = sandbox.requests("/costCodes")
    with ThreadPoolExecutor(1) as aside:
        asking = aside.submit(instance.ask, one, "{ costCodes { id } }")
        while sandbox.requests("/costCodes") == before:
            time.sleep(0.02)
        os.kill(one, signal.SIGKILL)
        # A reader waits for what the dead one had begun, until its lease has ended, and then reads it.
        assert instance.ask(other, "{ costCodes { id } }")["costCodes"]
        with suppress(OSError, HTTPException):
            asking.result()
    sandbox.lift()
    assert sandbox.requests("/costCodes") == before + 2


def test_a_worker_that_dies_while_it_stands_still_is_replaced_and_the_log_says_so(instance: Instance) -> None:
    one, _ = instance.workers()
    os.kill(one, signal.SIGSTOP)
    time.sleep(1)  # whoever waits for a word of it begins to wait
    os.kill(one, signal.SIGKILL)
    instance.ready(gone=one)
    ended = [line for line in map(json.loads, instance.log.read_text().splitlines()) if line["event"] == "worker_ended"]
    assert (ended[-1]["pid"], ended[-1]["exitcode"]) == (one, -signal.SIGKILL)

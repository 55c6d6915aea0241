"""`serve --workers 2`: two processes that count as one, which is what the sandbox counted.

The rule it keeps: which worker answers is chosen, by stopping the other for as long as it is asked.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from resolvers.schema import ENTITIES
from sandbox.running import Address
from tests.integration.door import SECRET, signed
from tests.integration.test_ending import free_ports

COMMAND = Path(sys.executable).with_name("raken-gateway")
STATUS = "{ cacheStatus { entity hits misses hitRate upstreamRequests } }"
PROJECTS = "{ projects(first: 1) { totalCount } }"
REFRESH = "mutation { refresh(entities: [%s]) { entity } }"
SECONDS = 15


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

    def send(self, method: str, path: str, body: object = None, seconds: float = SECONDS) -> tuple[int, bytes]:
        """The status and body of a response."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            headers = signed() | {"content-type": "application/json"}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ask(self, query: str) -> Any:
        """The data of an answer; errors of single fields are no matter."""
        status, body = self.send("POST", "/graphql", {"query": query})
        assert status == HTTPStatus.OK, body
        return json.loads(body)["data"]

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """While it lasts, this worker answers alone."""
        others = [other for other in self.workers() if other != worker]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def ready(self, gone: int = 0) -> list[int]:
        """Its two workers, once each of them answers; one that is gone is none of them."""
        end = time.monotonic() + SECONDS
        while True:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            workers = self.workers()
            if len(workers) == 2 and gone not in workers and all(self._answers(worker) for worker in workers):
                return workers
            time.sleep(0.05)

    def _answers(self, worker: int) -> bool:
        with self.only(worker), suppress(OSError):
            return self.send("GET", "/readyz", seconds=0.5)[0] == HTTPStatus.OK
        return False

    def told(self, worker: int) -> dict[str, Any]:
        """What a worker says of the cache."""
        with self.only(worker):
            return {row["entity"]: row for row in self.ask(STATUS)["cacheStatus"]}

    def metrics(self, worker: int) -> dict[str, float]:
        """What a worker says to Prometheus."""
        with self.only(worker):
            lines = self.send("GET", "/metrics")[1].decode().splitlines()
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
    command = [COMMAND, "serve", "--workers", "2"]
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
    """Asserts that each worker says the same, and that this is what the sandbox counted."""
    one, other = (instance.told(worker) for worker in instance.workers())
    assert one == other
    paths = sandbox.counts()["paths"]
    for samples in (instance.metrics(worker) for worker in instance.workers()):
        for name, entity in ENTITIES.items():
            counted = paths.get(entity.path, {"all": 0, "statuses": {}})
            statuses = labelled(samples, "upstream_requests", name)
            answered = {status: number for status, number in statuses.items() if status != "none"}
            assert one[name]["upstreamRequests"] == sum(statuses.values()) == counted["all"]
            assert answered == {status: number for status, number in counted["statuses"].items() if status.isdigit()}
            reads = labelled(samples, "reads", name)
            assert one[name]["hits"] == sum(reads.get(outcome, 0) for outcome in ("hit", "stale", "degraded"))
            assert one[name]["misses"] == reads.get("miss", 0) + reads.get("error", 0)
    assert one["PROJECTS"]["hits"] + one["PROJECTS"]["misses"] == instance.asked


def labelled(samples: dict[str, float], count: str, entity: str) -> dict[str, int]:
    """One entity's samples of a count, by the other label."""
    pattern = re.compile(rf'raken_gateway_{count}_total\{{entity="{entity}",\w+="(\w+)"\}}')
    return {match[1]: int(value) for name, value in samples.items() if (match := pattern.fullmatch(name))}


def read(instance: Instance, worker: int, times: int = 1) -> None:
    """Has a worker read the slice of PROJECTS."""
    with instance.only(worker):
        for _ in range(times):
            instance.ask(PROJECTS)
            instance.asked += 1


def refresh(instance: Instance, worker: int, entity: str) -> None:
    """Has a worker ask Raken."""
    with instance.only(worker):
        instance.ask(REFRESH % entity)


def test_what_one_worker_counted_is_told_by_the_other_at_once(instance: Instance, sandbox: Address) -> None:
    one, other = instance.workers()
    for number in range(3):
        read(instance, one, 2)
        read(instance, other)
        for worker in (other, one):
            row = instance.told(worker)["PROJECTS"]
            assert row["hits"] + row["misses"] == instance.asked == 3 * (number + 1)
    agree(instance, sandbox)


def test_requests_that_failed_are_counted_over_all_workers_too(instance: Instance, sandbox: Address) -> None:
    one, other = instance.workers()
    sandbox.fault("status", "/projects", status=503, times=1)
    refresh(instance, one, "PROJECTS")
    sandbox.fault("reset", "/members", times=1)
    refresh(instance, other, "MEMBERS")
    sandbox.fault("rate", "/equipment", times=1)
    refresh(instance, other, "EQUIPMENT")
    agree(instance, sandbox)
    samples = instance.metrics(one)
    for name, status in (("PROJECTS", "503"), ("MEMBERS", "none"), ("EQUIPMENT", "429")):
        assert labelled(samples, "upstream_requests", name)[status] == 1


def test_counts_outlive_the_worker_that_counted(instance: Instance, sandbox: Address) -> None:
    one, other = instance.workers()
    read(instance, one)
    before = instance.told(one)
    os.kill(one, signal.SIGKILL)
    instance.ready(gone=one)
    assert instance.told(other) == before
    new = next(worker for worker in instance.workers() if worker != other)
    refresh(instance, new, "MATERIALS")
    read(instance, new)
    agree(instance, sandbox)


def test_all_else_that_metrics_tell_is_the_sum_over_the_workers(instance: Instance) -> None:
    workers = instance.workers()
    before = instance.metrics(workers[0])
    for worker in workers:
        with instance.only(worker):
            instance.ask("{ me { id } }")
    for after in (instance.metrics(worker) for worker in workers):
        for name in ('answers_total{source="graphql_core"}', 'request_seconds_count{status="200"}'):
            assert after[f"raken_gateway_{name}"] - before[f"raken_gateway_{name}"] == 2
        within = [value for name, value in after.items() if "request_seconds_bucket" in name]
        assert within[-1] == after['raken_gateway_request_seconds_count{status="200"}']
        assert within == sorted(within)
    sizes = {instance.metrics(worker)["raken_gateway_slices_bytes"] for worker in workers}
    assert len(sizes) == 1
    assert sizes.pop() > 0

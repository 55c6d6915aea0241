"""What Prometheus reads: the counts that are kept anyway, and how long requests take.

One rule: a number is counted in one place; here it is only told.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from loaders.slices import Memory
from loaders.usage import Usages

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 8)


class _Caches(Collector):
    """The counts of reads, requests and slices."""

    def __init__(self, usages: Usages, memory: Memory) -> None:
        self._usages = usages
        self._memory = memory

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """One family a count."""
        reads = CounterMetricFamily(
            "raken_gateway_reads",
            "Slices that operations touched, by outcome: hit, stale, degraded, miss, error.",
            labels=("entity", "outcome"),
        )
        requests = CounterMetricFamily(
            "raken_gateway_upstream_requests", "Requests sent to Raken.", labels=("entity", "status")
        )
        for entity, usage in self._usages:
            for outcome, count in usage.outcomes.items():
                reads.add_metric((entity, outcome), count)
            for status, count in usage.requests.items():
                requests.add_metric((entity, status), count)
        yield reads
        yield requests
        yield GaugeMetricFamily("raken_gateway_slices_bytes", "Bytes of slices in memory.", value=self._memory.size)


class Metrics:
    """`/metrics`, and what requests add to it."""

    def __init__(self, usages: Usages, memory: Memory) -> None:
        # A gauge beside each count that says when it began: nobody reads those.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # its library has no types for it
        self._registry = CollectorRegistry()
        self._registry.register(_Caches(usages, memory))
        self._answers = Counter(
            "raken_gateway_answers", "Answers, by what made them.", ("source",), registry=self._registry
        )
        self._seconds = Histogram(
            "raken_gateway_request_seconds",
            "How long a GraphQL request took, by HTTP status.",
            ("status",),
            buckets=BUCKETS,
            registry=self._registry,
        )

    def executed(self) -> None:
        """Counts an answer that graphql-core made."""
        self._answers.labels("graphql_core").inc()

    def answered(self, status: int, seconds: float) -> None:
        """Counts a response."""
        self._seconds.labels(str(status)).observe(seconds)

    async def page(self, _: Request) -> Response:
        """`GET /metrics`."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

"""What Prometheus reads: the counts that are kept anyway, and how long requests take.

One rule: a number is counted in one place; here it is only told.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from loaders.slices import Memory
from loaders.tally import Name, Tally
from loaders.usage import READS, REQUESTS, Usages

PREFIX = "raken_gateway_"
ANSWERS, SECONDS, BYTES = "answers", "request_seconds", "slices_bytes"
COUNTERS = {
    READS: (
        "Slices that operations touched, by outcome: hit, stale, degraded, miss, error.",
        ("entity", "outcome"),
    ),
    REQUESTS: ("Requests sent to Raken.", ("entity", "status")),
    ANSWERS: ("Answers, by what made them.", ("source",)),
    "shared_reads": ("Looks for a value in the shared tier.", ("tier", "outcome")),
    "shared_writes": ("Values given to the shared tier, and taken from it.", ("tier", "outcome")),
}
"What each count means, and its labels."
BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "8.0", "+Inf")
"Seconds, as Prometheus prints them."
BOUNDS = [float(bucket) for bucket in BUCKETS]
SUM = "sum"


class _Told(Collector):
    """The numbers of the instance, as they are when they are asked for."""

    def __init__(self, usages: Usages) -> None:
        self._usages = usages

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        """One family a count."""
        numbers = self._usages.tally.read()
        for what, (meaning, labels) in COUNTERS.items():
            family = CounterMetricFamily(PREFIX + what, meaning, labels=labels)
            for values, number in _of(what, numbers.items()):
                family.add_metric(values, number)
            yield family
        yield _histogram(dict(_of(SECONDS, numbers.items())))
        size = numbers.get((BYTES,), 0)
        yield GaugeMetricFamily(f"{PREFIX}{BYTES}", "Bytes of slices in memory.", value=size)


def _of(what: str, numbers: Iterable[tuple[Name, float]]) -> Iterator[tuple[Name, float]]:
    """The numbers of one count, by their labels."""
    return ((name[1:], number) for name, number in numbers if name[0] == what)


def _histogram(numbers: dict[Name, float]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        PREFIX + SECONDS, "How long a GraphQL request took, by HTTP status.", labels=("status",)
    )
    for status in dict.fromkeys(name[0] for name in numbers):
        within = accumulate(numbers.get((status, bucket), 0) for bucket in BUCKETS)
        family.add_metric((status,), list(zip(BUCKETS, within, strict=True)), numbers.get((status, SUM), 0))
    return family


class Metrics:
    """`/metrics`, and what requests add to it."""

    def __init__(self, usages: Usages, memory: Memory) -> None:
        self._usages = usages
        self._memory = memory
        self._others: dict[str, Counter[tuple[str, str]]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(_Told(usages))
        usages.on_landed = self._gather

    def share(self, tally: Tally) -> None:
        """Counts in a tally of several processes from now on; what was counted so far is taken there."""
        for name, number in self._usages.tally.read().items():
            if name != (BYTES,):
                tally.add(name, number)
        self._usages.tally = tally
        self._gather()

    def take(self, what: str, counts: Counter[tuple[str, str]]) -> None:
        """Tells what somebody else counts, by labels; it is taken from there with each response and flight."""
        self._others[what] = counts

    def executed(self) -> None:
        """Counts an answer that graphql-core made."""
        self._usages.tally.add((ANSWERS, "graphql_core"))

    def answered(self, status: int, seconds: float) -> None:
        """Counts a response."""
        bucket = BUCKETS[bisect_left(BOUNDS, seconds)]
        self._usages.tally.add((SECONDS, str(status), bucket))
        self._usages.tally.add((SECONDS, str(status), SUM), seconds)
        self._gather()

    async def page(self, _: Request) -> Response:
        """`GET /metrics`."""
        self._gather()
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def _gather(self) -> None:
        """Brings to the tally what is not counted there in the first place."""
        tally = self._usages.tally
        tally.hold((BYTES,), self._memory.size)
        for what, counts in self._others.items():
            for labels, number in counts.items():
                tally.add((what, *labels), number)
            counts.clear()

"""What is told to Prometheus, and where it is counted."""

from collections import Counter

from app.metrics import Metrics
from loaders.entities.projects import PROJECTS
from loaders.slices import Memory, Slice
from loaders.tally import OwnTally
from loaders.usage import Usages
from tests.unit.world import COMPANY, reading


async def told(metrics: Metrics) -> list[str]:
    """The samples of the page."""
    text = bytes((await metrics.page(None)).body).decode()  # type: ignore[arg-type]  # the page asks nothing of it
    return [line for line in text.splitlines() if not line.startswith("#")]


async def test_what_was_counted_before_a_tally_is_shared_is_taken_there() -> None:
    usages, shared = Usages([PROJECTS]), OwnTally()
    metrics = Metrics(usages, Memory(1))
    usages.served(COMPANY, "hit")
    shared.add(("reads", "PROJECTS", "hit"), 4)
    shared.hold(("slices_bytes",), 9)
    metrics.share(shared)
    usages.served(COMPANY, "hit")
    assert usages.of("PROJECTS").hits == 6
    assert shared.read() == {("reads", "PROJECTS", "hit"): 6, ("slices_bytes",): 0}


async def test_the_bytes_of_slices_are_told_as_they_are_when_a_flight_has_landed() -> None:
    memory, usages = Memory(1 << 20), Usages([PROJECTS])
    metrics, rows = Metrics(usages, memory), reading([], size=400)
    memory.keep(Slice.of(COMPANY, rows, None, 1))
    usages.landed(COMPANY, rows, None)
    assert usages.tally.read() == {("slices_bytes",): 900}
    assert await told(metrics) == ["raken_gateway_slices_bytes 900.0"]


async def test_a_time_is_in_the_bucket_of_its_bound_and_in_all_that_follow() -> None:
    metrics = Metrics(Usages([PROJECTS]), Memory(1))
    for seconds in (0.004, 0.01, 0.011, 9.0):
        metrics.answered(200, seconds)
    samples = [line.rpartition(" ") for line in await told(metrics)]
    prefix = "raken_gateway_request_seconds_"
    within = {name: float(value) for name, _, value in samples if name.startswith(prefix)}
    assert list(within.values())[:3] == [1, 2, 3]
    assert within[f'{prefix}bucket{{le="8.0",status="200"}}'] == 3
    assert within[f'{prefix}bucket{{le="+Inf",status="200"}}'] == within[f'{prefix}count{{status="200"}}'] == 4
    assert within[f'{prefix}sum{{status="200"}}'] == 9.025


async def test_what_another_process_counts_of_an_entity_that_is_unknown_here_is_no_matter() -> None:
    usages = Usages([PROJECTS])
    usages.tally.add(("reads", "PERMITS", "hit"))
    usages.tally.add(("weather", "sunny"))
    assert [name for name, _ in usages] == ["PROJECTS"]
    assert usages.of("PROJECTS").hits == 0
    assert 'raken_gateway_reads_total{entity="PERMITS",outcome="hit"} 1.0' in await told(Metrics(usages, Memory(1)))


async def test_what_somebody_else_counts_is_told_too_and_once() -> None:
    usages, reads = Usages([PROJECTS]), Counter[tuple[str, str]]()
    metrics = Metrics(usages, Memory(1))
    metrics.take("shared_reads", reads)
    sample = 'raken_gateway_shared_reads_total{outcome="hit",tier="redis"}'
    for number in (1, 2):
        reads["redis", "hit"] += 1
        assert f"{sample} {number}.0" in await told(metrics)
    assert f"{sample} 2.0" in await told(metrics)

"""The table of freshness, cell by cell: what a reader gets, by the slice's age and by what befalls Raken."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple

import pytest

from sandbox.running import Address
from tests.database_clock import fake_clock, move_clock
from tests.integration.door import Answer
from tests.integration.lab import Lab, MovedClock, lab
from tests.integration.relay import Relay, relay
from tests.integration.standing_still import LoopTime

QUERY = "{projects(filter: {}) {nodes {name freshness {state fetchedAt warning}}}}"
TTL, SWR, MOST = 100.0, 100.0, 1000.0
LIFETIME = {
    "TTL_PROJECTS": f"{TTL:.0f}",
    "STALE_WHILE_REVALIDATE_SECONDS": f"{SWR:.0f}",
    "MAX_STALE_SECONDS": f"{MOST:.0f}",
}
FRESH, REVALIDATING, DEGRADED = "FRESH", "REVALIDATING", "DEGRADED"
ERROR = "the field's error"
AT_ONCE, WAITS = "at once", "waits for the flight"
AWAY, FORBIDDEN, SPENT = "UPSTREAM_UNAVAILABLE", "UPSTREAM_FORBIDDEN", "QUOTA_EXHAUSTED"
WAITED = 10.0
"Seconds that Raken has for an answer."
WITHIN = 0.4
"Seconds after which every back-off still runs."


class Age(NamedTuple):
    """How old the slice is (None: there is none), and what that gets whom while Raken is in trouble."""

    name: str
    seconds: float | None
    first: str
    "What the first gets: nothing was known against Raken, and the flight fails."
    when: str
    then: str
    "What everybody gets at once from then on, while Raken is known to fail."


AGES = [
    Age("not there", None, ERROR, WAITS, ERROR),
    Age("under ttl", 50, FRESH, AT_ONCE, FRESH),
    Age("past ttl", 150, REVALIDATING, AT_ONCE, DEGRADED),
    Age("past swr", 250, DEGRADED, WAITS, DEGRADED),
    Age("past max", 1050, ERROR, WAITS, ERROR),
]


class Fault(NamedTuple):
    """What befalls Raken, and the error that it is for a reader who cannot be served."""

    kind: str
    values: Mapping[str, Any]
    code: str
    sent: int
    "Requests of the flight that fails."
    backoff: float = 1.0
    "Seconds after which Raken is asked again, at the latest."
    settings: Mapping[str, str] = {}
    waited: float = WAITED
    "Seconds, a request, while it stands."

    @property
    def known(self) -> bool:
        """Whether the gateway knows before it asks."""
        return not self.sent


FAULTS = [
    Fault("hang", {}, AWAY, 2, waited=0.2),
    Fault("refused", {}, AWAY, 2),
    Fault("reset", {}, AWAY, 2),
    Fault("broken-off", {}, AWAY, 2),
    *(Fault("status", {"status": each}, AWAY, 2) for each in (500, 502, 503, 504)),
    Fault("html", {}, AWAY, 2),
    Fault("cut", {}, AWAY, 2),
    Fault("status", {"status": 400}, AWAY, 1),
    Fault("rate", {}, AWAY, 1),
    Fault("quota", {}, SPENT, 1, backoff=60),
    Fault("own-quota", {}, SPENT, 0, backoff=86_400, settings={"RAKEN_DAILY_QUOTA": "1"}),
    Fault("breaker", {}, AWAY, 0, backoff=2),
    Fault("unauthorized", {}, AWAY, 2, backoff=60),
    Fault("forbidden", {}, FORBIDDEN, 1),
]


class Bench:
    """A gateway, its line to the sandbox, and one thing that goes wrong, as often as it must."""

    def __init__(self, it: Lab, line: Relay, fault: Fault) -> None:
        self.it, self.line, self.fault = it, line, fault
        self._age = 0.0
        self._nodes: list[dict[str, Any]] = []
        self._counted = 0

    async def read(self) -> Answer:
        """Somebody's answer."""
        return await self.it.ask(QUERY)

    async def prepare(self, age: float | None) -> None:
        """Lets the projects become that old, Raken's move on meanwhile, and the fault stand."""
        if age is not None:
            self._nodes = (await self.read()).data["projects"]["nodes"]
            await self.it.move(age)
        self._age = age or TTL
        self.it.sandbox.add("projects", name=f"Annex {age}")
        await self._stand()
        await self.requests()

    async def _stand(self) -> None:
        self.it.give_raken(self.fault.waited)
        match self.fault.kind:
            case "refused":
                await self.line.refuse()
            case "broken-off":
                self.line.break_off()
            case "own-quota":
                await self.it.ask("{equipment {id}}")  # where the projects' one request has not spent it
            case "breaker":
                self.it.sandbox.fault("status")
                await self.it.ask("{equipment {id} materials {id} teamMembers {totalCount}}")
                self.it.sandbox.lift()
            case "forbidden":
                self.it.sandbox.fault("forbidden")
                await self.it.ask("{equipment {id}}")  # another token is tried once, and does not help
            case kind:
                self.it.sandbox.fault(kind, "/projects", **self.fault.values)

    async def requests(self) -> int:
        """Requests since the last call, by Raken's count; where one may not have come to Raken, by the gateway's."""
        count = self.it.requests()
        if self.fault.kind not in ("refused", "hang"):
            return count
        before, self._counted = self._counted, (await self.it.cache("PROJECTS"))["upstreamRequests"]
        assert count <= self._counted - before
        return self._counted - before

    def check(self, answer: Answer, expected: str) -> None:
        """Holds an answer against the table's word."""
        if expected == ERROR:
            assert (answer.codes, answer.json["data"]) == ({"projects": self.fault.code}, {"projects": None})
            assert "extensions" not in answer.json
            return
        nodes = answer.data["projects"]["nodes"]
        assert [node["name"] for node in nodes] == [node["name"] for node in self._nodes]
        freshness = nodes[0]["freshness"]
        assert all(node["freshness"] == freshness for node in nodes)
        assert (freshness["state"], bool(freshness["warning"])) == (expected, expected == DEGRADED)
        assert freshness["fetchedAt"] == self._nodes[0]["freshness"]["fetchedAt"]
        rows = answer.json.get("extensions", {}).get("freshness")
        assert rows == (None if expected == FRESH else [{"entity": "PROJECTS", **freshness}])

    async def recover(self) -> None:
        """Lifts the fault, lets the back-off pass, and sees that reading alone brings the new rows, fresh."""
        new = {row["name"] for row in self.it.sandbox.rows("projects")}
        self.it.sandbox.lift()
        await self.line.mend()
        self.it.give_raken(WAITED)
        await self.it.move(max(self.fault.backoff, TTL - self._age))
        if self.fault.kind == "own-quota":
            await move_clock(self.it.door.gateway.settings.database_url, self.fault.backoff)  # its days are not shifted
        await self.read()
        await self.it.landed()
        answer = await self.read()
        nodes = answer.data["projects"]["nodes"]
        assert {node["freshness"]["state"] for node in nodes} == {FRESH}
        assert {node["name"] for node in nodes} == new
        assert "extensions" not in answer.json


Opening = Callable[[Fault], AbstractAsyncContextManager[Bench]]


@pytest.fixture(scope="module")
def home(home: str) -> str:
    """The module's database, whose day may be turned."""
    asyncio.run(fake_clock(home))
    return home


@pytest.fixture
def bench(sandbox: Address, home: str, monkeypatch: pytest.MonkeyPatch) -> Opening:
    """Opens a bench; what is tried once more is tried without delay."""
    monkeypatch.setattr("loaders.http_raken.SOON", 0.001)

    @asynccontextmanager
    async def opening(fault: Fault) -> AsyncIterator[Bench]:
        async with relay(sandbox.url) as line:
            variables = {**LIFETIME, **fault.settings, "RAKEN_BASE_URL": f"{line.url}/api"}
            async with lab(sandbox, home, **variables) as it:
                yield Bench(it, line, fault)

    return opening


@pytest.fixture
async def loop_time(monkeypatch: pytest.MonkeyPatch) -> LoopTime:
    """The loop's time, in the test's hand."""
    return LoopTime(monkeypatch)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join([fault.kind, *map(str, fault.values.values())]))
async def test_readers_get_what_the_table_says(
    fault: Fault, bench: Opening, loop_time: LoopTime, subtests: pytest.Subtests
) -> None:
    async with bench(fault) as here:
        # A gateway for all ages: each begins where the one before has recovered.
        for age in AGES:
            with subtests.test(age.name):
                await here.prepare(age.seconds)
                if not fault.known:
                    first = here.read()
                    here.check(await (loop_time.at_once(first) if age.when == AT_ONCE else first), age.first)
                    await here.it.landed()
                    assert await here.requests() == (0 if age.first == FRESH else fault.sent)
                if age.first == FRESH:
                    await here.it.ask("mutation {refresh(entities: [PROJECTS]) {ok}}")  # now it is known
                    await here.requests()
                await here.it.move(WITHIN)
                for answer in await loop_time.at_once(asyncio.gather(*(here.read() for _ in range(10)))):
                    here.check(answer, age.then)
                assert await here.requests() == 0
                await here.recover()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (TTL - 0.001, FRESH),
        (TTL, REVALIDATING),
        (TTL + SWR - 0.001, REVALIDATING),
        (TTL + SWR, DEGRADED),
        (MOST, DEGRADED),
        (MOST + 0.001, ERROR),
    ],
)
async def test_a_row_of_the_table_begins_at_its_age_exactly(
    seconds: float, expected: str, bench: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MovedClock, "monotonic", lambda clock: 1000.0 + clock.ahead)  # a look takes no time
    async with bench(Fault("status", {"status": 500}, AWAY, 2)) as here:
        await here.prepare(seconds)
        here.check(await here.read(), expected)


@pytest.mark.parametrize(
    ("age", "seconds", "expected"),
    [(250.0, 1.0, REVALIDATING), (1050.0, 8.0, ERROR), (None, 8.0, ERROR)],
    ids=["past swr", "past max", "not there"],
)
async def test_a_slow_raken_is_waited_for_that_long_and_goes_on_being_read(
    age: float | None, seconds: float, expected: str, bench: Opening, loop_time: LoopTime
) -> None:
    async with bench(Fault("hang", {}, AWAY, 1)) as here:
        await here.prepare(age)
        with loop_time.stopped():
            reader = asyncio.ensure_future(here.read())
            while not here.it.sandbox.requests():
                await loop_time.move(0)
            await loop_time.move(seconds - 0.01)
            assert not reader.done()
            await loop_time.move(0.02)
            here.check(await loop_time.at_once(reader), expected)
        assert here.it.sandbox.counts()["underWay"] == 1
        here.it.sandbox.lift()
        await here.it.landed()
        assert await here.requests() == 2  # what hung was reset, and tried once more
        answer = await here.read()
        assert {node["freshness"]["state"] for node in answer.data["projects"]["nodes"]} == {FRESH}
        assert await here.requests() == 0

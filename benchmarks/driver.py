"""The driver: the real gateway before the real sandbox, on one loop and one clock, and what people do to them in turn.

The rule: time passes between moments alone. What is done at a moment is awaited to rest before the next one comes.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from heapq import merge
from itertools import count, groupby
from pathlib import Path
from typing import Any

from app.config import settings
from app.embedded import embedded
from app.main import create_app
from app.wiring import Gateway, open_gateway
from benchmarks.calls import Answer, Door
from benchmarks.company import Company, company
from benchmarks.dbclock import DatabaseClock, faked
from benchmarks.examiner import Examiner, moment
from benchmarks.handclock import HandClock
from benchmarks.people import Act, Moment
from benchmarks.record import ALWAYS, FOREVER, Between, History, Value
from benchmarks.tally import Score, Tally
from benchmarks.views import UNSAID, View
from loaders.migrate import migrate
from resolvers.schema import ENTITIES
from sandbox.options import Options

SECRET = secrets.token_hex(32)
TICK = 5.0
"Simulated seconds between two looks at what is to be refreshed ahead."
NOTE = """mutation Note($input: ProjectExtensionInput!) {
    updateProjectExtension(input: $input) {id internalNotes asrBudgetOverride}}"""
ASSIGN = """mutation Assign($input: TeamMemberExtensionInput!) {updateTeamMemberExtension(input: $input) {id}}"""
REFRESH = "mutation Refresh($entities: [RakenEntity!]) {refresh(entities: $entities) {entity ok error}}"


class World:
    """A gateway, its Raken, and everything that is counted of them."""

    def __init__(self, gateway: Gateway, company: Company, clock: HandClock, database: DatabaseClock) -> None:
        self.gateway, self.company, self.clock = gateway, company, clock
        self._database = database
        self.tally = Tally()
        self.door = Door(create_app(gateway), gateway.settings.jwt_secret.get_secret_value())
        self.record = company.record | {
            "extensions": History(lambda row: str(row["id"]), None, {}),
            "assignments": History(lambda row: str(row["id"]), None, {}),
        }
        self._numbers = count()

    async def look(self, view: View) -> Answer:
        """Somebody looks at something; the answer is counted, and held against the record."""
        asked = self.clock.now()
        answer = await self.door.ask(view.query, view.variables, view.role)
        see = self.examine(view, answer, asked, self.clock.now())
        self.tally.count(view, answer, see, self.record)
        return answer

    def examine(self, view: View, answer: Answer, asked: datetime, now: datetime) -> Examiner:
        """Looks an answer through."""
        self.company.catch_up()
        rows = answer.extensions.get("freshness", ())
        stale = {row["entity"]: moment(row["fetchedAt"]) for row in rows}
        see = Examiner(self.record, asked, now, stale, failed=bool(answer.errors))
        if answer.data is not None:
            view.look(see, answer.data)
        elif not answer.errors:
            see.wrong.append(f"expected data or errors, got neither, with status {answer.status}")
        return see

    async def note(self, project: str) -> None:
        """A manager writes something down about a project; from then on everybody reads it."""
        number = next(self._numbers)
        said: Value = {"internalNotes": f"note {number}", "asrBudgetOverride": f"{number}.50"}
        answer = await self._change("extensions", project, said, NOTE, {"projectId": project, **said})
        node = (answer.data or {}).get("updateProjectExtension")
        if node is not None and node != {"id": project, **said}:
            self.tally.wrong.append(f"a mutation's own answer: expected {said}, got {node}")

    async def assign(self, member: str, project: str) -> None:
        """An administrator has a member belong to a project."""
        members = [*(self.record["assignments"].live(project) or {"members": []})["members"], member]
        wanted = {"memberId": member, "assignedProjectIds": [project]}
        await self._change("assignments", project, {"members": members}, ASSIGN, wanted)

    async def refresh(self, entity: str) -> None:
        """An administrator has an entity read anew."""
        answer = await self.door.ask(REFRESH, {"entities": [entity]}, "ADMIN")
        self._mutated("refresh", answer)

    async def _change(self, kind: str, id_: str, said: Value, mutation: str, wanted: Value) -> Answer:
        if id_ not in self.record[kind].versions:
            self.record[kind].put({"id": id_, **UNSAID}, Between(ALWAYS, ALWAYS))
        before = self.clock.now()
        answer = await self.door.ask(mutation, {"input": wanted}, "ADMIN")
        self._mutated(kind, answer)
        # What failed may have been done none the less: then both are true until somebody writes anew.
        after = FOREVER if answer.errors else self.clock.now()
        self.record[kind].put({"id": id_, **said}, Between(before, after))
        return answer

    def _mutated(self, name: str, answer: Answer) -> None:
        self.tally.operations[f"mutation: {name}"] += 1
        self.tally.errors.update(answer.codes)

    async def rest(self) -> None:
        """Returns when nothing is being read from Raken, and nothing published, any more."""
        await self.gateway.loader.landed()

    async def run(self, *actors: Iterable[Moment], pause: float | None = None) -> None:
        """Does what the actors do, in the order of the moments; what is done at one moment is done at once.

        Then what is under way comes to rest; or, given a pause in real seconds, goes on into the next moments.
        """
        for at, moments in groupby(merge(*actors), lambda one: one.at):
            self.move(at)
            await asyncio.gather(*(one.act() for one in moments))
            await (self.rest() if pause is None else asyncio.sleep(pause))

    def move(self, at: datetime) -> None:
        """Moves all clocks on."""
        self.clock.move(at)
        self._database.move(at)
        self.company.move(at)

    def at(self, times: Iterable[tuple[datetime, Act]]) -> Iterator[Moment]:
        """Moments of acts."""
        return (Moment(at, next(self._numbers), act) for at, act in times)

    def looks(self, views: Iterable[tuple[datetime, View]]) -> Iterator[Moment]:
        """Moments of looks, at whole seconds: some of them meet."""
        return self.at((at.replace(microsecond=0), partial(self.look, view)) for at, view in views)

    def ticks(self, start: datetime, end: datetime) -> Iterator[Moment]:
        """Moments at which the gateway looks ahead, where it does that."""
        ahead: Any = getattr(self.gateway, "ahead", None)
        steps = int((end - start).total_seconds() / TICK) if ahead is not None else 0

        async def tick() -> None:
            ahead.tick()

        return self.at((start + timedelta(seconds=TICK * step), tick) for step in range(steps))

    async def score(self) -> Score:
        """What it came to: the hits by the gateway's word, the requests by the sandbox's."""
        requests = self.company.requests
        answer = await self.door.ask("{cacheStatus {hits misses}}", {}, "ADMIN")
        rows = (answer.data or {"cacheStatus": []})["cacheStatus"]
        hits, misses = (sum(row[name] for row in rows) for name in ("hits", "misses"))
        return Score(hits, hits + misses, requests, self.tally.uncached, len(self.tally.wrong))


@asynccontextmanager
async def world(
    options: Options, start: datetime, folder: Path, dsn: str | None = None, **variables: str
) -> AsyncIterator[World]:
    """A world that exists while the context lasts, its Postgres under a folder unless it is given one."""
    if dsn is None:
        async with embedded(folder) as own, world(options, start, folder, own, **variables) as made:
            yield made
        return
    clock = HandClock(start)
    async with faked(dsn) as database, company(options, clock) as raken:
        database.move(start)
        await migrate(dsn)
        given = raken.environment | {"DATABASE_URL": dsn, "JWT_SECRET": SECRET} | variables
        async with open_gateway(settings(given, list(ENTITIES.values())), clock) as gateway:
            made = World(gateway, raken, clock, database)
            yield made
            raken.lift()
            await made.rest()

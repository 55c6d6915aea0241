"""What people look at: each view's query, what Raken would have been asked for it, and what of its answer must hold.

The rule: what a view costs without a cache is told by hand, by the narrowest questions that Raken can answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.examiner import Examiner
from benchmarks.kinds import CARD, DAILY_REPORT, EQUIPMENT, MEMBER, PROJECT, WORK_LOG, Kind, Node
from benchmarks.record import Test, Value

Data = dict[str, Any]
Look = Callable[[Examiner, Data], None]
FRESH = "freshness {state fetchedAt}"
UNSAID: Value = {"internalNotes": None, "asrBudgetOverride": None, "members": []}
"What ASR has on an object of which nobody has said anything yet."
DAYS = 30
"The default window: today and so many days before."


class Question(NamedTuple):
    """A list that Raken is asked for: of a project where it can be, and by 31 days at most where it is dated."""

    collection: str
    project: str = ""
    window: tuple[date, date] | None = None

    def windows(self) -> list[tuple[date, date] | None]:
        """The windows that Raken takes."""
        if self.window is None:
            return [None]
        first, last = self.window
        starts = [first + timedelta(days=day) for day in range(0, (last - first).days + 1, 31)]
        return [(start, min(last, start + timedelta(days=30))) for start in starts]


@dataclass(frozen=True)
class View:
    """One thing that somebody looks at."""

    name: str
    query: str
    look: Look
    "Says to the examiner what the answer claims."
    variables: Data = field(default_factory=dict)
    role: str = "MANAGER"
    asks: tuple[Question, ...] = ()
    "What it would cost without a cache."


def window(today: date) -> tuple[date, date]:
    """The default window."""
    return today - timedelta(days=DAYS), today


def inside(kind: Kind, days: tuple[date, date], so: Test = lambda _: True) -> Test:
    """A test for the rows of a window."""
    first, last = (day.isoformat() for day in days)
    return lambda row: first <= str(row[kind.day]) <= last and so(row)


def dashboard() -> View:
    """The active projects with ASR's fields."""
    query = f"""query Dashboard {{projects(first: 50) {{totalCount nodes {{
        id name number status internalNotes asrBudgetOverride {FRESH}}}}}}}"""

    def look(see: Examiner, data: Data) -> None:
        page = data["projects"]
        see.page(PROJECT, page, so=lambda row: row["status"] == "ACTIVE")
        for node in page["nodes"] if page else ():
            extension(see, node)

    return View("dashboard", query, look, asks=(Question("projects"),))


def extension(see: Examiner, node: Node) -> None:
    """What a project says of ASR's own fields was so while it was asked."""
    if see.failed:
        return
    had: list[Value] = see.record["extensions"].had(node["id"], see.asked, see.now)
    said = {name: node[name] for name in ("internalNotes", "asrBudgetOverride") if name in node}
    if not any(said.items() <= value.items() for value in had or [UNSAID]):
        see.wrong.append(f"ASR's fields never had since {see.asked:%H:%M:%S}: {node['id']} {said}; they had {had}")


def project(id_: str, today: date) -> View:
    """A project's page: its team, its cards and their hours, of the default window."""
    query = f"""query Project($id: ID!) {{project(id: $id) {{
        id name number status internalNotes {FRESH}
        team {{id fullName status {FRESH}}}
        timeCards(first: 25) {{totalCount nodes {{
            id date totalHours approved note worker {{id fullName {FRESH}}} {FRESH}}}}}
        hours {{total approved}}}}}}"""
    days = window(today)
    on_it = inside(CARD, days, lambda row: row["project"]["uuid"] == id_)

    def look(see: Examiner, data: Data) -> None:
        node = data["project"]
        if not see.one(PROJECT, node, id_):
            return
        extension(see, node)
        see.page(CARD, node["timeCards"], ("project", id_), on_it)
        if node["team"] is not None:
            team(see, id_, node["team"], days, on_it)
        if node["hours"] is not None:
            hours(see, id_, node["hours"], days, on_it)

    asks = (Question("projects"), Question("timeCards", window=days), Question("members"))
    return View("project", query, look, {"id": id_}, asks=asks)


def since(see: Examiner, days: tuple[date, date]) -> datetime:
    """Since when the cards of a window were read, at the earliest."""
    return see.span(CARD, {days[0].isoformat()[:7], days[1].isoformat()[:7]})


def team(see: Examiner, id_: str, nodes: list[Node], days: tuple[date, date], on_it: Test) -> None:
    """Who is on a team had a card on the project, or was assigned; who had one all the while is not missing."""
    cards, start = see.record["timeCards"], since(see, days)
    ids = list(cards.under("project", id_))
    may = {value["worker"]["uuid"] for card in ids for value in cards.had(card, start, see.now) if on_it(value)}
    assigned = see.record["assignments"].had(id_, see.asked, see.now)
    may |= {member for value in assigned for member in value["members"]}
    for node in nodes:
        see.row(MEMBER, node)
        if node["id"] not in may:
            see.wrong.append(f"team: {node['id']} never worked on {id_} since {start:%H:%M:%S}")
    found = {node["id"] for node in nodes}
    if len(found) < len(nodes):
        see.wrong.append(f"team: somebody comes twice on {id_}")
    for card in ids:
        live = cards.live(card)
        worker = live["worker"]["uuid"] if live is not None else None
        if worker in found or worker is None or not cards.throughout(card, start, see.now, on_it):
            continue
        members = see.span(MEMBER, [""]) if nodes else see.at_least(MEMBER)
        if see.record["members"].throughout(worker, members, see.now, lambda _: True):
            see.wrong.append(f"team: {worker} is missing on {id_}")


def hours(see: Examiner, id_: str, node: Node, days: tuple[date, date], on_it: Test) -> None:
    """The hours of a project's cards, where none of them moved."""
    cards, start = see.record["timeCards"], since(see, days)
    total, approved = 0.0, 0.0
    for card in cards.under("project", id_):
        had = cards.had(card, start, see.now)
        if len(had) > 1 or (had and not cards.throughout(card, start, see.now, lambda _: True)):
            return
        if had and on_it(had[0]):
            total += had[0]["totalHours"]
            approved += had[0]["totalHours"] if had[0]["approved"] else 0.0
    if abs(total - node["total"]) > 0.001 or abs(approved - node["approved"]) > 0.001:  # noqa: PLR2004 - of an hour
        see.wrong.append(f"hours of {id_}: expected {total}, {approved} approved, got {node}")


def members() -> View:
    """The team page: everybody who is active."""
    query = f"""query Members {{teamMembers(first: 100) {{totalCount nodes {{
        id firstName lastName title status {FRESH}}}}}}}"""

    def look(see: Examiner, data: Data) -> None:
        see.page(MEMBER, data["teamMembers"], so=lambda row: row["status"] == "ACTIVE")

    return View("members", query, look, asks=(Question("members"),))


def logs(id_: str, today: date) -> View:
    """A project's work logs and daily reports, of the default window."""
    query = f"""query Logs($id: ID!) {{project(id: $id) {{
        id name {FRESH}
        workLogs(first: 50) {{totalCount nodes {{id date data {FRESH}}}}}
        dailyReports(first: 50) {{totalCount nodes {{id date status signedByName {FRESH}}}}}}}}}"""
    days = window(today)

    def look(see: Examiner, data: Data) -> None:
        node = data["project"]
        if see.one(PROJECT, node, id_):
            for kind, name in ((WORK_LOG, "workLogs"), (DAILY_REPORT, "dailyReports")):
                so = inside(kind, days, lambda row: row["projectUuid"] == id_)
                see.page(kind, node[name], ("project", id_), so)

    asks = (Question("projects"), Question("workLogs", id_, days), Question("dailyReports", id_, days))
    return View("logs", query, look, {"id": id_}, asks=asks)


def equipment() -> View:
    """All equipment."""
    query = f"query Equipment {{equipment {{id name equipmentId {FRESH}}}}}"
    return View(
        "equipment",
        query,
        lambda see, data: see.page(EQUIPMENT, whole(data["equipment"])),
        asks=(Question("equipment"),),
    )


def whole(nodes: list[Node] | None) -> Node | None:
    """A plain list as the page that it is."""
    return None if nodes is None else {"nodes": nodes, "totalCount": len(nodes)}


def day(chosen: date) -> View:
    """The cards of one day, for who approves them."""
    query = f"""query Day($day: Date!) {{timeCards(from: $day, to: $day, first: 50) {{totalCount nodes {{
        id date totalHours approved note worker {{id fullName {FRESH}}} project {{id name {FRESH}}} {FRESH}}}}}}}"""

    def look(see: Examiner, data: Data) -> None:
        see.page(CARD, data["timeCards"], ("date", chosen.isoformat()), inside(CARD, (chosen, chosen)))

    asks = (Question("timeCards", window=(chosen, chosen)), Question("members"), Question("projects"))
    return View("day", query, look, {"day": chosen.isoformat()}, asks=asks)


def mine(worker: str, today: date) -> View:
    """My cards of today, on a phone."""
    query = f"""query Mine($day: Date!, $me: [ID!]) {{timeCards(from: $day, to: $day, workerIds: $me, first: 50) {{
        totalCount nodes {{id date totalHours approved project {{id name {FRESH}}} {FRESH}}}}}}}"""

    def look(see: Examiner, data: Data) -> None:
        so = inside(CARD, (today, today), lambda row: row["worker"]["uuid"] == worker)
        see.page(CARD, data["timeCards"], ("worker", worker), so)

    asks = (Question("timeCards", window=(today, today)), Question("projects"))
    return View("mine", query, look, {"day": today.isoformat(), "me": [worker]}, "VIEWER", asks)


def site(id_: str, today: date) -> View:
    """A project's cards of today, on a phone."""
    query = f"""query Site($id: ID!, $day: Date!) {{project(id: $id) {{id name {FRESH}
        timeCards(from: $day, to: $day, first: 50) {{totalCount nodes {{
            id date totalHours approved worker {{id fullName {FRESH}}} {FRESH}}}}}}}}}"""

    def look(see: Examiner, data: Data) -> None:
        node = data["project"]
        if see.one(PROJECT, node, id_):
            so = inside(CARD, (today, today), lambda row: row["project"]["uuid"] == id_)
            see.page(CARD, node["timeCards"], ("project", id_), so)

    asks = (Question("projects"), Question("timeCards", window=(today, today)), Question("members"))
    return View("site", query, look, {"id": id_, "day": today.isoformat()}, "VIEWER", asks)


def status() -> View:
    """The administrator's page, which asks Raken for nothing."""
    query = """query Status {
        cacheStatus {entity state objects lastRefreshedAt lastError hits misses hitRate upstreamRequests}
        upstreamStatus {reachable connected circuit requestsToday dailyQuota throttledToday lastError}}"""
    return View("status", query, lambda _, __: None, role="ADMIN")

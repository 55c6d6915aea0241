"""Whether an answer is true: each row in it was Raken's at some moment since its `fetchedAt`, and none is lost.

The rule: what is asked is what Raken had between `fetchedAt` and the answer, by the record; how the gateway came to
its answer is no excuse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from benchmarks.kinds import KINDS, Kind, Node
from benchmarks.record import History, Test

BY_NAME = {kind.name: kind for kind in KINDS}


@lru_cache(maxsize=4096)
def moment(text: str) -> datetime:
    """A `DateTime` of the graph."""
    return datetime.fromisoformat(text)


@dataclass
class Examiner:
    """Looks through one answer."""

    record: Mapping[str, History]
    asked: datetime
    now: datetime
    "When it was answered."
    stale: Mapping[str, datetime]
    "The oldest `fetchedAt` of what is not fresh, by entity, as `extensions.freshness` says."
    failed: bool = False
    "Whether it had errors: then what is null is not lost."
    wrong: list[str] = field(default_factory=list)
    fetched: dict[tuple[str, str], datetime] = field(default_factory=dict)
    "When each slice that is seen was read, by entity and month."

    def row(self, kind: Kind, node: Node, so: Test = lambda _: True) -> None:
        """A row was so, and met a test, at some moment since it was fetched; so were those that it leads to."""
        since = self._since(kind, node)
        had = self.record[kind.collection].had(node["id"], since, self.now)
        if not any(kind.agrees(value, node) and so(value) for value in had):
            self.wrong.append(
                f"{kind.name} never had since {since:%H:%M:%S.%f}: {_brief(node)}; it had {list(map(_brief, had))}"
            )
        for name, (other, tell) in kind.refs.items():
            if node.get(name) is not None:
                self.row(other, node[name])
            elif name in node and not self.failed:
                self._found(other, {tell(value) for value in had})

    def one(self, kind: Kind, node: Node | None, id_: str) -> bool:
        """A row that was asked for by its id is true; or null, where Raken cannot be sure to have had it."""
        if node is not None:
            self.row(kind, node)
        elif not self.failed:
            self._found(kind, {id_})
        return node is not None

    def page(self, kind: Kind, page: Node | None, under: tuple[str, str] = ("", ""), so: Test = lambda _: True) -> None:
        """A page of the rows under a key that meet a test: each is true, none is lost, and the count is theirs."""
        if page is None:
            if not self.failed:
                self.wrong.append(f"{kind.name}: a list is null, and no error says why")
            return
        for node in page["nodes"]:
            self.row(kind, node, so)
        self._whole(kind, page["nodes"], under, so, page["totalCount"])

    def _whole(self, kind: Kind, nodes: list[Node], under: tuple[str, str], so: Test, count: int) -> None:
        history, found = self.record[kind.collection], {node["id"] for node in nodes}
        sure = {id_ for id_ in history.under(*under) if self._sure(kind, id_, so)}
        # Of a page, what lies beyond its last row is not expected on it, but in the count.
        last = self._last(kind, nodes) if count > len(nodes) else None
        lost = [id_ for id_ in sure - found if last is None or self._before(kind, id_, last)]
        self.wrong += [f"{kind.name} lost: {_brief(history.versions[id_][-1].value)}" for id_ in lost]
        if len(found) < len(nodes):
            self.wrong.append(f"{kind.name}: a row comes twice in one list")
        least, most = len(sure | found), sum(self._maybe(kind, id_, so) for id_ in history.under(*under))
        if not least <= count <= most:
            self.wrong.append(f"{kind.name}: expected a totalCount of {least} to {most}, got {count}")

    def _maybe(self, kind: Kind, id_: str, so: Test) -> bool:
        """Whether a row may be in a list: there, and so, at some moment since its month was read."""
        had = self.record[kind.collection].had
        return any(so(value) for value in had(id_, self.at_least(kind), self.now))

    def _before(self, kind: Kind, id_: str, last: Any) -> bool:
        """Whether a row belonged on a page for sure: whatever it was, it came before the page's last row."""
        had = self.record[kind.collection].had(id_, self.fetched.get((kind.name, ""), self.at_least(kind)), self.now)
        return all(kind.order(value) < last for value in had)

    def _last(self, kind: Kind, nodes: list[Node]) -> Any:
        """The sort key of a page's last row, by the earliest that it may have been."""
        if not nodes:
            return None
        had = self.record[kind.collection].had(nodes[-1]["id"], self._since(kind, nodes[-1]), self.now)
        return min((kind.order(value) for value in had), default=None)

    def _sure(self, kind: Kind, id_: str, so: Test) -> bool:
        """Whether a row is in a list for sure: there, and so, in one month, ever since that was read."""
        history = self.record[kind.collection]
        live = history.live(id_)
        if live is None or not so(live):
            return False
        month = kind.month(live)
        since = self.fetched.get((kind.name, month)) or self.at_least(kind)
        return history.throughout(id_, since, self.now, lambda value: so(value) and kind.month(value) == month)

    def at_least(self, kind: Kind) -> datetime:
        """Before when nothing of a kind that was served can have been read, where its slice is not seen."""
        fresh = self.now - timedelta(seconds=kind.ttl)
        return min(fresh, self.stale.get(kind.name, fresh))

    def span(self, kind: Kind, months: Iterable[str]) -> datetime:
        """Since when what was served of some months was read, at the earliest."""
        return min(self.fetched.get((kind.name, month)) or self.at_least(kind) for month in months)

    def _found(self, kind: Kind, ids: set[Any]) -> None:
        """A row that another leads to is null: then Raken cannot have had it for as long as the slice is old."""
        for id_ in ids - {None}:
            if self._sure(kind, id_, lambda _: True):
                self.wrong.append(f"{kind.name} not found: {id_}")

    def _since(self, kind: Kind, node: Node) -> datetime:
        """When a node was fetched; all of one slice in one answer were at once."""
        since = moment(node["freshness"]["fetchedAt"])
        month = str(node["date"])[:7] if kind.day else ""
        if self.fetched.setdefault((kind.name, month), since) != since:
            self.wrong.append(f"{kind.name} {month}: two versions in one answer")
        if since > self.now:
            self.wrong.append(f"{kind.name}: fetched at {since}, after the answer")
        return since


def _brief(node: Node) -> str:
    return str({name: value for name, value in node.items() if not isinstance(value, list)})[:300]

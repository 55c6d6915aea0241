"""A Raken in memory that remembers: cards with updatedAt to the second, deletions, and what every card was, when."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from loaders.decode import page
from loaders.entities.time_cards import TIME_CARDS
from loaders.entity import SliceKey
from loaders.errors import RakenError, RakenRefused
from loaders.raken import Answer, Lane, OnSend, unheard
from tests.hands import Hands
from tests.unit.rows import Json, body, card

T = TypeVar("T")
Edit = tuple[str, int, date]
"What is done, to which card, and the day that goes with it."
ORDERS: dict[str, Callable[[Json], Any]] = {
    "oldest first": lambda row: (row["date"], row["createdAt"], row["uuid"]),
    "newest first": lambda row: (-date.fromisoformat(row["date"]).toordinal(), row["uuid"]),
    "as changed": lambda row: (row["updatedAt"], row["uuid"]),
}


def moment(text: str) -> datetime:
    """A date-time as Raken writes it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


class Remembering:
    """Raken, with a clock of its own that is to the second; pages are of `cap` rows."""

    def __init__(self, cap: int = 3, order: str = "oldest first", *, forgiving: bool = False) -> None:
        self.hands = Hands(datetime(2026, 4, 20, 12, tzinfo=UTC))
        self.ahead = timedelta(hours=-7, milliseconds=300)
        self.cap = cap
        self.order = ORDERS[order]
        self.forgiving = forgiving
        "Whether a card that is added back is no longer told of as deleted."
        self.cards: dict[str, Json] = {}
        self.deleted: list[tuple[datetime, str]] = []
        self.states: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        "Of each card: from which edit on it was which row, or None."
        self.edits = 0
        self.before: list[list[Edit]] = []
        "What is done before the next requests, one after the other."
        self.asked: list[dict[str, str]] = []
        self.lanes: list[Lane] = []
        self.refuses: dict[str, int] = {}
        "Parameters, and with which status it refuses them."
        self.heeds = {"changedSince", "deletedFrom"}
        self.oldest = datetime(1970, 1, 1, tzinfo=UTC)
        "Refuses windows that begin before."
        self.dates = True
        self.confirmed = 0
        "How many pages were answered with 304."

    @property
    def now(self) -> datetime:
        """Raken's time."""
        return (self.hands.now() + self.ahead).replace(microsecond=0)

    def do(self, *edits: Edit) -> None:
        """Edits cards; what cannot be done is not."""
        for kind, number, day in edits:
            self._edit(kind, f"card-{number}", day)

    def _edit(self, kind: str, uuid: str, day: date) -> None:
        stamp = f"{self.now:%Y-%m-%dT%H:%M:%SZ}"
        had = self.cards.get(uuid)
        if kind == "add" and had is None:
            new = {"uuid": uuid, "date": day.isoformat(), "createdAt": stamp, "totalHours": 8.0}
            self._put(uuid, card(**new, approved=False, updatedAt=stamp))
            if self.forgiving:
                self.deleted = [one for one in self.deleted if one[1] != uuid]
        elif kind == "delete" and had is not None:
            self.deleted.append((self.now, uuid))
            self._put(uuid, None)
        elif kind == "restore" and had is not None:
            self._edit("delete", uuid, day)
            self._edit("add", uuid, day)
        elif had is not None and kind in ("change", "approve", "unapprove", "move"):
            changed: dict[str, Json] = {
                "change": {"totalHours": had["totalHours"] + 1},
                "approve": {"approved": True, "signed": {"uuid": "worker-9"}},
                "unapprove": {"approved": False, "signed": None},
                "move": {"date": day.isoformat()},
            }
            new = had | changed[kind] | {"updatedAt": stamp}
            self._put(uuid, {name: value for name, value in new.items() if value is not None})

    def _put(self, uuid: str, row: Json | None) -> None:
        self.edits += 1
        self.cards.pop(uuid, None)
        if row is not None:
            self.cards[uuid] = row
        self.states[uuid].append((self.edits, page(body([row]), SliceKey(TIME_CARDS)).rows[0] if row else None))

    def had(self, uuid: str, first: int, last: int) -> list[Any]:
        """What a card was from one edit to another, the one before the first too."""
        states = [(0, None), *self.states[uuid]]
        before = [row for edit, row in states if edit <= first]
        return [before[-1], *(row for edit, row in states if first < edit <= last)]

    def failing(self, lane: Lane) -> RakenError | None:
        """Nothing is known against it."""

    async def page(
        self,
        path: str,
        params: Mapping[str, str],
        lane: Lane,
        parse: Callable[[bytes], T],
        *,
        etag: str | None = None,
        on_send: OnSend = unheard,
    ) -> Answer[T]:
        """One page, of the rows as they are by now."""
        assert path == "/timeCards"
        await asyncio.sleep(0)
        self.do(*(self.before.pop(0) if self.before else ()))
        await on_send()
        self.asked.append(dict(params))
        self.lanes.append(lane)
        sent = self.hands.now(), self.hands.monotonic()
        for name in self.refuses.keys() & params.keys():
            raise RakenRefused(f"Raken answered /timeCards with {self.refuses[name]}", self.refuses[name])
        rows, offset = self._rows(params), int(params["offset"])
        content = body(rows[offset : offset + min(self.cap, int(params["limit"]))], len(rows))
        self.hands.move(0.4)
        tag = f'"{hash(content)}"'
        self.confirmed += tag == etag
        answer = parse(content) if tag != etag else None
        return Answer(answer, tag, self.now if self.dates else None, *sent)

    def _rows(self, params: Mapping[str, str]) -> list[Json]:
        rows = sorted(self.cards.values(), key=self.order)
        if "fromDate" in params:
            return [row for row in rows if params["fromDate"] <= row["date"] <= params["toDate"]]
        (first, since), (_, until) = sorted((name, moment(params[name])) for name in params if "ed" in name)
        names = {"changedSince": "changedUntil", "deletedFrom": "deletedTo"}
        assert names[first] in params
        if since < self.oldest:
            raise RakenRefused("Raken answered /timeCards with 400", 400)
        if first not in self.heeds:
            return rows
        if first == "changedSince":
            return [row for row in rows if since <= moment(row["updatedAt"]) <= until]
        return [{"uuid": uuid} for when, uuid in self.deleted if since <= when <= until]

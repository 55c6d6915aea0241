"""Whether the examination can fail at all: true answers are spoiled in every way that counts, and must be found out.

The rule: what is spoiled is a copy; nothing of it is counted.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from benchmarks.calls import Answer
from benchmarks.driver import World
from benchmarks.record import ALWAYS, FOREVER
from benchmarks.views import View

Nodes = list[dict[str, Any]]
CHANGED: dict[str, Callable[[Any], Any]] = {
    "name": lambda name: f"{name}!",
    "totalHours": lambda hours: hours + 0.25,
    "approved": lambda approved: not approved,
    "fullName": lambda name: f"{name}!",
    "internalNotes": lambda notes: f"{notes}!",
    "status": lambda status: f"{status}!",
    "data": lambda data: {**data, "workers": -1},
}


async def unnoticed(world: World, views: list[View]) -> list[str]:
    """What of some views' answers can be spoiled without being found out; empty where all is well."""
    found = []
    for view in views:
        asked = world.clock.now()
        answer = await world.door.ask(view.query, view.variables, view.role)
        now = world.clock.now()
        if wrong := world.examine(view, answer, asked, now).wrong:
            found.append(f"{view.name}, unspoiled: {wrong[0]}")
        for how, data in spoiled(world, answer):
            other = Answer(answer.status, data, answer.errors, answer.extensions, answer.size)
            if not world.examine(view, other, asked, now).wrong:
                found.append(f"{view.name}: {how}")
        await world.rest()
    return found


def spoiled(world: World, answer: Answer) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copies of an answer that are not true any more, and how."""
    steady = {
        id_ for history in world.record.values() for id_, versions in history.versions.items() if _steady(versions)
    }
    for number, nodes in enumerate(_lists(answer.data)):
        at = next((at for at, node in enumerate(nodes) if node["id"] in steady), None)
        if at is None:
            continue
        for name, change in CHANGED.items():
            if name in nodes[at]:
                data, copied = _copied(answer, number)
                copied[at][name] = change(copied[at][name])
                yield f"{name} changed", data
        data, copied = _copied(answer, number)
        del copied[at]
        yield "a row left out", data
        data, copied = _copied(answer, number)
        copied[at]["id"] = str(uuid4())
        yield "a row exchanged", data
        data, copied = _copied(answer, number)
        copied.append(copied[at])
        yield "a row repeated", data


def _steady(versions: list[Any]) -> bool:
    return len(versions) == 1 and versions[0].since.latest == ALWAYS and versions[0].until.earliest == FOREVER


def _lists(data: Any) -> list[Nodes]:
    """Every list of rows in an answer."""
    if isinstance(data, list):
        rows = bool(data) and isinstance(data[0], dict) and "id" in data[0]
        return ([data] if rows else []) + [found for each in data for found in _lists(each)]
    return [found for each in data.values() for found in _lists(each)] if isinstance(data, dict) else []


def _copied(answer: Answer, number: int) -> tuple[dict[str, Any], Nodes]:
    data = copy.deepcopy(answer.data or {})
    return data, _lists(data)[number]

"""A row out of plain JSON values, when the straight way has failed: what does not fit is cut off, as little as can be.

The rule it keeps: a cut goes one step up at a time. A bad value is removed; where its owner cannot be without it,
the owner is; and so on, until what is left fits, or nothing is.
"""

import re
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_MESSAGE = re.compile(r"(?P<reason>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Loss:
    """A field that could not be read, and why; never its value."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Fault:
    """Where msgspec stopped: the path to what must go, and why."""

    path: str
    loss: Loss


def fill(plain: dict[str, Any], row: type[T]) -> tuple[T | None, tuple[Loss, ...]]:
    """Makes a row of a JSON object, which it may cut; with the losses. None: the last loss costs the row."""
    cuts: list[_Fault] = []
    while True:
        try:
            return msgspec.convert(plain, row, strict=False), tuple([cut.loss for cut in cuts])
        except msgspec.ValidationError as error:
            fault = _traced(_fault(str(error)), cuts)
        if not fault.path:
            return None, (fault.loss,)
        # Blank and null are Raken's ways to say nothing, and no loss.
        if _cut(plain, fault.path) not in ("", None):
            cuts.append(fault)


def _fault(message: str) -> _Fault:
    found = _MESSAGE.fullmatch(message)
    path, reason = (found["path"] or "", found["reason"]) if found else ("", message)
    missing = _MISSING.fullmatch(reason)
    if missing:
        return _Fault(path, Loss(_name(f"{path}.{missing['name']}"), "expected a value, got none"))
    # The one message of msgspec's that quotes a value.
    reason = "not one of the known values" if reason.startswith("Invalid enum value") else reason
    return _Fault(path, Loss(_name(path), reason[:1].lower() + reason[1:]))


def _traced(fault: _Fault, cuts: list[_Fault]) -> _Fault:
    """The fault with its first cause: what was cut before from the same place."""
    inside = [cut for cut in cuts if cut.path.startswith((f"{fault.path}.", f"{fault.path}["))]
    causes = [cut for cut in inside if cut.loss.field == fault.loss.field]
    for cut in inside:
        cuts.remove(cut)
    return _Fault(fault.path, causes[0].loss) if causes else fault


def _cut(plain: Any, path: str) -> Any:
    """Removes what lies at a path, and answers what it was."""
    steps = [int(index) if index else name for name, index in _STEP.findall(path)]
    for step in steps[:-1]:
        plain = plain[step]
    return plain.pop(steps[-1])


def _name(path: str) -> str:
    """A path for people: the places in lists mean nothing, for cuts move them."""
    return re.sub(r"\[\d+\]", "[]", path).removeprefix(".")

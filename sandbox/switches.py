"""What is inferred or unknown about Raken, each as one named switch.

The rule: a doubt about Raken is decided here alone, so that it can be flipped when a real account is reached.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec


def switch(default: object, doc: str) -> Any:
    """One switch: its default reading of Raken, and the line that explains it."""
    return dataclasses.field(default=default, metadata={"doc": doc})


@dataclass(frozen=True)
class Switches:
    """Every doubt about Raken, with the reading that is held for likely as its default."""

    default_statuses: tuple[str, ...] = switch(
        ("ACTIVE",), "statuses in which members and projects are listed when none is asked for; empty: all"
    )
    unknown_status: Literal["refused", "ignored"] = switch(
        "refused", "what a status nobody knows gets: 400, or no rows"
    )
    deleted_listed: bool = switch(
        default=True, doc="whether members and projects that are DELETED are still listed and found by uuid"
    )
    unknown_parameters: Literal["ignored", "refused"] = switch(
        "ignored", "what a query parameter nobody knows gets: nothing, or 400"
    )
    default_limit: int = switch(100, "rows of a page when no limit is asked for")
    limit_over_maximum: Literal["refused", "clamped"] = switch(
        "refused", "what a limit over 1,000 gets: 400, or 1,000 rows"
    )
    window_inclusive: bool = switch(default=True, doc="whether toDate itself is in the window")
    window_required: tuple[str, ...] = switch(
        ("timeCards", "equipmentLogs", "dailyReports", "materialLogs", "workLogs"),
        "collections that answer 400 without a window; the other dated ones then give every day",
    )
    project_heeded: tuple[str, ...] = switch(
        ("dailyReports", "materials", "materialLogs", "workLogs", "observations", "checklists", "budgets"),
        "collections of which projectUuid picks a project's rows; the others take no notice of it",
    )
    project_required: tuple[str, ...] = switch((), "collections that answer 400 without projectUuid")
    changes: tuple[str, ...] = switch(
        ("timeCards",), "collections that know changedSince and changedUntil; the others answer 400"
    )
    deletions: tuple[str, ...] = switch(
        ("timeCards",), "collections that know deletedFrom and deletedTo; the others answer 400"
    )
    deleted_shape: Literal["uuid", "row"] = switch(
        "uuid", "what deletedFrom gives of a row: its uuid alone, or the row"
    )
    project_in_work_logs: Literal["projectUuid", "project", "none"] = switch(
        "projectUuid", "how a work log names its project"
    )
    project_in_observations: Literal["projectUuid", "project", "none"] = switch(
        "projectUuid", "how an observation names its project"
    )
    newest_first: bool = switch(default=False, doc="whether rows come newest first")
    etags: Literal["honoured", "sent", "none"] = switch(
        "honoured", "whether pages carry an ETag, and whether If-None-Match then gets a 304"
    )
    rotated_refresh: Literal["dies", "lives", "revokes"] = switch(
        "dies", "a refresh token used again: invalid_grant, still good, or invalid_grant for its whole chain"
    )
    state_echoed: bool = switch(default=True, doc="whether consent leads back with the state that it came with")
    expired_token_status: Literal[401, 403] = switch(401, "the status that an expired access token gets")
    error_body: Literal["json", "text", "empty"] = switch("json", "what an error carries")
    limits_told_apart: bool = switch(
        default=True, doc='whether the two 429s say "Too many requests" and "Limit exceeded", or the former both'
    )
    retry_after: Literal["none", "seconds", "date"] = switch(
        "none", "the form of Retry-After on a 429 of the rate or the quota"
    )
    requests_per_second: int = switch(0, "data requests past which a second answers 429 (rate); 0: no such limit")
    daily_quota: int = switch(0, "data requests past which a UTC day answers 429 (quota); 0: no quota")


NAMES = tuple(field.name for field in dataclasses.fields(Switches))
DOCS = {field.name: str(field.metadata["doc"]) for field in dataclasses.fields(Switches)}


def flipped(switches: Switches, values: Mapping[str, object]) -> Switches:
    """The switches with some of them set anew; text is read as the switch's own kind, commas as lists.

    Raises:
        ValueError: a name that is no switch, or a value that it does not take.
    """
    unknown = sorted(set(values) - set(NAMES))
    if unknown:
        raise ValueError(f"expected switches among {', '.join(NAMES)}, but got {', '.join(unknown)}")
    lists = {name: _list(value) for name, value in values.items() if isinstance(getattr(Switches, name), tuple)}
    try:
        return msgspec.convert(dataclasses.asdict(switches) | dict(values) | lists, Switches, strict=False)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"expected a value that the switch takes, but got: {wrong}") from wrong


def _list(value: object) -> object:
    return [each for each in value.split(",") if each] if isinstance(value, str) else value

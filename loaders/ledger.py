"""The ledger of slices, in Postgres: who reads a slice, and what was read last. The one place that coordinates.

The rule it keeps: a lease's number only grows, and who publishes names his; so a reader that was thought dead cannot
put old rows over newer ones. Times are the database's own.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from loaders.errors import RakenError, told, untold
from loaders.postgres import COORDINATING, Postgres

LEASE_SECONDS = 5.0
"How long a lease stands unless it is renewed: what a killed reader costs those who wait for it."
CHANNEL = "raken_gateway"

# What a crash of Postgres forgets of this is no loss: so nothing here is worth waiting for the disk.
_UNHURRIED = "set_config('synchronous_commit', 'off', true)"
# Microseconds: so that a number which was forgotten, by a crash or with its row, does not come again.
_NUMBER = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
# What ends later than it can is of a time when this clock was wrong: it has ended.
_FAILING = "s.failed_until BETWEEN clock_timestamp() AND clock_timestamp() + interval '1 minute'"
_CLAIM = f"""
    INSERT INTO slices AS s (key, entity, number, taken_at, leased_until)
    VALUES ($1, $2, {_NUMBER}, clock_timestamp(), clock_timestamp() + $3 * interval '1 second')
    ON CONFLICT (key) DO UPDATE
    SET number = greatest(s.number + 1, excluded.number), departed_at = NULL, taken_at = excluded.taken_at,
        leased_until = excluded.leased_until
    WHERE coalesce(s.leased_until NOT BETWEEN clock_timestamp() AND clock_timestamp() + $3 * interval '1 second', true)
    AND NOT coalesce(s.read_number > $4 AND s.sent_at >= clock_timestamp() - $5 * interval '1 second', false)
    AND NOT coalesce({_FAILING} AND s.failed_at >= clock_timestamp() - $6 * interval '1 second', false)
    RETURNING number, body, {_UNHURRIED}
"""  # noqa: S608 - of constants
_ENTRIES = f"""
    SELECT key, read_number, body, fetched_at, raken_date, row_count, requests, left_out, failure,
        extract(epoch FROM clock_timestamp() - sent_at)::float8 AS age,
        extract(epoch FROM clock_timestamp() - whole_at)::float8 AS whole_age,
        extract(epoch FROM clock_timestamp() - failed_at)::float8 AS failed_age,
        coalesce({_FAILING}, false) AS failing
    FROM slices AS s
"""  # noqa: S608 - of constants
_DEPART = f"""
    UPDATE slices SET departed_at = clock_timestamp() WHERE key = $1 AND number = $2 AND departed_at IS NULL
    RETURNING {_UNHURRIED}
"""  # noqa: S608 - of constants
_RENEW = f"""
    UPDATE slices SET leased_until = clock_timestamp() + $3 * interval '1 second'
    WHERE key = $1 AND number = $2 AND leased_until IS NOT NULL
    RETURNING {_UNHURRIED}
"""  # noqa: S608 - of constants
# A body is put before it is named here, to last for a time; from now on it lasts as long as its name stands.
_PUBLISH = f"""
    WITH old AS (SELECT body FROM slices WHERE key = $1 AND number = $2 AND leased_until IS NOT NULL FOR UPDATE),
    told AS (
        SELECT least(coalesce(departed_at, taken_at), clock_timestamp() - $4 * interval '1 second') AS sent_at
        FROM slices WHERE key = $1
    ),
    published AS (
        UPDATE slices AS s SET
            read_number = s.number, version = CASE WHEN s.body = $3 THEN s.version ELSE s.number END, body = $3,
            sent_at = told.sent_at, whole_at = told.sent_at - $5 * interval '1 second',
            fetched_at = $6, raken_date = $7, row_count = $8, requests = $9, left_out = $10,
            leased_until = NULL, failure = NULL, failed_at = NULL, failed_until = NULL
        FROM old, told WHERE s.key = $1
        RETURNING s.key
    ),
    kept AS (UPDATE api_cache SET expires_at = NULL WHERE name = $3 AND EXISTS (SELECT FROM published)),
    gone AS (DELETE FROM api_cache USING old WHERE name = old.body AND old.body <> $3)
    SELECT pg_notify($11, 'slice ' || key), {_UNHURRIED} FROM published
"""  # noqa: S608 - of constants
_FAIL = f"""
    WITH failed AS (
        UPDATE slices SET leased_until = NULL, failure = $3, failed_at = coalesce(departed_at, taken_at),
            failed_until = clock_timestamp() + $4 * interval '1 second'
        WHERE key = $1 AND number = $2 AND leased_until IS NOT NULL
        RETURNING key
    )
    SELECT pg_notify($5, 'slice ' || key), {_UNHURRIED} FROM failed
"""  # noqa: S608 - of constants
_RELEASE = f"""
    WITH released AS (
        UPDATE slices SET leased_until = NULL WHERE key = $1 AND number = $2 AND leased_until IS NOT NULL RETURNING key
    )
    SELECT pg_notify($3, 'slice ' || key), {_UNHURRIED} FROM released
"""  # noqa: S608 - of constants
_TIDY = """
    WITH old AS (
        DELETE FROM slices WHERE coalesce(leased_until, '-infinity') < clock_timestamp()
        AND coalesce(sent_at, taken_at) < clock_timestamp() - $1 * interval '1 second'
        RETURNING body
    ),
    nameless AS (DELETE FROM api_cache USING old WHERE name = old.body),
    forgotten AS (DELETE FROM raken_senders WHERE day < current_date - 30)
    DELETE FROM api_cache WHERE expires_at < clock_timestamp()
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger says of a slice; ages are seconds by the database's clock."""

    key: str
    number: int
    "The lease under which it was read; 0: it never was."
    body: str | None
    age: float
    "Since its first request was sent, at least."
    whole_age: float
    fetched_at: datetime | None
    date: datetime | None
    "The same by Raken's clock."
    rows: int
    requests: int
    left_out: str | None
    error: RakenError | None
    "What its last reading failed of, if it did."
    failing: bool
    "Whether it is to be left alone yet."
    failed_age: float

    @property
    def failure(self) -> RakenError | None:
        """Why it is not to be read now, if so."""
        return self.error if self.failing else None

    @property
    def trouble(self) -> str | None:
        """What its last reading failed of, or left out, in words."""
        return str(self.error) if self.error is not None else self.left_out


NEVER = Entry(
    "", 0, None, float("inf"), float("inf"), None, None, 0, 0, None, None, failing=False, failed_age=float("inf")
)
"The entry of what is gone."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader would take in the place of a reading of his own."""

    above: int = 0
    "A reading under a later lease than this one."
    within: float = 0.0
    "Begun within so many seconds."
    failed_within: float = float("inf")
    "Or a failure of one that was begun within so many seconds."
    anew: bool = False
    "Whether one that was under way already is not good enough."

    def fulfilled(self, entry: Entry) -> bool:
        """Whether an entry's reading is such a one."""
        return entry.number > self.above and entry.age <= self.within

    def failed(self, entry: Entry) -> bool:
        """Whether an entry's failure is such a one."""
        return entry.failure is not None and entry.failed_age <= self.failed_within

    def after(self, entry: Entry) -> "Wish":
        """The wish of one who has waited for somebody else's reading: a later one, however long that took."""
        return replace(self, above=max(self.above, entry.number), within=self.within if self.anew else float("inf"))


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease that was had."""

    number: int
    body: str | None
    "The name of the content that was read last."


@dataclass(frozen=True, slots=True)
class Account:
    """What is told of a reading when it is published."""

    body: str
    age: float
    "Seconds since its first request was sent."
    whole_for: float
    "Seconds from the last whole reading's first request to this one's."
    fetched_at: datetime
    date: datetime | None
    rows: int
    requests: int
    left_out: str | None


class Ledger:
    """The table of slices; every method raises ExtensionsUnavailable where Postgres is away."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def claim(self, key: str, entity: str, wish: Wish) -> Claim | Entry:
        """A lease; or the entry that makes one needless; or one that does not, where somebody else has the lease."""
        async with self._postgres.asking(COORDINATING) as connection:
            within, failed_within = _bounded(wish.within), _bounded(wish.failed_within)
            lease = (key, entity, LEASE_SECONDS, wish.above, within, failed_within)
            claimed = await connection.fetchrow(_CLAIM, *lease)
            if claimed is not None:
                return Claim(claimed["number"], claimed["body"])
            row = await connection.fetchrow(_ENTRIES + " WHERE key = $1", key)
        return NEVER if row is None else _entry(row)

    async def entry(self, key: str) -> Entry | None:
        """What was read last of a slice; None where nothing ever was."""
        async with self._postgres.asking(COORDINATING) as connection:
            row = await connection.fetchrow(_ENTRIES + " WHERE key = $1", key)
        return None if row is None else _entry(row)

    async def entries(self) -> Sequence[Entry]:
        """What was read last of every slice, and what failed."""
        async with self._postgres.asking(COORDINATING) as connection:
            return [_entry(row) for row in await connection.fetch(_ENTRIES)]

    async def depart(self, key: str, number: int) -> None:
        """Notes that the first request of a leased reading goes out."""
        async with self._postgres.asking(COORDINATING) as connection:
            await connection.execute(_DEPART, key, number)

    async def renew(self, key: str, number: int) -> None:
        """Keeps a lease for longer."""
        async with self._postgres.asking(COORDINATING) as connection:
            await connection.execute(_RENEW, key, number, LEASE_SECONDS)

    async def publish(self, key: str, number: int, account: Account) -> bool:
        """Says what was read, and ends the lease; False where the lease was another's by then."""
        values = astuple(account)
        async with self._postgres.asking(COORDINATING) as connection:
            return await connection.fetchrow(_PUBLISH, key, number, *values, CHANNEL) is not None

    async def fail(self, key: str, number: int, error: RakenError, seconds: float) -> None:
        """Says what a reading failed of, and for how long it is to be left alone; ends the lease."""
        async with self._postgres.asking(COORDINATING) as connection:
            await connection.fetchrow(_FAIL, key, number, msgspec.json.encode(told(error)).decode(), seconds, CHANNEL)

    async def release(self, key: str, number: int) -> None:
        """Ends a lease without a word of how it went."""
        async with self._postgres.asking(COORDINATING) as connection:
            await connection.fetchrow(_RELEASE, key, number, CHANNEL)

    async def tidy(self, seconds: float) -> None:
        """Lets go of what was read longer ago than may be served, of bodies that nothing names, and of old counts."""
        async with self._postgres.asking() as connection:
            await connection.execute(_TIDY, _bounded(seconds))


def _bounded(seconds: float) -> float:
    """Seconds that Postgres can make an interval of."""
    return min(seconds, 1e10)


def _entry(row: asyncpg.Record) -> Entry:
    failure: dict[str, Any] | None = msgspec.json.decode(row["failure"]) if row["failure"] else None
    return Entry(
        key=row["key"],
        number=row["read_number"],
        body=row["body"],
        age=_age(row["age"]),
        whole_age=_age(row["whole_age"]),
        fetched_at=row["fetched_at"],
        date=row["raken_date"],
        rows=row["row_count"],
        requests=row["requests"],
        left_out=row["left_out"],
        error=untold(failure) if failure is not None else None,
        failing=row["failing"],
        failed_age=_age(row["failed_age"]),
    )


def _age(seconds: float | None) -> float:
    return float("inf") if seconds is None else max(0.0, seconds)

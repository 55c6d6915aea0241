"""Sign-ins that failed, at all processes together, and how long somebody then waits for the next.

One rule: nobody is locked out. An account waits for those at one address alone, never for longer than `LONGEST`; and
who has signed in from an address before does not wait for what others fail at there.
"""

# ruff: noqa: S608 - the statements are put together of constants

import hmac
from math import ceil

from loaders.errors import RateLimited
from loaders.postgres import Postgres

FREE = 10
"Failures of one account from one address that cost nothing: people mistype."
FREE_AT_ADDRESS = 100
"Failures from one address, whichever the accounts: an office may be behind it."
LONGEST = 300
"Seconds that the next try waits at most; the wait doubles with each failure."
LONGEST_AT_ADDRESS = 60
FADES = 3600
"Seconds after which failures are forgotten."
GUEST = 90 * 24 * 3600
"Seconds after which it is forgotten that an account has signed in from an address."
BATCH = 10_000
"Rows that one statement deletes, so that none lasts."

Attempt = tuple[bytes, bytes]
"One try: by whom from where, and from where alone."

# What would wait for longer than it can is of a time when this clock was wrong.
_WAITS = f"next_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '{LONGEST} seconds'"
_GUEST = "EXISTS (SELECT FROM sign_ins WHERE who = $1 AND guest)"
_FAILURES = f"CASE WHEN s.last_at < clock_timestamp() - interval '{FADES} seconds' THEN 1 ELSE s.failures + 1 END"
_OVER = f"{_FAILURES} - CASE s.who WHEN $1 THEN {FREE} ELSE {FREE_AT_ADDRESS} END"
_LONGEST = f"CASE s.who WHEN $1 THEN {LONGEST} ELSE {LONGEST_AT_ADDRESS} END"
# A try counts in both rows, or in neither where one of them must wait. What another has written meanwhile is seen by
# the last WHERE alone: so not one try more gets through, though one of the two rows may then count it. All take the
# rows in this order, and none waits for the disk: what a crash of Postgres forgets is no loss.
_BEGIN = f"""
    WITH held AS (
        SELECT max(next_at) AS until FROM sign_ins WHERE {_WAITS} AND (who = $1 OR who = $2 AND NOT {_GUEST})
    ), counted AS (
        INSERT INTO sign_ins AS s (who, failures)
        SELECT who, 1 FROM held, unnest(ARRAY[$1, $2]::bytea[]) AS who WHERE until IS NULL
        ON CONFLICT (who) DO UPDATE SET failures = {_FAILURES}, last_at = clock_timestamp(),
            next_at = CASE WHEN {_OVER} < 0 THEN '-infinity' ELSE
                clock_timestamp() + least(2 ^ least({_OVER}, 10), {_LONGEST}) * interval '1 second' END
        WHERE NOT s.{_WAITS} OR s.who = $2 AND {_GUEST}
        RETURNING who
    )
    SELECT (SELECT count(*) FROM counted) = 2 AS begun, set_config('synchronous_commit', 'off', true),
        coalesce(extract(epoch FROM until - clock_timestamp()), 0)::float8 AS wait
    FROM held
"""
_TAKE_BACK = """
    INSERT INTO sign_ins AS s (who) SELECT unnest(ARRAY[$1, $2]::bytea[])
    ON CONFLICT (who) DO UPDATE SET next_at = '-infinity', guest = s.guest OR $3 AND s.who = $1,
        failures = CASE WHEN $3 AND s.who = $1 THEN 0 ELSE greatest(s.failures - 1, 0) END
    RETURNING set_config('synchronous_commit', 'off', true)
"""
_TIDY = f"""
    DELETE FROM sign_ins WHERE who IN (
        SELECT who FROM sign_ins
        WHERE last_at < clock_timestamp() - CASE WHEN guest THEN {GUEST} ELSE {FADES} END * interval '1 second'
        LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
"""


class Attempts:
    """What is remembered of sign-ins; every method raises ExtensionsUnavailable where Postgres is away."""

    def __init__(self, postgres: Postgres, secret: str) -> None:
        """`secret` is what makes of emails and addresses what is remembered of them."""
        self._postgres = postgres
        self._secret = secret.encode()

    async def begin(self, email: str, address: str) -> Attempt:
        """Begins a try, which counts as failed until it is known to be otherwise: many at once count too.

        Raises:
            RateLimited: too many have failed before, and it is too soon.
        """
        attempt = self._digest(f"{address} {email.strip().casefold()}"), self._digest(address)
        async with self._postgres.asking() as connection:
            row = await connection.fetchrow(_BEGIN, *attempt)
        if row is None or not row["begun"]:
            wait = max(1, ceil(row["wait"] if row else 0))
            raise RateLimited(f"expected fewer sign-ins that fail; the next may be in {wait} s", wait)
        return attempt

    async def right(self, attempt: Attempt) -> None:
        """The password was right: the account's failures from there are forgotten, and it is known there."""
        await self._take_back(attempt, right=True)

    async def void(self, attempt: Attempt) -> None:
        """It was no failure: nobody could look."""
        await self._take_back(attempt, right=False)

    async def tidy(self) -> None:
        """Lets go of what is forgotten."""
        deleted = f"DELETE {BATCH}"
        while deleted == f"DELETE {BATCH}":
            async with self._postgres.asking() as connection:
                deleted = await connection.execute(_TIDY)

    async def _take_back(self, attempt: Attempt, *, right: bool) -> None:
        async with self._postgres.asking() as connection:
            await connection.execute(_TAKE_BACK, *attempt, right)

    def _digest(self, text: str) -> bytes:
        """A text as it is remembered: of one length, and unreadable, for people type passwords in the wrong place."""
        return hmac.digest(self._secret, f"raken-gateway sign-in {text}".encode("utf-8", "surrogatepass"), "sha256")

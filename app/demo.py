"""The demo: a gateway on nothing at all, with a sandbox Raken and an account of each role.

One rule: its password is known to all, so its accounts are made only where the data is made up.
"""

import asyncio
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from app.accounts import hashed
from app.clock import SystemClock
from app.config import Settings, settings
from app.serving import NotStarted, database, serve
from loaders.accounts import Accounts, Role
from loaders.postgres import Postgres
from resolvers.schema import ENTITIES
from sandbox.options import Options
from sandbox.running import Address, running

PASSWORD = "demo-password"  # noqa: S105 - of accounts that see made-up data only
DEFAULTS = {"RAKEN_REQUESTS_PER_SECOND": "100"}
"What differs from a server's defaults: the sandbox is in no hurry to be spared."


def demo(environment: Mapping[str, str]) -> None:
    """Serves on what the environment names, and on an embedded Postgres and a sandbox Raken for what it does not.

    Raises:
        WrongConfiguration: a variable is wrong.
        NotStarted: the sandbox, or the server, cannot start.
        EmbeddedUnavailable: no embedded Postgres can be had.
        SchemaMismatch: the schema cannot be brought to the code's.
    """
    given = {"JWT_SECRET": secrets.token_hex(32)} | {name: value for name, value in environment.items() if value}
    chosen = settings(given, ENTITIES.values())
    if "RAKEN_BASE_URL" in given:
        serve(chosen)
        return
    with database(chosen) as ready, _sandbox(chosen.sandbox_port) as raken:
        asyncio.run(_add_accounts(ready))
        variables = DEFAULTS | given | {"DATABASE_URL": ready.database_url} | raken.environment
        serve(settings(variables, ENTITIES.values()), words=_words(chosen, raken.url))


@contextmanager
def _sandbox(port: int) -> Iterator[Address]:
    with ExitStack() as stack:
        try:
            raken = stack.enter_context(running(Options(port=port)))
        except OSError as error:
            raise NotStarted(f"cannot listen on SANDBOX_PORT {port}: {error.strerror}") from None
        yield raken


async def _add_accounts(chosen: Settings) -> None:
    """Adds an account of each role, where there is none yet."""
    async with Postgres(chosen.database_url, SystemClock()) as postgres:
        accounts = Accounts(postgres)
        present = {account.email for account in await accounts.everyone()}
        for role in Role:
            if email(role) not in present:
                name = f"Demo {role.value.title()}"
                await accounts.add(email(role), role, name, password_hash=hashed(PASSWORD))


def email(role: Role) -> str:
    """The address of the demo account of a role."""
    return f"{role.value.lower()}@demo.example"


def _words(chosen: Settings, raken: str) -> str:
    people = ", ".join(email(role) for role in Role)
    return (
        f"\nRaken gateway   http://{chosen.host}:{chosen.port}/graphql\n"
        f"Sign in as      {people}\n"
        f"Password        {PASSWORD}\n"
        f"Sandbox Raken   {raken} (made-up data)\n"
        "Ctrl-C ends everything.\n\n"
    )

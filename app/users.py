"""`raken-gateway user`: local accounts, from the command line.

One rule: what a command changes it says in one line, and no word of it has a password.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from getpass import getpass

from app import serving
from app.accounts import hashed
from app.clock import SystemClock
from app.config import Settings
from app.embedded import embedded_or_running
from loaders import inputs
from loaders.accounts import Account, Accounts, Role
from loaders.errors import BadInput
from loaders.migrate import migrate
from loaders.postgres import Postgres

ROLES = [role.value for role in Role]
Act = Callable[[Accounts, argparse.Namespace], Awaitable[list[str]]]
"Does what was chosen, and answers its lines."


class NoPassword(Exception):
    """A password was to be had from standard input, and was not."""


def add_arguments(user: argparse.ArgumentParser) -> None:
    """The actions and their options."""
    actions = user.add_subparsers(required=True, metavar="ACTION")
    add = _action(actions, "add", _add, "make an account; its password is read from standard input", reads=True)
    add.add_argument("email", metavar="EMAIL", type=_email)
    add.add_argument("--role", required=True, choices=ROLES)
    add.add_argument("--name", help="the name to show (the email)")
    _action(actions, "list", _list, "a line an account: email, role, active or deactivated, name; tabs between")
    deactivate = _action(actions, "deactivate", _deactivate, "shut somebody out, and end their sessions")
    activate = _action(actions, "activate", _activate, "let somebody sign in again")
    password = _action(actions, "password", _password, "replace a password, as add reads it; ends sessions", reads=True)
    role = _action(actions, "role", _role, "give somebody another role")
    for action in (deactivate, activate, password, role):
        action.add_argument("email", metavar="EMAIL")
    role.add_argument("--role", required=True, choices=ROLES)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    act: Act,
    help_: str,
    *,
    reads: bool = False,
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=help_, description=help_)
    action.set_defaults(act=act, reads=reads)
    return action


def _email(text: str) -> str:
    try:
        return inputs.email("EMAIL", text.strip())
    except BadInput as error:
        # argparse names the argument itself.
        raise argparse.ArgumentTypeError(str(error).removeprefix("EMAIL: ")) from None


def run(chosen: argparse.Namespace, given: Settings) -> list[str]:
    """Does what was chosen, and answers what there is to say, line by line.

    Raises:
        NoPassword: the line is empty that was to have one.
    """
    if chosen.reads:
        chosen.password_hash = hashed(_typed())
    return asyncio.run(_done(chosen, given))


def _typed() -> str:
    typed = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise NoPassword("expected a password on standard input, got nothing")
    return typed


async def _done(chosen: argparse.Namespace, given: Settings) -> list[str]:
    async with _accounts(given) as accounts:
        lines: list[str] = await chosen.act(accounts, chosen)
        return lines


@asynccontextmanager
async def _accounts(given: Settings) -> AsyncIterator[Accounts]:
    """The accounts of the database that is configured, or of the embedded one, running or not."""
    if not given.database_url:
        async with embedded_or_running(given.data_dir) as dsn, _accounts(given.on(dsn)) as accounts:
            yield accounts
        return
    if given.migrates:
        await migrate(given.database_url)
    await serving.check(given.database_url)
    async with Postgres(given.database_url, SystemClock()) as postgres:
        yield Accounts(postgres)


async def _add(accounts: Accounts, chosen: argparse.Namespace) -> list[str]:
    added = await accounts.add(chosen.email, Role(chosen.role), chosen.name, password_hash=chosen.password_hash)
    return [f"{added.email} may sign in as {added.role.value}"]


async def _list(accounts: Accounts, _chosen: argparse.Namespace) -> list[str]:
    return [_line(account) for account in await accounts.everyone()]


def _line(account: Account) -> str:
    standing = "active" if account.active else "deactivated"
    cells = (account.email, account.role.value, standing, account.display_name)
    return "\t".join("".join(one if one.isprintable() else "\ufffd" for one in cell) for cell in cells)


async def _deactivate(accounts: Accounts, chosen: argparse.Namespace) -> list[str]:
    account = await accounts.deactivate(chosen.email)
    return [f"{account.email} may no longer sign in, and its sessions have ended"]


async def _activate(accounts: Accounts, chosen: argparse.Namespace) -> list[str]:
    account = await accounts.activate(chosen.email)
    return [f"{account.email} may sign in as {account.role.value}"]


async def _password(accounts: Accounts, chosen: argparse.Namespace) -> list[str]:
    account = await accounts.change_password(chosen.email, chosen.password_hash)
    return [f"{account.email} has a new password, and its sessions have ended"]


async def _role(accounts: Accounts, chosen: argparse.Namespace) -> list[str]:
    account = await accounts.change_role(chosen.email, Role(chosen.role))
    return [f"{account.email} has the role {account.role.value}"]

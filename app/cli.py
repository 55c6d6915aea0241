"""`raken-gateway`: every command there is, and the exit codes: 0 fine, 1 failed, 2 wrong use or configuration."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import sandbox.main
from app import papers, serving, users
from app.accounts import Tokens
from app.clock import SystemClock
from app.config import Settings, WrongConfiguration, settings
from app.demo import demo
from app.embedded import EmbeddedUnavailable, embedded_or_running
from app.logs import configure
from loaders.accounts import Role
from loaders.errors import GatewayError
from loaders.migrate import SchemaMismatch, migrate
from resolvers.graph import sdl
from resolvers.schema import ENTITIES

FAILED, WRONG = 1, 2
TOKEN = timedelta(hours=1)
ANY_SECRET = "no token is signed or read by this command"  # noqa: S105 - it stands where none is needed


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command, and exits with its code."""
    chosen = parser().parse_args(arguments)
    configure()
    try:
        chosen.run(chosen)
    except (WrongConfiguration, EmbeddedUnavailable, users.NoPassword) as error:
        _end(str(error), WRONG)
    except (GatewayError, SchemaMismatch, serving.NotStarted, OSError) as error:
        _end(str(error), FAILED)
    except KeyboardInterrupt:
        sys.exit(0)


def _end(message: str, code: int) -> None:
    print(message, file=sys.stderr)  # noqa: T201 - a command's words are for its terminal
    sys.exit(code)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    whole = argparse.ArgumentParser(prog="raken-gateway", description="One graph over Raken's data and ASR's own.")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "run", run, "everything on embedded defaults: Postgres, a sandbox Raken, demo accounts")
    serve = _add(commands, "serve", run_server, "the server alone, configured by the environment")
    serve.add_argument("--host", help="the address to listen on (HOST, 127.0.0.1)")
    serve.add_argument("--port", help="the port to listen on (PORT, 8000)")
    serve.add_argument("--workers", type=_count, default=1, help="how many processes (1)")
    sandbox.main.add_arguments(_add(commands, "sandbox", run_sandbox, "a simulated Raken alone"))
    _add(commands, "migrate", run_migrate, "bring the database's schema to the newest")
    users.add_arguments(_add(commands, "user", run_user, "local accounts"))
    token = _add(commands, "token", run_token, "print a token of one hour, signed with JWT_SECRET")
    token.add_argument("--role", required=True, choices=users.ROLES)
    token.add_argument("--sub", default="command-line", help="whose it is (command-line)")
    export = _add(commands, "export-schema", run_export, "write schema.graphql")
    export.add_argument("--output", type=Path, default=Path("schema.graphql"), help="the file (schema.graphql)")
    entities = _add(commands, "export-entities", run_entities, "write docs/entities.md")
    entities.add_argument("--output", type=Path, default=Path("docs/entities.md"), help="the file (docs/entities.md)")
    return whole


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    help_: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help_, description=help_)
    command.set_defaults(run=run)
    return command


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {number}")
    return number


def _settings(**given: str | None) -> Settings:
    """The environment's settings, with what the command line gives in its place."""
    over = {name: value for name, value in given.items() if value is not None}
    return settings({**os.environ, **over}, ENTITIES.values())


def run(_: argparse.Namespace) -> None:
    """`make run`."""
    demo(os.environ)


def run_server(chosen: argparse.Namespace) -> None:
    """The server alone."""
    serving.serve(_settings(HOST=chosen.host, PORT=chosen.port), chosen.workers)


def run_sandbox(chosen: argparse.Namespace) -> None:
    """The sandbox alone."""
    sandbox.main.serve(sandbox.main.options(chosen))


def run_migrate(_: argparse.Namespace) -> None:
    """The database's schema to the newest."""
    print("\n".join(asyncio.run(_migrate(_unsigned()))) or "nothing to do: the newest schema")  # noqa: T201 - its words


def run_user(chosen: argparse.Namespace) -> None:
    """Local accounts."""
    for line in users.run(chosen, _unsigned()):
        print(line)  # noqa: T201 - its words


def run_token(chosen: argparse.Namespace) -> None:
    """A token to try things with."""
    if not chosen.sub.strip():
        _end("expected --sub to name somebody, got nothing", WRONG)
    given = _settings()
    signer = Tokens(given.jwt_secret.get_secret_value(), given.jwt_audience, SystemClock())
    print(signer.sign(chosen.sub, Role(chosen.role), TOKEN)[0])  # noqa: T201 - its words


def run_export(chosen: argparse.Namespace) -> None:
    """schema.graphql."""
    chosen.output.write_text(sdl(), "utf-8")


def run_entities(chosen: argparse.Namespace) -> None:
    """docs/entities.md."""
    chosen.output.write_text(papers.entities(), "utf-8")


def _unsigned() -> Settings:
    return _settings(JWT_SECRET=os.environ.get("JWT_SECRET") or ANY_SECRET)


async def _migrate(given: Settings) -> list[str]:
    if given.database_url:
        return await migrate(given.database_url)
    async with embedded_or_running(given.data_dir) as dsn:
        return await migrate(dsn)

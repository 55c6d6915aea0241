"""The command line: what each command prints, and its exit code: 0 fine, 1 failed, 2 wrong use or configuration."""

import asyncio
import io
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from app import cli
from app.accounts import _verified
from app.clock import SystemClock
from loaders.accounts import Account, Accounts, Role
from loaders.migrate import migrations
from loaders.postgres import Postgres
from resolvers.schema import ENTITIES
from tests.integration.conftest import Line
from tests.integration.door import SECRET

NOWHERE = "postgresql://ann@127.0.0.1:1/asr"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable of the gateway's, and the log and the signals left as they were."""
    for name in ("DATABASE_URL", "DATA_DIR", "JWT_AUDIENCE", "AUTO_MIGRATE", "PORT", "HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JWT_SECRET", SECRET)
    monkeypatch.setattr(cli, "configure", lambda: None)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def ended(*arguments: str) -> object:
    """The code with which a command ends the process; 0 where it just returns."""
    try:
        cli.main(arguments)
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("serve", "--colour", "red"),
        ("serve", "--workers", "0"),
        ("serve", "--workers", "many"),
        ("sandbox", "--port", "-1"),
        ("token",),
        ("token", "--role", "OWNER"),
        ("user",),
        ("user", "remove", "ann@asr.example", "--role", "ADMIN"),
        ("user", "add", "ann@asr.example"),
        ("user", "add", "ann@asr.example", "--role", "admin"),
        ("user", "add", "--role", "ADMIN"),
        ("user", "add", "ann", "--role", "ADMIN"),
        ("user", "add", " ", "--role", "ADMIN"),
        ("user", "add", "ann@asr.example", "bob@asr.example", "--role", "ADMIN"),
        ("user", "list", "ann@asr.example"),
        ("user", "deactivate"),
        ("user", "activate"),
        ("user", "password"),
        ("user", "role", "ann@asr.example"),
        ("user", "role", "ann@asr.example", "--role", "OWNER"),
    ],
    ids=" ".join,
)
def test_wrong_use_ends_with_2_and_says_what_was_expected(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert ended(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("usage: raken-gateway")
    assert "Traceback" not in told.err


@pytest.mark.parametrize("arguments", [("serve",), ("run",), ("migrate",), ("token", "--role", "ADMIN")])
def test_a_wrong_configuration_ends_with_2_and_a_line_for_each_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("RAKEN_DAILY_QUOTA", "-1")
    monkeypatch.setenv("RAKEN_CLIENT_SECRET", "canary")
    assert ended(*arguments) == 2
    told = capsys.readouterr()
    assert [line.partition(":")[0] for line in told.err.splitlines()] == [
        "RAKEN_DAILY_QUOTA",
        "PORT",
        "RAKEN_CLIENT_ID",
    ]
    assert "canary" not in told.err


def test_serve_needs_a_secret(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JWT_SECRET")
    assert ended("serve") == 2
    assert capsys.readouterr().err.startswith("JWT_SECRET: expected a secret of 32 bytes or more")


def test_what_the_command_line_gives_is_checked_as_the_variable_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("serve", "--port", "70000") == 2
    assert capsys.readouterr().err == "PORT: expected a port, 0 to 65535; got '70000'\n"


def test_serve_refuses_an_older_schema(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    for allowed in ("0", ""):
        monkeypatch.setenv("AUTO_MIGRATE", allowed)
        assert ended("serve", "--port", "0") == 1
        told = capsys.readouterr().err
        assert told.startswith("expected the newest schema in DATABASE_URL, but it lacks 0001_")
        assert told.endswith("Run `raken-gateway migrate`, or set AUTO_MIGRATE=1.\n")


def test_serve_says_so_where_its_port_is_taken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: Line
) -> None:
    monkeypatch.setenv("DATABASE_URL", line.dsn)
    monkeypatch.setenv("AUTO_MIGRATE", "0")
    # The line itself listens there.
    assert ended("serve", "--port", line.dsn.split(":")[-1].partition("/")[0]) == 1
    assert "cannot listen on HOST 127.0.0.1, PORT" in capsys.readouterr().err


def test_migrate_says_what_it_did_and_that_there_is_nothing_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("JWT_SECRET")
    assert ended("migrate") == 0
    assert capsys.readouterr().out.splitlines() == [step.name for step in migrations()]
    assert ended("migrate") == 0
    assert capsys.readouterr().out == "nothing to do: the newest schema\n"


@pytest.mark.parametrize(
    "arguments",
    [("migrate",), ("user", "add", "ann@asr.example", "--role", "ADMIN"), ("user", "list")],
    ids=" ".join,
)
def test_with_postgres_away_a_command_fails_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", NOWHERE)
    typed(monkeypatch, "secret\n")
    assert ended(*arguments) == 1
    assert capsys.readouterr().err.startswith("Postgres is away")


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def add(monkeypatch: pytest.MonkeyPatch, email: str, password: str, *more: str) -> object:
    typed(monkeypatch, password)
    return ended("user", "add", email, "--role", "PAYROLL", *more)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, database_url: str) -> str:
    """The DSN of a database that the commands use and bring to the newest schema."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUTO_MIGRATE", "1")
    monkeypatch.delenv("JWT_SECRET")
    return database_url


def kept(database_url: str, email: str) -> tuple[Account, str]:
    """An account, and its password's hash."""

    async def secret() -> tuple[Account, str] | None:
        async with Postgres(database_url, SystemClock()) as postgres:
            return await Accounts(postgres).secret(email)

    found = asyncio.run(secret())
    assert found is not None
    return found


def test_user_add_makes_an_account_that_may_sign_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    password = " p\u00e4ss word "
    assert add(monkeypatch, " Ann@asr.example ", f"{password}\r\nmore\n", "--name", "Ann Lee") == 0
    told = capsys.readouterr()
    assert told.out == "Ann@asr.example may sign in as PAYROLL\n"
    assert password not in told.out + told.err
    assert add(monkeypatch, "ann@ASR.example", "another\n") == 1
    assert capsys.readouterr().err == "email: expected a new one, got ann@ASR.example, which has an account\n"
    assert add(monkeypatch, "bob@asr.example", "\n") == 2
    assert capsys.readouterr().err == "expected a password on standard input, got nothing\n"


def test_user_add_says_what_an_address_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("user", "add", "ann lee@asr.example", "--role", "ADMIN") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("raken-gateway user add: error: argument EMAIL: expected an address like name@")
    assert said.endswith("got 'ann lee@asr.example'")


def test_the_password_that_was_typed_is_the_one_that_signs_in(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    assert add(monkeypatch, "ann@asr.example", "secret\n") == 0
    account, hash_ = kept(database, "ann@asr.example")
    assert (account.display_name, account.role) == ("ann@asr.example", Role.PAYROLL)
    assert hash_.startswith("$argon2id$")
    assert _verified(hash_, "secret")
    assert not _verified(hash_, "secret ")


def test_user_list_has_a_line_for_each_account_in_the_order_of_their_emails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    assert ended("user", "list") == 0
    assert capsys.readouterr().out == ""
    for email, name in (
        ("cho@asr.example", "Cho\n\x1b[2J"),
        ("Bob@asr.example", "Bob"),
        ("ann@asr.example", "Ann Lee"),
    ):
        assert add(monkeypatch, email, "secret\n", "--name", name) == 0
    assert ended("user", "deactivate", "bob@asr.example") == 0
    capsys.readouterr()
    assert ended("user", "list") == 0
    assert capsys.readouterr().out == (
        "ann@asr.example\tPAYROLL\tactive\tAnn Lee\n"
        "Bob@asr.example\tPAYROLL\tdeactivated\tBob\n"
        "cho@asr.example\tPAYROLL\tactive\tCho\ufffd\ufffd[2J\n"
    )


def test_each_change_of_an_account_says_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    add(monkeypatch, "Ann@asr.example", "secret\n")
    capsys.readouterr()
    typed(monkeypatch, "another\n")
    said = {
        ("deactivate",): "Ann@asr.example may no longer sign in, and its sessions have ended\n",
        ("activate",): "Ann@asr.example may sign in as PAYROLL\n",
        ("role", "--role", "ADMIN"): "Ann@asr.example has the role ADMIN\n",
        ("password",): "Ann@asr.example has a new password, and its sessions have ended\n",
    }
    for (action, *more), line in said.items():
        assert ended("user", action, " ann@ASR.example", *more) == 0
        assert capsys.readouterr().out == line
    account, hash_ = kept(database, "ann@asr.example")
    assert (account.role, account.active) == (Role.ADMIN, True)
    assert _verified(hash_, "another")


@pytest.mark.parametrize(
    "arguments",
    [("deactivate",), ("activate",), ("role", "--role", "ADMIN"), ("password",)],
    ids=lambda arguments: arguments[0],
)
def test_an_account_that_there_is_not_is_said_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: str, arguments: tuple[str, ...]
) -> None:
    action, *more = arguments
    typed(monkeypatch, "secret\n")
    assert ended("user", action, "ann@asr.example", *more) == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "email: expected one that has an account, got 'ann@asr.example'\n")


def test_another_password_that_is_none_is_refused_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    add(monkeypatch, "ann@asr.example", "secret\n")
    before = kept(database, "ann@asr.example")
    typed(monkeypatch, "")
    assert ended("user", "password", "ann@asr.example") == 2
    assert capsys.readouterr().err == "expected a password on standard input, got nothing\n"
    assert kept(database, "ann@asr.example") == before


def test_user_add_refuses_an_older_schema(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert add(monkeypatch, "ann@asr.example", "secret\n") == 1
    assert "Run `raken-gateway migrate`" in capsys.readouterr().err


def test_a_token_is_of_one_hour_and_says_what_was_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ended("token", "--role", "PAYROLL", "--sub", "ann@asr.example") == 0
    claims = jwt.decode(capsys.readouterr().out.strip(), SECRET, algorithms=["HS256"])
    left = claims.pop("exp") - datetime.now(UTC).timestamp()
    assert claims.pop("jti")
    assert claims == {"sub": "ann@asr.example", "role": "PAYROLL"}
    assert 3_590 < left <= 3_600
    monkeypatch.setenv("JWT_AUDIENCE", "raken-gateway")
    assert ended("token", "--role", "ADMIN") == 0
    token = capsys.readouterr().out.strip()
    assert jwt.decode(token, SECRET, algorithms=["HS256"], audience="raken-gateway")["role"] == "ADMIN"


def test_export_schema_writes_the_schema_that_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ended("export-schema") == 0
    written = (tmp_path / "schema.graphql").read_text("utf-8")
    assert written == (ROOT / "schema.graphql").read_text("utf-8")
    assert all(name in written for name in ENTITIES)
    assert ended("export-schema", "--output", str(tmp_path / "nowhere" / "schema.graphql")) == 1

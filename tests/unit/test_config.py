"""The environment: what each variable takes, every wrong one told at once, and no secret among the words."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from app.config import Settings, WrongConfiguration, settings
from resolvers.schema import ENTITIES

SECRET = "s" * 32
LEAST = {"JWT_SECRET": SECRET}
OAUTH = {"RAKEN_CLIENT_ID": "id", "RAKEN_CLIENT_SECRET": "hush"}

# The contract's table, with a value that is not the default for each.
CONTRACT = {
    "RAKEN_BASE_URL": "http://127.0.0.1:1/api",
    "RAKEN_TOKEN_URL": "http://127.0.0.1:1/oauth/token",
    "RAKEN_AUTHORIZE_URL": "http://127.0.0.1:1/oauth/authorize",
    "RAKEN_CLIENT_ID": "id",
    "RAKEN_CLIENT_SECRET": "hush",
    "RAKEN_REFRESH_TOKEN": "refresh",
    "TOKEN_KEYS": "new, old",
    "RAKEN_REQUESTS_PER_SECOND": "2.5",
    "RAKEN_DAILY_QUOTA": "1000",
    "RAKEN_TIMEOUT_SECONDS": "3",
    "DATABASE_URL": "postgresql://ann@127.0.0.1:5433/asr",
    "AUTO_MIGRATE": "1",
    "DATA_DIR": "elsewhere",
    "REDIS_URL": "redis://127.0.0.1",
    "JWT_SECRET": SECRET,
    "JWT_AUDIENCE": "gateway",
    "JWKS_URL": "https://idp.example/keys",
    "RATE_LIMIT_PER_MINUTE": "100",
    **{f"TTL_{name}": "60" for name in ENTITIES},
    "STALE_WHILE_REVALIDATE_SECONDS": "0",
    "MAX_STALE_SECONDS": "60",
    "QUERY_DEADLINE_SECONDS": "4",
    "COMPANY_TIME_ZONE": "America/Denver",
    "ANSWER_CACHE_MB": "1",
    "SLICE_CACHE_MB": "1",
    "CORS_ORIGINS": "https://a.example, http://localhost:3000",
    "PUBLIC_URL": "https://raken.asr.example",
    "HOST": "0.0.0.0",
    "PORT": "9000",
}


def configured(environment: Mapping[str, str]) -> Settings:
    return settings(environment, ENTITIES.values())


def lines(**given: str) -> list[str]:
    """The lines with which an environment is refused."""
    with pytest.raises(WrongConfiguration) as wrong:
        configured(LEAST | given)
    assert str(wrong.value) == "\n".join(wrong.value.lines)
    return wrong.value.lines


def test_trusted_documents_are_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text('{"a": "{ me { id } }"}')
    assert configured(LEAST | {"TRUSTED_DOCUMENTS": str(file)}).trusted_documents == {"a": "{ me { id } }"}
    file.write_text("{")
    words = "the path of a manifest of documents, Apollo's or Relay's"
    assert lines(TRUSTED_DOCUMENTS=str(file)) == [f"TRUSTED_DOCUMENTS: expected {words}; got '{file}': it is not JSON"]


@pytest.mark.parametrize("variable", CONTRACT)
def test_every_variable_of_the_contract_changes_something(variable: str) -> None:
    needed = LEAST | (OAUTH if variable.startswith(("RAKEN_CLIENT", "RAKEN_REFRESH")) else {})
    before = configured(
        needed | {variable: {"JWT_SECRET": "t" * 32}.get(variable, "")} if variable not in OAUTH else LEAST
    )
    assert configured(needed | {variable: CONTRACT[variable]}) != before


def test_every_variable_of_the_contract_can_be_set_at_once() -> None:
    chosen = configured(CONTRACT)
    assert chosen.cors_origins == ("https://a.example", "http://localhost:3000")
    assert [key.get_secret_value() for key in chosen.token_keys] == ["new", "old"]
    assert chosen.lifetime(ENTITIES["PROJECTS"]).ttl == 60


def test_the_defaults_are_the_contracts() -> None:
    chosen = configured(LEAST)
    ttls = {name: chosen.lifetime(entity).ttl for name, entity in ENTITIES.items()}
    hour = 3600
    assert ttls == {
        "PROJECTS": hour,
        "MEMBERS": hour,
        "TIME_CARDS": 300,
        "WORK_LOGS": 300,
        "EQUIPMENT": 4 * hour,
        "EQUIPMENT_LOGS": 4 * hour,
        "MATERIALS": hour,
        "MATERIAL_LOGS": hour,
        "DAILY_REPORTS": hour / 2,
        "OBSERVATIONS": hour / 2,
        "CLASSIFICATIONS": 4 * hour,
        "COST_CODES": 4 * hour,
        "PAY_TYPES": 4 * hour,
    }
    lifetime = chosen.lifetime(ENTITIES["TIME_CARDS"])
    assert (lifetime.stale_while_revalidate, lifetime.max_stale) == (300, 604_800)
    assert chosen.raken_base_url == "https://developer.rakenapp.com/api"
    assert (chosen.raken_requests_per_second, chosen.raken_daily_quota, chosen.raken_timeout_seconds) == (5, None, 10)
    assert (chosen.query_deadline_seconds, chosen.company_time_zone) == (8, "UTC")
    assert (chosen.host, chosen.port, chosen.sandbox_port) == ("127.0.0.1", 8000, 8001)
    assert (str(chosen.data_dir), chosen.database_url, chosen.migrates) == (".data", "", True)


def test_a_database_that_is_named_is_migrated_only_where_that_is_said() -> None:
    named = LEAST | {"DATABASE_URL": "postgresql:///asr"}
    assert not configured(named).migrates
    assert configured(named | {"AUTO_MIGRATE": "1"}).migrates
    assert not configured(LEAST | {"AUTO_MIGRATE": "0"}).migrates


def test_an_empty_variable_counts_as_left_out() -> None:
    assert configured({**dict.fromkeys(CONTRACT, ""), **LEAST}) == configured(LEAST)


def test_without_a_secret_nothing_starts_and_the_line_says_how_to_make_one() -> None:
    for environment in ({}, {"JWT_SECRET": ""}):
        with pytest.raises(WrongConfiguration) as wrong:
            configured(environment)
        assert wrong.value.lines == [
            "JWT_SECRET: expected a secret of 32 bytes or more; one comes from: openssl rand -hex 32; it is not set"
        ]


WRONG = {
    "RAKEN_BASE_URL": "developer.rakenapp.com",
    "RAKEN_TOKEN_URL": "ftp://x",
    "RAKEN_AUTHORIZE_URL": "http://",
    "RAKEN_REQUESTS_PER_SECOND": "0",
    "RAKEN_DAILY_QUOTA": "-1",
    "RAKEN_TIMEOUT_SECONDS": "nan",
    "DATABASE_URL": "mysql://ann:hunter2@db/asr",
    "AUTO_MIGRATE": "yes",
    "JWT_SECRET": "too-short-hunter2",
    "TTL_PROJECTS": "-1",
    "TTL_TIME_CARDS": "soon",
    "TTL_TIMECARDS": "60",
    "SCOPE_WORK_LOGS": "planet",
    "STALE_WHILE_REVALIDATE_SECONDS": "inf",
    "MAX_STALE_SECONDS": "1 day",
    "QUERY_DEADLINE_SECONDS": "0",
    "COMPANY_TIME_ZONE": "Denver",
    "ANSWER_CACHE_MB": "-1",
    "SLICE_CACHE_MB": "much",
    "CORS_ORIGINS": "https://a.example/path",
    "PUBLIC_URL": "raken.asr.example",
    "PORT": "65536",
    "SANDBOX_PORT": "http",
    "JWKS_URL": "idp.example/keys",
    "TRUSTED_DOCUMENTS": "manifest.json",
    "RATE_LIMIT_PER_MINUTE": "-1",
}


@pytest.mark.parametrize("variable", WRONG)
def test_a_wrong_variable_gives_one_line_that_names_it(variable: str) -> None:
    (line,) = lines(**{variable: WRONG[variable]})
    assert line.startswith(f"{variable}: ")
    assert "expected " in line


def test_all_wrong_variables_are_told_at_once() -> None:
    told = lines(**WRONG, RAKEN_CLIENT_ID="id")
    assert {line.partition(":")[0] for line in told} == {*WRONG, "RAKEN_CLIENT_SECRET"}
    assert len(told) == len(WRONG) + 1


def test_a_line_shows_what_came_unless_it_may_be_a_secret() -> None:
    assert lines(PORT="70000") == ["PORT: expected a port, 0 to 65535; got '70000'"]
    assert "hunter2" not in "".join(lines(**WRONG))
    assert lines(DATABASE_URL="mysql://ann:hunter2@db/asr") == [
        "DATABASE_URL: expected the address of a Postgres: postgresql://…, or nothing"
    ]


def test_settings_that_are_shown_show_no_secret() -> None:
    secrets = {
        "JWT_SECRET": "canary-of-thirty-two-bytes-at-least",
        "RAKEN_CLIENT_ID": "id",
        "RAKEN_CLIENT_SECRET": "canary",
        "RAKEN_REFRESH_TOKEN": "canary",
        "TOKEN_KEYS": "canary,canary",
        "REDIS_URL": "redis://:canary@127.0.0.1",
        "DATABASE_URL": "postgresql://ann:canary@127.0.0.1/asr",
    }
    assert "canary" not in repr(configured(secrets)) + str(configured(secrets))


@pytest.mark.parametrize(
    ("given", "missing"),
    [({"RAKEN_CLIENT_ID": "id"}, "RAKEN_CLIENT_SECRET"), ({"RAKEN_CLIENT_SECRET": "hush"}, "RAKEN_CLIENT_ID")],
)
def test_an_oauth_app_has_an_id_and_a_secret_or_neither(given: dict[str, str], missing: str) -> None:
    (line,) = lines(**given)
    assert line.startswith(f"{missing}: expected ")
    assert line.endswith("; it is not set")


def test_a_refresh_token_is_of_an_oauth_app_that_is_named_too() -> None:
    told = lines(RAKEN_REFRESH_TOKEN="refresh")
    assert [line.partition(":")[0] for line in told] == ["RAKEN_CLIENT_ID", "RAKEN_CLIENT_SECRET"]
    assert all(line.endswith("; it is not set") for line in told)


def test_token_keys_have_a_key() -> None:
    assert lines(TOKEN_KEYS=" , ") == ["TOKEN_KEYS: expected comma-separated texts; the first encrypts, all decrypt"]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://h:port/asr",
        "postgresql://h:0/asr",
        "postgresql://h:99999/asr",
        "postgresql://[::1/asr",
        "asr",
        "h:5432",
    ],
)
def test_a_database_whose_address_is_none_is_refused_before_anything_starts(address: str) -> None:
    assert len(lines(DATABASE_URL=address)) == 1


@pytest.mark.parametrize(
    "address",
    [
        "postgresql:///asr?host=/tmp",
        "postgres://ann:p%40ss@[::1]:5433/asr",
        "postgresql://a,b:5433/asr",
        "postgresql://",
    ],
)
def test_a_database_may_be_named_in_all_the_ways_of_postgres(address: str) -> None:
    assert configured(LEAST | {"DATABASE_URL": address}).database_url == address


@pytest.mark.parametrize("variable", ["RAKEN_BASE_URL", "PUBLIC_URL"])
def test_an_address_may_end_in_a_slash(variable: str) -> None:
    with_, without = ({variable: f"https://raken.example/api{end}"} for end in ("/", ""))
    assert configured(LEAST | with_) == configured(LEAST | without)

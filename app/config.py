"""Settings, from the environment that is handed in; every problem is reported at once.

One rule: a wrong variable stops the start with one line that names it and what it takes, and never shows a secret.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_core import ErrorDetails

from app.limits import DEFAULTS, Limits
from app.manifest import WrongManifest, manifest
from loaders.entity import Entity, Scope
from loaders.freshness import Lifetime

T = TypeVar("T")
SECRET_BYTES = 32
ORIGIN = re.compile(r"\*|https?://[^/\s]+")
PREFIXES = {"ttls": "TTL_", "scopes": "SCOPE_"}
"The variables of a field that has one for each entity."
SECRETS = ("DATABASE_URL",)
"Variables whose values may hold a secret, beside those that are one."


class WrongConfiguration(Exception):
    """The environment cannot be used; `lines` has one line a wrong variable."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)
        super().__init__("\n".join(self.lines))


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _url(value: str) -> str:
    AnyHttpUrl(value)
    return value.rstrip("/")


def _origin(value: str) -> str:
    if not ORIGIN.fullmatch(value):
        raise ValueError("not an origin")
    return value


def _dsn(value: str) -> str:
    where = urlsplit(value)
    if where.scheme not in ("", "postgres", "postgresql") or (value and not where.scheme) or where.port == 0:
        raise ValueError("not the address of a Postgres")
    return value


def _redis(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url and urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("not the address of a Redis")
    return value


def _long(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().encode()) < SECRET_BYTES:
        raise ValueError("too short")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("unknown zone") from None
    return value


def _trusted(value: object) -> object:
    return manifest(Path(value)) if isinstance(value, str) else value


Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_listed)]
Url = Annotated[str, AfterValidator(_url)]
Most = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(BaseModel):
    """What an operator can set; a field's description says what its variable takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    raken_base_url: Url = Field("https://developer.rakenapp.com/api", description="an http or https address")
    raken_token_url: Url = Field("https://app.rakenapp.com/oauth/token", description="an http or https address")
    raken_authorize_url: Url = Field("https://app.rakenapp.com/oauth/authorize", description="an http or https address")
    raken_client_id: str = Field("", description="the id of the OAuth app, together with RAKEN_CLIENT_SECRET")
    raken_client_secret: SecretStr = Field(
        SecretStr(""), description="the secret of the OAuth app, together with RAKEN_CLIENT_ID"
    )
    raken_refresh_token: SecretStr = Field(SecretStr(""), description="a refresh token of the OAuth app")
    token_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)] = Field(
        (), min_length=1, description="comma-separated texts; the first encrypts, all decrypt"
    )
    raken_requests_per_second: float = Field(5, gt=0, allow_inf_nan=False, description="a number above 0")
    raken_daily_quota: int | None = Field(None, ge=0, description="a whole number, 0 or more")
    raken_timeout_seconds: float = Field(10, gt=0, allow_inf_nan=False, description="seconds, above 0")
    database_url: Annotated[str, AfterValidator(_dsn)] = Field(
        "", repr=False, description="the address of a Postgres: postgresql://…, or nothing"
    )
    auto_migrate: Literal["", "0", "1"] = Field("", description="0 or 1")
    data_dir: Path = Field(Path(".data"), description="a directory")
    jwt_secret: Annotated[SecretStr, AfterValidator(_long)] = Field(
        description=f"a secret of {SECRET_BYTES} bytes or more; one comes from: openssl rand -hex 32"
    )
    jwt_audience: str = Field("", description="the audience that tokens name")
    jwks_url: Annotated[str, AfterValidator(lambda value: value and _url(value))] = Field(
        "", description="the http or https address of an identity provider's keys, or nothing"
    )
    rate_limit_per_minute: int = Field(0, ge=0, description="a whole number, 0 or more; 0 is off")
    stale_while_revalidate_seconds: Seconds | None = Field(None, description="seconds, 0 or more")
    max_stale_seconds: Seconds = Field(604_800, description="seconds, 0 or more")
    query_deadline_seconds: float = Field(8, gt=0, allow_inf_nan=False, description="seconds, above 0")
    delta: Literal["0", "1"] = Field("1", description="0 or 1")
    company_time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="a zone of the IANA database, like America/Denver"
    )
    redis_url: Annotated[SecretStr, AfterValidator(_redis)] = Field(
        SecretStr(""), description="the address of a Redis or Valkey: redis://…, rediss://… or unix://…, or nothing"
    )
    answer_cache_mb: float = Field(
        64, ge=0, allow_inf_nan=False, description="megabytes, 0 or more; this version keeps no answers"
    )
    slice_cache_mb: float = Field(512, ge=0, allow_inf_nan=False, description="megabytes, 0 or more")
    trusted_documents: Annotated[Mapping[str, str] | None, BeforeValidator(_trusted)] = Field(
        None, repr=False, description="the path of a manifest of documents, Apollo's or Relay's"
    )
    public_url: Annotated[str, AfterValidator(lambda value: value and _url(value))] = Field(
        "", description="the http or https address that people see, or nothing"
    )
    cors_origins: Origins = Field((), description="comma-separated origins, like https://dashboard.example")
    max_body_bytes: Most = Field(DEFAULTS.body_bytes, description="bytes, 1 or more")
    max_tokens: Most = Field(DEFAULTS.tokens, description="a whole number, 1 or more")
    max_depth: Most = Field(DEFAULTS.depth, description="a whole number, 1 or more")
    max_aliases: Most = Field(DEFAULTS.aliases, description="a whole number, 1 or more")
    max_directives: Most = Field(DEFAULTS.directives, description="a whole number, 1 or more")
    max_fields: Most = Field(DEFAULTS.fields, description="a whole number, 1 or more")
    max_cost: Most = Field(DEFAULTS.cost, description="a whole number, 1 or more")
    host: str = Field("127.0.0.1", min_length=1, description="an address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="a port, 0 to 65535")
    sandbox_port: int = Field(8001, ge=0, le=65535, description="a port, 0 to 65535")
    ttls: Mapping[str, Seconds] = Field(default_factory=dict, description="seconds, 0 or more")
    scopes: Mapping[str, Scope] = Field(default_factory=dict, description="company, project or either")

    @property
    def https(self) -> bool:
        """Whether people come by it."""
        return self.public_url.startswith("https://")

    @property
    def origins(self) -> list[str]:
        """The origins of pages, beside those of the address that was asked, that a cookie signs in."""
        where = urlsplit(self.public_url)
        return [*self.cors_origins, *([f"{where.scheme}://{where.netloc}"] if self.public_url else [])]

    @property
    def limits(self) -> Limits:
        """The most that a request may have."""
        return Limits(**{name: getattr(self, f"max_{name}") for name in Limits._fields})

    @property
    def migrates(self) -> bool:
        """Whether the start brings the database's schema to the newest: as set, else where Postgres is embedded."""
        return self.auto_migrate == "1" or (self.auto_migrate == "" and not self.database_url)

    def on(self, dsn: str) -> "Settings":
        """The same on a Postgres that was started for it."""
        return self.model_copy(update={"database_url": dsn, "auto_migrate": "1" if self.migrates else "0"})

    def lifetime(self, entity: Entity[Any]) -> Lifetime:
        """How long an entity's slices live."""
        ttl = self.ttls.get(entity.name, entity.lifetime)
        revalidate = self.stale_while_revalidate_seconds
        return Lifetime(ttl, ttl if revalidate is None else revalidate, self.max_stale_seconds)


def settings(environment: Mapping[str, str], entities: Collection[Entity[Any]]) -> Settings:
    """The settings of an environment; an empty variable counts as left out.

    Raises:
        WrongConfiguration: one line a wrong variable.
    """
    given = {name: value for name, value in environment.items() if value != ""}
    names = [entity.name for entity in entities]
    located = [entity.name for entity in entities if "project" in entity.keys]
    values: dict[str, Any] = {name: given[name.upper()] for name in Settings.model_fields if name.upper() in given}
    values["ttls"] = {name: given[f"TTL_{name}"] for name in names if f"TTL_{name}" in given}
    values["scopes"] = {name: given[f"SCOPE_{name}"] for name in located if f"SCOPE_{name}" in given}
    lines = [*_halves(given), *_strangers(given, names)]
    try:
        chosen = Settings.model_validate(values)
    except ValidationError as error:
        lines = [*(_line(_variable(problem["loc"]), given) + _why(problem) for problem in error.errors()), *lines]
        raise WrongConfiguration(dict.fromkeys(lines)) from None
    if lines:
        raise WrongConfiguration(lines)
    return chosen


def _halves(given: Mapping[str, str]) -> Iterator[str]:
    """Lines for an OAuth app that lacks its id or its secret, or both where there is a refresh token of it."""
    pair = ("RAKEN_CLIENT_ID", "RAKEN_CLIENT_SECRET")
    if any(name in given for name in (*pair, "RAKEN_REFRESH_TOKEN")):
        yield from (_line(name, given) for name in pair if name not in given)


def _strangers(given: Mapping[str, str], entities: Iterable[str]) -> Iterator[str]:
    """Lines for a `TTL_` of an entity that there is not."""
    known = {f"TTL_{name}" for name in entities}
    for name in given:
        if name.startswith("TTL_") and name not in known:
            yield f"{name}: expected an entity that there is: {', '.join(sorted(known))}"


def _variable(location: Sequence[int | str]) -> str:
    """The variable that a value came from."""
    field = str(location[0])
    return PREFIXES[field] + str(location[1]) if field in PREFIXES else field.upper()


def _why(problem: ErrorDetails) -> str:
    """What is wrong with the file that a variable names; what is wrong with a value can be seen."""
    error = problem.get("ctx", {}).get("error")
    return f": {error}" if isinstance(error, WrongManifest) else ""


def _line(variable: str, given: Mapping[str, str]) -> str:
    """One line for one variable: what it takes, and what came unless that is a secret."""
    field = next((field for field, prefix in PREFIXES.items() if variable.startswith(prefix)), variable.lower())
    declared = Settings.model_fields[field]
    if variable not in given:
        return f"{variable}: expected {declared.description}; it is not set"
    secret = variable in SECRETS or "SecretStr" in str(declared.annotation)
    return f"{variable}: expected {declared.description}" + ("" if secret else f"; got {given[variable]!r}")

"""Who may ask what: strangers, bad tokens, accounts and the four roles."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from argon2 import PasswordHasher

from app.accounts import AT_ONCE, Claims, Tokens, hashed
from app.clock import SystemClock
from loaders.accounts import Account, Accounts, Role
from loaders.errors import Unauthenticated
from loaders.postgres import Postgres
from resolvers import context
from sandbox.running import Address
from tests.hands import Hands
from tests.integration.conftest import Line
from tests.integration.door import JSON, RESPONSE, ROLES, SECRET, Answer, Door, opened, token
from tests.waiting import GUARD

PASSWORD = "the password of ann's"
HASH = hashed(PASSWORD)
COSTS = HASH.index("$", len("$argon2id$v=19$"))
"Characters of a hash that say how it was made."
LOGIN = "mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { token } }"
HOUR = datetime.now(UTC) + timedelta(hours=1)

BAD_TOKENS = {
    "none": None,
    "not a token": "Bearer nonsense",
    "three parts of nothing": "Bearer a.b.c",
    "another scheme": "Basic YW5uOnBhc3N3b3Jk",
    "nothing after the scheme": "Bearer ",
    "ended": f"Bearer {token(exp=datetime.now(UTC) - timedelta(seconds=1))}",
    "an end in words": f"Bearer {token(exp='9999999999')}",
    "an end that is a truth": f"Bearer {token(exp=True)}",
    "an end that is no number": f"Bearer {token(exp=float('nan'))}",
    "not yet begun": f"Bearer {token(nbf=datetime.now(UTC) + timedelta(minutes=5))}",
    "another key": f"Bearer {token(secret='another-secret-of-thirty-two-bytes!')}",
    "unsigned": f"Bearer {jwt.encode({'sub': 'x', 'role': 'ADMIN', 'exp': HOUR}, '', algorithm='none')}",
    "no role": f"Bearer {token(role=None)}",
    "a role that there is not": f"Bearer {token(role='OWNER')}",
    "a role in small letters": f"Bearer {token(role='admin')}",
    "no end": f"Bearer {token(exp=None)}",
    "an end that is no time": f"Bearer {token(exp='tomorrow')}",
    "no subject": f"Bearer {token(sub=None)}",
    "an empty subject": f"Bearer {token(sub='')}",
    "a subject that is no text": f"Bearer {token(sub=7)}",  # type: ignore[arg-type]
}


def signed(value: str | None, accept: str = RESPONSE) -> dict[str, str]:
    return {"accept": accept, **({"authorization": value} if value is not None else {})}


def refused(answer: Answer) -> None:
    """Asserts that nobody was let in, and nothing was said of what was asked."""
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert [error["extensions"] for error in answer.errors] == [{"code": "UNAUTHENTICATED"}]
    assert set(answer.json) == {"errors"}
    assert "etag" not in answer.headers


async def account(home: str, role: Role, *, active: bool = True) -> Account:
    """A new account, whose email is in capitals."""
    async with Postgres(home, SystemClock()) as postgres:
        added = await Accounts(postgres).add(f"{uuid4().hex}@ASR.EXAMPLE", role, "Ann", password_hash=HASH)
    await decided(home, "UPDATE accounts SET active = $2 WHERE id = $1::text::uuid", added.id, active)
    return added


async def decided(home: str, change: str, *values: object) -> None:
    """Somebody changes an account in the database."""
    async with Postgres(home, SystemClock()) as postgres, postgres.asking() as connection:
        await connection.execute(change, *values)


async def test_a_token_with_everything_lets_in(door: Door) -> None:
    answer = await door.post({"query": "{ me { id } }"}, signed(f"Bearer {token(sub='ann')}"))
    assert (answer.status, answer.data) == (200, {"me": {"id": "ann"}})


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("accept", [JSON, RESPONSE])
@pytest.mark.parametrize("credentials", BAD_TOKENS.values(), ids=BAD_TOKENS)
async def test_who_has_no_good_token_is_told_401(door: Door, credentials: str | None, accept: str, method: str) -> None:
    query, headers = "{ me { id } }", signed(credentials, accept)
    answer = await (door.get(query, headers) if method == "GET" else door.post({"query": query}, headers))
    refused(answer)
    assert answer.media_type == accept


@pytest.mark.parametrize(
    "query",
    [
        "{ projects { nodes { nmae } } }",
        "{ nothingOfTheKind }",
        "{ __schema { types { name } } }",
        '{ __type(name: "Project") { name } }',
        "{ me { id }",
        "query A { __typename } query B { __typename }",
        "",
    ],
)
async def test_a_stranger_learns_nothing_of_the_schema(door: Door, query: str) -> None:
    refused(await door.post({"query": query}))


async def test_an_audience_that_is_set_is_asked_of_tokens(sandbox: Address, home: str) -> None:
    async with opened(sandbox, home, JWT_AUDIENCE="raken-gateway") as door:
        for claims in ({}, {"aud": "another"}, {"aud": ["another"]}):
            refused(await door.post({"query": "{ me { id } }"}, signed(f"Bearer {token(**claims)}")))
        for audience in ("raken-gateway", ["another", "raken-gateway"]):
            answer = await door.post({"query": "{ me { id } }"}, signed(f"Bearer {token(aud=audience)}"))
            assert answer.status == 200


async def test_the_right_key_lets_in_by_its_own_algorithm_alone(sandbox: Address, home: str) -> None:
    secret = SECRET * 2  # long enough for each of these
    async with opened(sandbox, home, JWT_SECRET=secret) as door:
        for algorithm, status in (("HS256", 200), ("HS384", 401), ("HS512", 401)):
            given = jwt.encode({"sub": "x", "role": "ADMIN", "exp": HOUR}, secret, algorithm)
            assert (await door.post({"query": "{ me { id } }"}, signed(f"Bearer {given}"))).status == status


FREE = {
    "{ __typename }": {"__typename": "Query"},
    "{ a: __typename b: __typename }": {"a": "Query", "b": "Query"},
    "{ ... { __typename } ... on Query { b: __typename } }": {"__typename": "Query", "b": "Query"},
    "{ ...F } fragment F on Query { __typename ...G } fragment G on Query { b: __typename }": {
        "__typename": "Query",
        "b": "Query",
    },
}


@pytest.mark.parametrize("credentials", [None, BAD_TOKENS["ended"], "Bearer nonsense"])
@pytest.mark.parametrize("query", FREE)
async def test_what_has_only_typename_and_login_at_its_root_runs_for_anyone(
    door: Door, query: str, credentials: str | None
) -> None:
    answer = await door.post({"query": query}, signed(credentials))
    assert (answer.status, answer.data) == (200, FREE[query])


@pytest.mark.parametrize(
    "query",
    [
        "{ __typename me { id } }",
        "{ __typename ... { me { id } } }",
        "{ __typename ...F } fragment F on Query { me { id } }",
        "{ ...F } fragment F on Query { __typename ...G } fragment G on Query { projects { totalCount } }",
        "{ login: me { id } }",
        "{ __typename: projects { totalCount } }",
        'mutation { login(email: "a", password: "b") { token } refresh { ok } }',
    ],
)
async def test_anything_else_at_the_root_takes_the_whole_operation_away_from_strangers(door: Door, query: str) -> None:
    refused(await door.post({"query": query}))


async def test_of_several_operations_the_one_that_is_named_decides_for_strangers(door: Door) -> None:
    query = "query Free { __typename } query Closed { me { id } }"
    answer = await door.post({"query": query, "operationName": "Free"})
    assert answer.data == {"__typename": "Query"}
    refused(await door.post({"query": query, "operationName": "Closed"}))
    refused(await door.post({"query": query}))


@pytest.mark.parametrize(
    "query",
    [
        "mutation { login(email: 1) { token secret } }",
        'mutation { login(email: "a", password: "b") { ... on Project { naem } } }',
        "query ($a: Projct) { __typename }",
        "{ __typename @guess }",
        "{ __typename } fragment F on Project { naem }",
    ],
)
async def test_a_strangers_invalid_operation_is_refused_without_a_hint(door: Door, query: str) -> None:
    answer = await door.post({"query": query}, signed(None))
    assert answer.status == 400
    assert answer.errors == [
        {
            "message": "the operation is not valid; sign in to hear why",
            "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
        }
    ]


async def test_the_accounts_role_holds_and_not_the_claims(door: Door, home: str) -> None:
    ann = await account(home, Role.VIEWER)
    for sub in (ann.id, ann.email, ann.email.lower(), ann.email.swapcase()):
        answer = await door.ask("{ me { id email role displayName active } upstreamStatus { circuit } }", sub=sub)
        me = {"id": ann.id, "email": ann.email, "role": "VIEWER", "displayName": "Ann", "active": True}
        assert answer.json["data"] == {"me": me, "upstreamStatus": None}
        assert answer.codes == {"upstreamStatus": "FORBIDDEN"}


async def test_a_subject_without_an_account_is_let_in_as_its_own_me(door: Door) -> None:
    answer = await door.ask("{ me { id email displayName role active } }", sub="Kim of payroll", role="PAYROLL")
    me = dict.fromkeys(("id", "email", "displayName"), "Kim of payroll")
    assert answer.data == {"me": {**me, "role": "PAYROLL", "active": True}}


async def test_a_deactivated_account_is_refused_whatever_its_token_says(door: Door, home: str) -> None:
    gone = await account(home, Role.ADMIN, active=False)
    for sub in (gone.id, gone.email.lower()):
        refused(await door.ask("{ me { id } }", sub=sub))


async def test_what_is_decided_of_an_account_counts_from_the_next_request_on(door: Door, home: str) -> None:
    ann = await account(home, Role.VIEWER)
    assert (await door.ask("{ me { role } }", sub=ann.id)).data == {"me": {"role": "VIEWER"}}
    await decided(home, "UPDATE accounts SET role = 'MANAGER' WHERE id = $1::text::uuid", ann.id)
    assert (await door.ask("{ me { role } }", sub=ann.id)).data == {"me": {"role": "MANAGER"}}
    await decided(home, "UPDATE accounts SET active = false WHERE id = $1::text::uuid", ann.id)
    refused(await door.ask("{ me { role } }", sub=ann.id))


async def test_an_account_that_postgres_cannot_name_now_keeps_the_role_it_had(
    sandbox: Address, home: str, line: Line
) -> None:
    async with opened(sandbox, line.dsn) as door:
        async with Postgres(line.dsn, SystemClock()) as postgres:
            ann = await Accounts(postgres).add("ann@asr.example", Role.VIEWER, password_hash=HASH)
        query = "{ me { role } }"
        assert (await door.ask(query, sub=ann.id)).data == {"me": {"role": "VIEWER"}}
        await line.cut()
        assert (await door.ask(query, sub=ann.id)).data == {"me": {"role": "VIEWER"}}


@asynccontextmanager
async def theirs(dsn: str) -> AsyncIterator[Accounts]:
    """The accounts as another process has them, a command, say."""
    async with Postgres(dsn, SystemClock()) as postgres:
        yield Accounts(postgres)


async def session(door: Door, account: Account, password: str = PASSWORD) -> dict[str, str]:
    """The headers of somebody who has signed in."""
    answer = await door.post({"query": LOGIN, "variables": {"email": account.email, "password": password}})
    return signed(f"Bearer {answer.data['login']['token']}")


ME = {"query": "{ me { id } }"}


async def test_another_password_ends_the_sessions_of_the_former_one_and_no_others(door: Door, home: str) -> None:
    ann, bob = await account(home, Role.ADMIN), await account(home, Role.ADMIN)
    former, bobs = await session(door, ann), await session(door, bob)
    async with theirs(home) as accounts:
        await accounts.change_password(ann.email, hashed("another password"))
    refused(await door.post(ME, former))
    assert (await door.post(ME, bobs)).data == {"me": {"id": bob.id}}
    assert (await door.post(ME, await session(door, ann, "another password"))).data == {"me": {"id": ann.id}}
    answer = await door.post({"query": LOGIN, "variables": {"email": ann.email, "password": PASSWORD}})
    assert answer.codes == {"login": "UNAUTHENTICATED"}


async def test_a_token_that_no_password_has_begun_outlasts_the_password(door: Door, home: str) -> None:
    ann = await account(home, Role.ADMIN)
    async with theirs(home) as accounts:
        await accounts.change_password(ann.email, hashed("another password"))
    for claims in ({}, {"iat": datetime.now(UTC) - timedelta(hours=1)}, {"session_number": "0"}):
        headers = signed(f"Bearer {token(sub=ann.email, **claims)}")
        assert (await door.post(ME, headers)).data == {"me": {"id": ann.id}}


async def test_a_session_that_was_ended_by_deactivating_does_not_come_back(door: Door, home: str) -> None:
    ann = await account(home, Role.ADMIN)
    before = await session(door, ann)
    async with theirs(home) as accounts:
        await accounts.deactivate(ann.email)
        refused(await door.post(ME, before))
        await accounts.activate(ann.email)
    refused(await door.post(ME, before))
    assert (await door.post(ME, await session(door, ann))).data == {"me": {"id": ann.id}}


async def test_another_role_holds_from_the_next_request_on_in_the_same_session(door: Door, home: str) -> None:
    ann = await account(home, Role.VIEWER)
    headers = await session(door, ann)
    async with theirs(home) as accounts:
        await accounts.change_role(ann.email, Role.ADMIN)
    assert (await door.post({"query": "{ me { role } }"}, headers)).data == {"me": {"role": "ADMIN"}}


async def test_a_session_of_a_password_that_is_replaced_while_it_is_checked_has_ended(
    door: Door, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await account(home, Role.ADMIN)
    checking, replaced = threading.Event(), threading.Event()
    verify = PasswordHasher.verify

    def slow(hasher: PasswordHasher, hash_: str, password: str) -> bool:
        checking.set()
        return replaced.wait(GUARD) and verify(hasher, hash_, password)

    monkeypatch.setattr(PasswordHasher, "verify", slow)
    signing_in = asyncio.create_task(session(door, ann))
    assert await asyncio.to_thread(checking.wait, GUARD)
    async with theirs(home) as accounts:
        await accounts.change_password(ann.email, hashed("another password"))
    replaced.set()
    refused(await door.post(ME, await signing_in))


async def test_what_is_changed_of_an_account_holds_in_an_outage_that_comes_before_its_next_request(
    sandbox: Address, line: Line, until: Callable[[Callable[[], bool]], Awaitable[None]]
) -> None:
    async with opened(sandbox, line.dsn) as door, theirs(line.dsn) as accounts:
        people = {name: await accounts.add(f"{name}@asr.example", Role.ADMIN, password_hash=HASH) for name in "abcd"}
        sessions = {name: await session(door, one) for name, one in people.items()}
        for headers in sessions.values():
            assert (await door.post(ME, headers)).status == 200
        await asyncio.wait_for(door.gateway.ear.hears.wait(), GUARD)
        await accounts.change_role("b@asr.example", Role.VIEWER)
        await accounts.change_password("c@asr.example", HASH)
        await accounts.deactivate("a@asr.example")
        remembered = door.gateway.doorkeeper._remembered
        await until(lambda: not (remembered[people["a"].id] or people["a"]).active)
        await line.cut()
        for name in "ac":
            refused(await door.post(ME, sessions[name]))
        for name, role in (("b", "VIEWER"), ("d", "ADMIN")):
            assert (await door.post({"query": "{ me { role } }"}, sessions[name])).data == {"me": {"role": role}}


async def test_in_an_outage_who_was_not_seen_before_has_the_least_role_whatever_the_token_claims(
    sandbox: Address, line: Line
) -> None:
    query = {"query": "{ me { role } upstreamStatus { circuit } }"}
    async with opened(sandbox, line.dsn) as door:
        seen, unseen, viewer = (
            {"authorization": f"Bearer {token(role, sub=sub)}"}
            for role, sub in (("ADMIN", "seen"), ("ADMIN", "an account perhaps"), ("MANAGER", "another"))
        )
        assert (await door.post(query, seen)).data["me"] == {"role": "ADMIN"}
        await line.cut()
        assert (await door.post(query, seen)).data["me"] == {"role": "ADMIN"}
        # Whether the claim holds nobody can say; what it would not reach either way is forbidden.
        for headers, code in ((unseen, "EXTENSIONS_UNAVAILABLE"), (viewer, "FORBIDDEN")):
            answer = await door.post(query, headers)
            assert answer.json["data"] == {"me": {"role": "VIEWER"}, "upstreamStatus": None}
            assert answer.codes == {"upstreamStatus": code}
            assert "Role." not in answer.errors[0]["message"]


EVERYTHING = """{
  me { role }
  projects(first: 1) { nodes { name customFields extensionUpdatedAt internalNotes asrBudgetOverride } }
  teamMembers(first: 1) {
    nodes { lastName customFields assignedProjectIds internalUser { id } internalNotes permissions }
  }
  cacheStatus { entity }
  upstreamStatus { circuit }
  orphanedExtensions { id }
}"""
INSIDERS_FIELDS = {
    "projects.nodes.0.internalNotes",
    "projects.nodes.0.asrBudgetOverride",
    "teamMembers.nodes.0.internalNotes",
    "teamMembers.nodes.0.permissions",
}
ADMINS_FIELDS = {"cacheStatus", "upstreamStatus", "orphanedExtensions"}
CLOSED = {
    "VIEWER": INSIDERS_FIELDS | ADMINS_FIELDS,
    "MANAGER": ADMINS_FIELDS,
    "PAYROLL": ADMINS_FIELDS,
    "ADMIN": set[str](),
}


@pytest.mark.parametrize("role", ROLES)
async def test_a_field_that_a_role_does_not_reach_is_null_and_costs_nothing_else(door: Door, role: str) -> None:
    answer = await door.ask(EVERYTHING, role=role)
    assert answer.codes == dict.fromkeys(CLOSED[role], "FORBIDDEN")
    data = answer.json["data"]
    assert data["me"] == {"role": role}
    assert data["projects"]["nodes"][0]["name"]
    assert data["projects"]["nodes"][0]["customFields"] == {}
    assert data["teamMembers"]["nodes"][0]["lastName"]
    for path in CLOSED[role]:
        assert at(data, path) is None
    for name in ADMINS_FIELDS - CLOSED[role]:
        assert data[name] is not None


def at(data: Any, path: str) -> Any:
    for step in path.split("."):
        data = data[int(step) if step.isdigit() else step]
    return data


NOBODY = "00000000-0000-4000-8000-000000000000"
CHANGES = {
    "updateProjectExtension": (
        f'mutation {{ updateProjectExtension(input: {{ projectId: "{NOBODY}" }}) {{ id }} }}',
        {"MANAGER", "ADMIN"},
        "NOT_FOUND",
    ),
    "updateTeamMemberExtension": (
        f'mutation {{ updateTeamMemberExtension(input: {{ memberId: "{NOBODY}" }}) {{ id }} }}',
        {"ADMIN"},
        "NOT_FOUND",
    ),
    "refresh": ("mutation { refresh(entities: []) { ok } }", {"ADMIN"}, None),
    "refreshProject": (f'mutation {{ refreshProject(id: "{NOBODY}") {{ id }} }}', {"ADMIN"}, None),
    "refreshTeamMember": (f'mutation {{ refreshTeamMember(id: "{NOBODY}") {{ id }} }}', {"ADMIN"}, None),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", CHANGES)
async def test_a_mutation_is_for_its_roles_alone(door: Door, name: str, role: str) -> None:
    mutation, roles, outcome = CHANGES[name]
    code = outcome if role in roles else "FORBIDDEN"
    answer = await door.ask(mutation, role=role)
    assert answer.status == 200
    assert answer.codes == ({name: code} if code else {})


async def test_what_is_forbidden_does_nothing(door: Door, sandbox: Address) -> None:
    await door.ask("{ projects { totalCount } }")
    sandbox.forget_counts()
    answer = await door.ask("mutation { refresh { ok } }", role="MANAGER")
    assert answer.codes == {"refresh": "FORBIDDEN"}
    assert sandbox.requests() == 0


async def test_login_gives_a_token_that_lets_in(door: Door, home: str) -> None:
    ann = await account(home, Role.MANAGER)
    query = (
        "mutation ($e: String!, $p: String!) "
        "{ login(email: $e, password: $p) { token expiresAt user { id email role } } }"
    )
    answer = await door.post({"query": query, "variables": {"e": f" {ann.email.lower()} ", "p": PASSWORD}})
    session = answer.data["login"]
    assert session["user"] == {"id": ann.id, "email": ann.email, "role": "MANAGER"}
    assert session["expiresAt"].endswith("Z")
    me = await door.post({"query": "{ me { id role } }"}, signed(f"Bearer {session['token']}"))
    assert me.data == {"me": {"id": ann.id, "role": "MANAGER"}}


async def test_a_login_that_fails_does_not_say_why(door: Door, home: str) -> None:
    ann, gone = await account(home, Role.ADMIN), await account(home, Role.ADMIN, active=False)
    tries = [
        (ann.email, "wrong"),
        (ann.email, ""),
        (gone.email, PASSWORD),
        ("nobody@asr.example", PASSWORD),
        ("", ""),
        ("\x00", "\x00"),
    ]
    told = [
        await door.post({"query": LOGIN, "variables": {"email": email, "password": password}}, signed(None))
        for email, password in tries
    ]
    assert {answer.status for answer in told} == {200}
    assert told[0].codes == {"login": "UNAUTHENTICATED"}
    assert told[0].json["data"] == {"login": None}
    assert len({answer.body for answer in told}) == 1


def test_a_token_begins_and_ends_by_the_clock_that_is_handed_in(clock: Hands) -> None:
    tokens = Tokens(SECRET, "", clock)
    hour, _ = tokens.sign("somebody", Role.ADMIN, timedelta(hours=1))
    later = token(exp=clock.now() + timedelta(hours=3), nbf=clock.now() + timedelta(hours=1))
    assert tokens.read(hour) == Claims("somebody", Role.ADMIN)
    with pytest.raises(Unauthenticated, match="of this gateway"):
        tokens.read(later)
    clock.move(3600)
    assert tokens.read(later) == Claims("somebody", Role.ADMIN)
    with pytest.raises(Unauthenticated, match="has not ended"):
        tokens.read(hour)


@pytest.mark.parametrize("accept", [JSON, RESPONSE])
async def test_a_change_that_was_made_is_told_of_however_large_its_answer(
    door: Door, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    project = (await door.ask("{ projects(first: 1) { nodes { id } } }")).data["projects"]["nodes"][0]["id"]
    monkeypatch.setattr(context, "MOST", 0)
    change = """mutation ($id: ID!) {
        a: updateProjectExtension(input: { projectId: $id, internalNotes: "seen" }) { id }
        refresh(entities: []) { ok }
    }"""
    answer = await door.ask(change, {"id": project}, accept=accept)
    assert answer.status == 200
    assert answer.json["data"] == {"a": None, "refresh": []}
    assert answer.codes == {"a": "QUERY_TOO_COMPLEX"}
    query = await door.ask("{ projects { nodes { id } } }")
    assert (query.status, query.json.keys(), query.codes) == (400, {"errors"}, {"": "QUERY_TOO_COMPLEX"})


async def test_a_stranger_signs_in_once_an_operation(door: Door) -> None:
    once = 'login(email: "a", password: "b") { token }'
    for query in (
        f"mutation {{ a: {once} b: {once} }}",
        f"mutation {{ {once} ...F }} fragment F on Mutation {{ b: {once} }}",
    ):
        answer = await door.post({"query": query}, signed(None))
        assert (answer.status, answer.codes) == (400, {"": "QUERY_TOO_COMPLEX"})
        assert answer.errors[0]["message"] == "expected one login at most, got 2"


async def test_an_operation_brings_along_no_more_than_the_fragments_that_it_reaches(door: Door) -> None:
    query = """
        mutation A { login(email: "a", password: "b") { ...S } }
        query B { projects { nodes { ...P } } }
        fragment S on Session { ...T }
        fragment T on Session { token }
        fragment P on Project { name }
    """
    answer = await door.post({"query": query, "operationName": "A"}, signed(None))
    assert answer.codes == {"login": "UNAUTHENTICATED"}


async def test_more_sign_ins_than_are_checked_soon_are_refused_at_once(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(PasswordHasher, "verify", lambda *_: over.wait(GUARD) and False)
    bodies = [{"query": LOGIN, "variables": {"email": f"a{n}", "password": "b"}} for n in range(AT_ONCE + 6)]
    waiting = [asyncio.create_task(door.post(body, signed(None))) for body in bodies[1:]]
    done, under_way = await asyncio.wait(waiting, timeout=GUARD, return_when=asyncio.FIRST_COMPLETED)
    assert {str(one.result().codes) for one in done} == {"{'login': 'RATE_LIMITED'}"}
    form = await door.call("POST", "/login", b"", {"content-type": "application/x-www-form-urlencoded"})
    assert form.status == 429
    over.set()
    codes = [answer.codes["login"] for answer in await asyncio.gather(*waiting)]
    assert (codes.count("UNAUTHENTICATED"), codes.count("RATE_LIMITED")) == (AT_ONCE, 5)
    assert under_way
    assert (await door.post(bodies[0], signed(None))).codes == {"login": "UNAUTHENTICATED"}


async def test_an_unknown_email_is_hashed_as_long_as_a_known_one(
    door: Door, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await account(home, Role.ADMIN)
    checked: list[str] = []
    monkeypatch.setattr(PasswordHasher, "verify", lambda _self, hash_, _given: checked.append(hash_[:COSTS]))
    for email in (ann.email, "nobody@asr.example"):
        await door.post({"query": LOGIN, "variables": {"email": email, "password": "x"}})
    # The same algorithm with the same costs.
    assert len(checked) == 2
    assert checked[0] == checked[1] == HASH[:COSTS]

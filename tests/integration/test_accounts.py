"""An email address is one account, whatever its letter case."""

import json
from typing import Any

import pytest

from loaders.accounts import Account, Accounts, Role
from loaders.errors import BadInput, NotFound
from loaders.postgres import Postgres
from tests.integration.conftest import Statements


@pytest.fixture
def accounts(postgres: Postgres) -> Accounts:
    return Accounts(postgres)


@pytest.fixture
async def ann(accounts: Accounts) -> Account:
    return await accounts.add(" Ann@Example.com ", Role.PAYROLL, " Ann Lee ", password_hash="hash of ann's")


def test_the_roles_are_the_contracts() -> None:
    assert [role.value for role in Role] == ["VIEWER", "MANAGER", "PAYROLL", "ADMIN"]


async def test_an_account_is_found_by_its_id_and_by_its_email_in_any_case(accounts: Accounts, ann: Account) -> None:
    assert ann == Account(ann.id, "Ann@Example.com", "Ann Lee", Role.PAYROLL, active=True)
    for subject in (ann.id, ann.id.upper(), "ann@example.COM", " Ann@Example.com"):
        assert await accounts.by_subject(subject) == ann


@pytest.mark.parametrize(
    "subject",
    ["", "bob@example.com", "ann@example.com\x00", "\ud800", "3f0c4a5e-91f5-4c42-8f6a-0d3e6c1b7a10", "%", "1"],
)
async def test_a_stranger_is_nobodys_account(accounts: Accounts, ann: Account, subject: str) -> None:
    assert await accounts.by_subject(subject) is None
    assert await accounts.secret(subject) is None


async def test_an_accounts_password_hash_is_kept_as_it_was_given(accounts: Accounts, ann: Account) -> None:
    assert await accounts.secret("ANN@example.com ") == (ann, "hash of ann's")


async def test_a_second_account_of_an_email_is_refused_and_leaves_no_trace(
    postgres: Postgres, accounts: Accounts, ann: Account
) -> None:
    with pytest.raises(BadInput, match=r"expected a new one, got ANN@EXAMPLE\.COM, which has an account"):
        await accounts.add("ANN@EXAMPLE.COM", Role.ADMIN, password_hash="-")
    assert await accounts.everyone() == [ann]
    after = {"email": "Ann@Example.com", "displayName": "Ann Lee", "role": "PAYROLL"}
    assert await log(postgres) == [("command line", "addAccount", ann.id, None, after)]


async def log(postgres: Postgres) -> list[tuple[Any, ...]]:
    """The audit log, the oldest first."""
    async with postgres.asking() as connection:
        rows = await connection.fetch("SELECT actor, action, subject, before, after FROM audit_log ORDER BY id")
    return [(*row[:3], *(value and json.loads(value) for value in row[3:])) for row in map(tuple, rows)]


@pytest.mark.parametrize("email", ["", "  ", "a\x00@example.com", "ann"])
async def test_an_account_needs_an_email(accounts: Accounts, email: str) -> None:
    with pytest.raises(BadInput, match="email: expected"):
        await accounts.add(email, Role.VIEWER, password_hash="-")


async def test_an_account_without_a_name_goes_by_its_email(accounts: Accounts) -> None:
    assert (await accounts.add("bob@example.com", Role.VIEWER, password_hash="-")).display_name == "bob@example.com"


async def test_many_accounts_are_one_statement(accounts: Accounts, ann: Account, statements: Statements) -> None:
    bob = await accounts.add("bob@example.com", Role.VIEWER, password_hash="-")
    await accounts.everyone()
    statements.clear()
    found = await accounts.many([bob.id, ann.id, ann.id, "3f0c4a5e-91f5-4c42-8f6a-0d3e6c1b7a10", "Ann@Example.com"])
    assert found == {ann.id: ann, bob.id: bob}
    assert await accounts.many(["ann"]) == {}
    await accounts.everyone()
    assert len([statement for statement in statements if "ANY" in statement]) == 1
    assert await accounts.everyone() == [ann, bob]


async def test_a_deactivated_account_says_so_until_it_is_active_again(accounts: Accounts, ann: Account) -> None:
    gone = await accounts.deactivate(" ann@EXAMPLE.com ")
    assert (gone.id, gone.active) == (ann.id, False)
    assert await accounts.by_subject(ann.id) == gone
    back = await accounts.activate("ann@example.com")
    assert (back.id, back.active) == (ann.id, True)


async def test_what_ends_an_accounts_sessions_makes_its_number_grow(accounts: Accounts, ann: Account) -> None:
    assert (await accounts.change_role("ann@example.com", Role.ADMIN)).session_number == ann.session_number
    gone = await accounts.deactivate("ann@example.com")
    assert ann.session_number < gone.session_number
    back = await accounts.activate("ann@example.com")
    changed = await accounts.change_password("ann@example.com", "another hash")
    assert back.session_number < changed.session_number
    assert await accounts.secret("ann@example.com") == (changed, "another hash")


async def test_a_change_of_an_account_is_that_accounts_alone(accounts: Accounts, ann: Account) -> None:
    bob = await accounts.add("bob@example.com", Role.VIEWER, password_hash="bob's")
    await accounts.change_role("ann@example.com", Role.ADMIN)
    await accounts.change_password("ann@example.com", "another hash")
    await accounts.deactivate("ann@example.com")
    assert await accounts.secret("bob@example.com") == (bob, "bob's")


async def test_each_change_of_an_account_is_in_the_audit_log_and_no_password_ever(
    postgres: Postgres, accounts: Accounts, ann: Account
) -> None:
    await accounts.change_role("ann@example.com", Role.ADMIN)
    await accounts.change_password("ann@example.com", "another hash")
    await accounts.deactivate("ann@example.com")
    await accounts.activate("ann@example.com", "somebody")
    assert (await log(postgres))[1:] == [
        ("command line", "changeRole", ann.id, {"role": "PAYROLL"}, {"role": "ADMIN"}),
        ("command line", "changePassword", ann.id, {}, {}),
        ("command line", "deactivateAccount", ann.id, {"active": True}, {"active": False}),
        ("somebody", "activateAccount", ann.id, {"active": False}, {"active": True}),
    ]


@pytest.mark.parametrize("email", ["bob@example.com", "", "ann@example.com\x00", "\ud800"])
async def test_an_account_that_there_is_not_cannot_be_changed(
    postgres: Postgres, accounts: Accounts, ann: Account, email: str
) -> None:
    for change in (
        accounts.deactivate(email),
        accounts.activate(email),
        accounts.change_role(email, Role.ADMIN),
        accounts.change_password(email, "-"),
    ):
        with pytest.raises(NotFound, match="email: expected one that has an account, got"):
            await change
    assert await accounts.everyone() == [ann]
    assert len(await log(postgres)) == 1

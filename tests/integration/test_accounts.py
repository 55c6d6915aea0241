"""An email address is one account, whatever its letter case."""

import json

import pytest

from loaders.accounts import Account, Accounts, Role
from loaders.errors import BadInput
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
    assert await accounts.password_hash(subject) is None


async def test_an_accounts_password_hash_is_kept_as_it_was_given(accounts: Accounts, ann: Account) -> None:
    assert await accounts.password_hash("ANN@example.com ") == "hash of ann's"


async def test_a_second_account_of_an_email_is_refused_and_leaves_no_trace(
    postgres: Postgres, accounts: Accounts, ann: Account
) -> None:
    with pytest.raises(BadInput, match=r"expected a new one, got ANN@EXAMPLE\.COM, which has an account"):
        await accounts.add("ANN@EXAMPLE.COM", Role.ADMIN, password_hash="-")
    assert await accounts.everyone() == [ann]
    async with postgres.asking() as connection:
        log = await connection.fetch("SELECT actor, action, subject, after FROM audit_log")
    [(actor, action, subject, after)] = log
    assert (actor, action, subject) == ("command line", "addAccount", ann.id)
    assert json.loads(after) == {"email": "Ann@Example.com", "displayName": "Ann Lee", "role": "PAYROLL"}


@pytest.mark.parametrize("email", ["", "  ", "a\x00@example.com"])
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


async def test_a_deactivated_account_says_so(postgres: Postgres, accounts: Accounts, ann: Account) -> None:
    async with postgres.asking() as connection:
        await connection.execute("UPDATE accounts SET active = false")
    found = await accounts.by_subject(ann.id)
    assert found is not None
    assert not found.active

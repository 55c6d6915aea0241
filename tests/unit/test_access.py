"""Whom a field is for is asked of whoever comes, however the field is resolved."""

from types import SimpleNamespace

import pytest
import strawberry

from loaders.accounts import Account, Role
from resolvers.access import ADMINS, Allowed, Viewer


@strawberry.type
class Query:
    @strawberry.field(description="At once.", extensions=[Allowed(*ADMINS)])
    def plain(self) -> int | None:
        return 1

    @strawberry.field(description="In a moment.", extensions=[Allowed(*ADMINS)])
    async def awaited(self) -> int | None:
        return 1


SCHEMA = strawberry.Schema(Query)


def viewer(role: Role) -> Viewer:
    return Viewer("ann", role, Account("ann", "ann", "ann", role, active=True))


@pytest.mark.parametrize("name", ["plain", "awaited"])
async def test_a_field_is_for_its_roles_whether_it_waits_or_not(name: str) -> None:
    for who, value, errors in ((viewer(Role.ADMIN), 1, 0), (viewer(Role.MANAGER), None, 1), (None, None, 1)):
        answer = await SCHEMA.execute(f"{{ {name} }}", context_value=SimpleNamespace(viewer=who))
        assert answer.data == {name: value}
        assert len(answer.errors or ()) == errors
    assert "Only for ADMIN." in SCHEMA.as_str()

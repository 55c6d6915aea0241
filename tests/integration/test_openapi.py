"""The OpenAPI document, held against the routes that it describes, as every role."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import note
from hypothesis import strategies as some
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.openapi import openapi
from resolvers.collections import COLLECTIONS
from sandbox.running import Address
from tests.integration.budget import BUDGET
from tests.integration.door import Door, signed
from tests.integration.drawing import drawn
from tests.integration.gate import LESSER, Gate, opened_gate
from tests.integration.replay import SCHEMA, audience

DARED = ("projects", "daily-reports")
"Where wrong arguments are tried too, when there is little time."
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def gate(sandbox: Address, home: str) -> Iterator[Gate]:
    """Yields a gate that the tests of the module share."""
    with opened_gate(sandbox, home) as gate:
        yield gate


@cache
def operations() -> list[Any]:
    """The operations of the document."""
    found = []
    for result in schemathesis.openapi.from_dict(openapi()).get_all_operations():
        assert isinstance(result, Ok)
        found.append(result.ok())
    return found


def cases(path: str, ids: list[str]) -> list[some.SearchStrategy[Any]]:
    """Requests for each operation of a collection, now and then with an id that there is."""
    modes = list(GenerationMode) if path in DARED or BUDGET.seconds else [GenerationMode.POSITIVE]
    return [
        some.builds(named, operation.as_strategy(generation_mode=mode), some.sampled_from([*ids, None]))
        for operation in operations()
        if operation.path.startswith(f"/api/{path}/")
        for mode in modes
    ]


def named(case: Any, id_: str | None) -> Any:
    """A case for an id, where it takes one; None leaves it as it is."""
    if id_ is not None and "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = id_
    return case


def answered(gate: Gate, case: Any, role: str | None) -> Response:
    """The response to a case, when nothing is still being read for it; None is a stranger."""
    sent = requests.Request(**case.as_transport_kwargs(base_url="http://gateway.test")).prepare()
    given = {name.lower(): value if isinstance(value, str) else value.decode() for name, value in sent.headers.items()}
    headers = given | (signed(role) if role else {}) | {"accept-encoding": "identity"}
    answer = gate.whole(lambda door: door.call(sent.method or "", sent.url or "", headers=headers))
    told = {name: [value] for name, value in answer.headers.items()}
    return Response(answer.status, told, answer.body, sent, elapsed=0.1, verify=False)


def opened(type_: str, role: str, value: Any) -> Any:
    """A page or a row, without what is not for a role."""
    if "nodes" in value:
        return value | {"nodes": [opened(type_, role, row) for row in value["nodes"]]}
    fields: dict[str, Any] = SCHEMA.type_map[type_].fields  # type: ignore[attr-defined] # it is a type of objects
    return {name: one for name, one in value.items() if role in (audience(fields[name]) or {role})}


@pytest.mark.parametrize("path", COLLECTIONS)
def test_an_answer_is_one_that_is_declared_and_an_admins_without_what_is_not_for_the_role(
    gate: Gate, path: str
) -> None:
    type_, statuses = COLLECTIONS[path].type.name, set[int]()

    def holds(case: Any) -> None:
        note(case.as_curl_command())
        admins = answered(gate, case, "ADMIN")
        for role in LESSER:
            response = answered(gate, case, role)
            case.validate_response(response, checks=CHECKS)
            if case.method == "POST":
                assert response.status_code == (403 if admins.status_code == 200 else admins.status_code)
            elif admins.status_code == 200:
                assert response.json() == opened(type_, role, admins.json())
            else:
                assert (response.status_code, response.json()) == (admins.status_code, admins.json())
        case.validate_response(admins, checks=CHECKS)
        assert answered(gate, case, None).status_code == 401
        statuses.add(admins.status_code)

    ids = [row["id"] for row in gate.listed(path)]
    drawn(holds, *cases(path, ids), examples=2)
    assert 200 in statuses


async def test_the_document_is_for_the_signed_in_and_has_every_collection(door: Door) -> None:
    assert (await door.call("GET", "/api/openapi.json")).status == 401
    answer = await door.call("GET", "/api/openapi.json", headers=signed("VIEWER"))
    assert answer.json["openapi"].startswith("3.1.")
    assert set(answer.json["paths"]) == {
        f"/api/{path}/{rest}" for path in COLLECTIONS for rest in ("", "{id}", "refresh")
    }


def test_every_reference_in_the_document_leads_somewhere() -> None:
    text = msgspec.json.encode(openapi()).decode()
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names == set(openapi()["components"]["schemas"])

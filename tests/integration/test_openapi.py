"""The OpenAPI document, held against the routes that it describes."""

import re
from typing import Any

import msgspec
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
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
from tests.integration.door import Door, signed

DARED = ("/api/projects", "/api/daily-reports")
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def cases() -> list[Any]:
    """Requests that are the same in each run: one as it should be to each operation, wrong ones to some."""
    found: list[Any] = []
    for result in schemathesis.openapi.from_dict(openapi()).get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        modes = list(GenerationMode) if operation.path.startswith(DARED) else [GenerationMode.POSITIVE]
        for mode in modes:
            collected(operation.as_strategy(generation_mode=mode), found)
    return found


def collected(strategy: Any, found: list[Any]) -> None:
    @settings(
        max_examples=2,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(case)

    collect()


async def answered(door: Door, case: Any, role: str) -> Response:
    """The response to a case."""
    sent = requests.Request(**case.as_transport_kwargs(base_url="http://gateway.test")).prepare()
    headers = {
        name.lower(): value if isinstance(value, str) else value.decode() for name, value in sent.headers.items()
    }
    answer = await door.call(
        sent.method or "", sent.url or "", headers=headers | signed(role) | {"accept-encoding": "identity"}
    )
    told = {name: [value] for name, value in answer.headers.items()}
    return Response(answer.status, told, answer.body, sent, elapsed=0.1, verify=False)


async def test_every_answer_is_one_that_the_document_declares(door: Door) -> None:
    statuses = set()
    for number, case in enumerate(cases()):
        response = await answered(door, case, ("VIEWER", "ADMIN")[number % 2])
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)
    assert statuses == {200, 400, 403, 404}


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

"""REST: what a collection says is what GraphQL says, and what is wrong has HTTP's word for it."""

from email.utils import parsedate_to_datetime
from itertools import product
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from app.rest import RETIRED
from resolvers.collections import COLLECTIONS
from sandbox.running import Address
from tests.integration.conftest import Line
from tests.integration.door import HOST, ROLES, Answer, Door, opened, signed, token
from tests.integration.lab import lab

GUARDED = {
    "projects": {"internalNotes", "asrBudgetOverride"},
    "team-members": {"internalNotes", "permissions"},
}


async def got(door: Door, path: str, role: str = "ADMIN", **arguments: Any) -> Answer:
    """The answer to a GET below `/api/`."""
    query = f"?{urlencode(arguments, doseq=True)}" if arguments else ""
    return await door.call("GET", f"/api/{path}{query}", headers=signed(role))


async def nodes(door: Door, path: str, **arguments: Any) -> list[dict[str, Any]]:
    answer = await got(door, f"{path}/", **arguments)
    assert answer.status == 200, answer.body
    return list(answer.json["nodes"])


def code(answer: Answer) -> str:
    """The code of an error, which has the one form that errors have."""
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message"}
    assert answer.json["error"]["message"]
    return str(answer.json["error"]["code"])


def test_the_collections_are_named_as_the_schema_names_their_lists() -> None:
    assert list(COLLECTIONS) == [
        "projects",
        "team-members",
        "time-cards",
        "work-logs",
        "equipment",
        "equipment-logs",
        "materials",
        "material-logs",
        "daily-reports",
        "observations",
        "classifications",
        "cost-codes",
        "pay-types",
    ]


async def test_a_collection_is_paged_and_each_of_its_rows_is_found_by_its_id(door: Door) -> None:
    for path in COLLECTIONS:
        await check_pages(door, path)


async def check_pages(door: Door, path: str) -> None:
    whole = (await got(door, f"{path}/", first=1000)).json
    assert set(whole) == {"nodes", "pageInfo", "totalCount"}
    assert whole["totalCount"] == len(whole["nodes"]) > 1
    one = (await got(door, f"{path}/", first=1)).json
    assert one["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": one["pageInfo"]["endCursor"],
        "endCursor": one["pageInfo"]["endCursor"],
    }
    rest = (await got(door, f"{path}/", first=1000, after=one["pageInfo"]["endCursor"])).json
    assert [*one["nodes"], *rest["nodes"]] == whole["nodes"]
    for row in (whole["nodes"][0], whole["nodes"][-1]):
        assert (await got(door, f"{path}/{row['id']}")).json == row


async def test_a_path_without_its_slash_is_the_same(door: Door) -> None:
    assert (await got(door, "equipment", first=1)).json == (await got(door, "equipment/", first=1)).json


PROJECT = """
    id name number status startDate endDate address { street city state postalCode country } createdAt updatedAt
    freshness { state fetchedAt expiresAt ttlSeconds warning }
    internalNotes asrBudgetOverride customFields extensionUpdatedAt
"""
CARD = """
    id date startTime endTime totalHours approved note breaks { name minutes startTime }
    entries { hours payType { id name code } classification { id name } } createdAt updatedAt
    freshness { state fetchedAt expiresAt ttlSeconds warning }
"""


async def test_projects_are_what_graphql_says_and_nothing_joined(door: Door) -> None:
    asked = f"{{ projects(first: 3) {{ nodes {{ {PROJECT} }} totalCount pageInfo {{ endCursor }} }} }}"
    page, graph = (await got(door, "projects/", first=3)).json, (await door.ask(asked)).data["projects"]
    assert page["nodes"] == graph["nodes"]
    assert page["totalCount"] == graph["totalCount"]
    # A cursor of one is a cursor of the other.
    assert page["pageInfo"]["endCursor"] == graph["pageInfo"]["endCursor"]


async def test_time_cards_are_what_graphql_says_of_the_same_window(door: Door) -> None:
    dates = sorted(card["date"] for card in await nodes(door, "time-cards", first=1000))
    first, last = dates[len(dates) // 3], dates[2 * len(dates) // 3]
    asked = f'{{ timeCards(from: "{first}", to: "{last}", first: 1000) {{ nodes {{ {CARD} }} }} }}'
    cards = await nodes(door, "time-cards", first=1000, **{"from": first, "to": last})
    assert cards == (await door.ask(asked)).data["timeCards"]["nodes"]
    assert {card["date"] for card in cards} >= {first, last}


async def test_one_projects_rows_are_what_graphql_has_below_the_project(door: Door) -> None:
    for path in ("time-cards", "work-logs", "material-logs", "daily-reports", "observations"):
        await check_projects(door, path, COLLECTIONS[path].name)


async def check_projects(door: Door, path: str, name: str) -> None:
    asked = f"{{ projects {{ nodes {{ id {name}(first: 1000) {{ nodes {{ id }} }} }} }} }}"
    projects = (await door.ask(asked)).data["projects"]["nodes"]
    for project in projects:
        rows = await nodes(door, path, project=project["id"], first=1000)
        assert [row["id"] for row in rows] == [row["id"] for row in project[name]["nodes"]]
    assert await nodes(door, path, project=str(uuid4())) == []


async def test_where_raken_insists_on_a_project_the_list_goes_through_all_of_them(home: str, sandbox: Address) -> None:
    async with lab(sandbox, home) as it:
        asked = await nodes(it.door, "work-logs", first=1000)
        assert {key.project for key in it.held("WORK_LOGS")} == {None}
    async with lab(sandbox, home, SCOPE_WORK_LOGS="project") as it:
        found = await nodes(it.door, "work-logs", first=1000)
        assert None not in {key.project for key in it.held("WORK_LOGS")}
    assert [row["id"] for row in found] == [row["id"] for row in asked]
    assert found


async def test_status_and_search_choose_as_they_do_in_graphql(door: Door) -> None:
    active = await nodes(door, "projects", first=1000)
    assert {project["status"] for project in active} == {"ACTIVE"}
    others = await nodes(door, "projects", first=1000, status=["INACTIVE", "DELETED"])
    assert {project["status"] for project in others} <= {"INACTIVE", "DELETED"}
    name = active[0]["name"]
    assert [one["id"] for one in await nodes(door, "projects", search=name.upper())] == [active[0]["id"]]
    piece = (await nodes(door, "equipment"))[0]
    assert piece in await nodes(door, "equipment", search=piece["name"][1:].upper())
    assert await nodes(door, "equipment", search="no piece has such a name") == []
    reports = await nodes(door, "daily-reports", first=1000)
    status = reports[0]["status"]
    assert await nodes(door, "daily-reports", first=1000, status=status) == [
        one for one in reports if one["status"] == status
    ]


async def test_guarded_fields_are_left_out_where_the_role_lacks(door: Door) -> None:
    for role, (path, guarded) in product(ROLES, GUARDED.items()):
        answer = await got(door, f"{path}/", role, first=1)
        (row,) = answer.json["nodes"]
        assert set(row) & guarded == (set() if role == "VIEWER" else guarded)
        single = (await got(door, f"{path}/{row['id']}", role)).json
        assert single == row


async def test_a_refresh_is_the_mutations_and_for_administrators(home: str, sandbox: Address) -> None:
    async with lab(sandbox, home) as it:
        count = len(await nodes(it.door, "projects", first=1000, status=["ACTIVE", "INACTIVE", "DELETED"]))
        sandbox.add("projects", name="The newest", status="ACTIVE")
        for role in ("VIEWER", "MANAGER", "PAYROLL"):
            refused = await it.door.call("POST", "/api/projects/refresh", headers=signed(role))
            assert (refused.status, code(refused)) == (403, "FORBIDDEN")
        answer = await it.door.call("POST", "/api/projects/refresh", headers=signed())
        assert answer.status == 200
        said = {name: answer.json[name] for name in ("entity", "ok", "objects", "added", "changed", "removed", "error")}
        assert said == {
            "entity": "PROJECTS",
            "ok": True,
            "objects": count + 1,
            "added": 1,
            "changed": 0,
            "removed": 0,
            "error": None,
        }
        assert [one["name"] for one in await nodes(it.door, "projects", search="the newest")] == ["The newest"]


async def test_a_refresh_by_get_is_not_allowed(door: Door) -> None:
    for path in COLLECTIONS:
        answer = await got(door, f"{path}/refresh")
        assert (answer.status, answer.headers["allow"], code(answer)) == (405, "POST", "BAD_USER_INPUT")


async def test_a_collection_is_only_read(door: Door) -> None:
    for method, path in product(("POST", "PUT", "DELETE"), ("projects/", "projects/x")):
        answer = await door.call(method, f"/api/{path}", headers=signed())
        assert (answer.status, answer.headers["allow"], code(answer)) == (405, "GET, HEAD", "BAD_USER_INPUT")


WRONG = [
    "projects/?first=-1",
    "projects/?first=1001",
    "projects/?first=ten",
    "projects/?first=99999999999",
    "projects/?first=1&first=2",
    "projects/?after=nonsense",
    "projects/?status=BUILT",
    "projects/?statuses=ACTIVE",
    "projects/?from=2026-01-01",
    "time-cards/?status=APPROVED",
    "time-cards/?from=yesterday",
    "time-cards/?from=2026-02-02&to=2026-02-01",
    "time-cards/?from=2024-01-01&to=2026-02-01",
    "openapi.json?first=1",
]


async def test_what_cannot_be_meant_is_400(door: Door) -> None:
    for path in WRONG:
        answer = await got(door, path)
        assert (answer.status, code(answer)) == (400, "BAD_USER_INPUT"), path


async def test_a_cursor_of_another_list_is_400(door: Door) -> None:
    cursor = (await got(door, "projects/", first=1)).json["pageInfo"]["endCursor"]
    assert code(await got(door, "equipment/", after=cursor)) == "BAD_USER_INPUT"


async def test_what_there_is_not_is_404(door: Door) -> None:
    for path in (*(f"{path}/no-id" for path in COLLECTIONS), "nothing", "nothing/", "projects/a/b"):
        answer = await got(door, path)
        assert (answer.status, code(answer)) == (404, "NOT_FOUND"), path


CHALLENGE = 'Bearer realm="raken-gateway"'


async def test_a_stranger_is_told_to_sign_in(door: Door) -> None:
    paths = ("projects/", "projects/x", "openapi.json", "nothing")
    for path, headers in product(paths, ({}, {"authorization": "Bearer nonsense"})):
        answer = await door.call("GET", f"/api/{path}", headers=headers)
        assert (answer.status, code(answer)) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == CHALLENGE + (', error="invalid_token"' if headers else "")


async def test_a_cookie_signs_in_and_not_for_another_sites_page(door: Door) -> None:
    cookie = {"cookie": f"raken_gateway_session={token()}"}
    for origin, status in ((f"https://{HOST}", 200), ("https://elsewhere.example", 401)):
        for method, path in (("GET", "projects/"), ("POST", "equipment/refresh")):
            answer = await door.call(method, f"/api/{path}", headers=cookie | {"origin": origin})
            assert answer.status == status


async def test_what_has_not_changed_is_304_however_old_it_got(home: str, sandbox: Address) -> None:
    async with lab(sandbox, home) as it:
        await it.ask("{projects {totalCount}}")
        first = await got(it.door, "projects/")
        assert first.headers["age"] == "0"
        assert first.headers["cache-control"] == "private, no-cache"
        assert first.headers["cache-status"].startswith("raken-gateway; hit; ttl=")
        await it.move(100)
        tag = {"if-none-match": first.headers["etag"]}
        again = await it.door.call("GET", "/api/projects/", headers=signed() | tag)
        assert (again.status, again.body, again.headers["age"]) == (304, b"", "100")
        viewers = await it.door.call("GET", "/api/projects/", headers=signed("VIEWER") | tag)
        assert viewers.status == 200


async def test_with_raken_away_and_nothing_cached_it_is_503(home: str, sandbox: Address) -> None:
    async with lab(sandbox, home) as it:
        sandbox.fault("status", status=500)
        answer = await got(it.door, "projects/")
        assert (answer.status, code(answer)) == (503, "UPSTREAM_UNAVAILABLE")


async def test_without_postgres_rakens_fields_are_there_and_what_lacks_is_said(line: Line, sandbox: Address) -> None:
    async with opened(sandbox, line.dsn, first=False) as door:
        assert await nodes(door, "projects", first=1)
        await line.cut()
        answer = await got(door, "projects/", first=1)
        assert answer.status == 200
        assert answer.json["nodes"][0]["customFields"] is None
        assert {error["code"] for error in answer.json["errors"]} == {"EXTENSIONS_UNAVAILABLE"}
        await line.mend()


async def test_what_nobody_foresaw_is_told_in_the_form_that_openapi_declares(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = await got(door, "openapi.json")
    monkeypatch.setattr(door.gateway.rest, "_contexts", None)
    answer = await got(door, "projects/")
    assert (answer.status, code(answer)) == (500, "INTERNAL_SERVER_ERROR")
    assert answer.headers["x-request-id"] in answer.json["error"]["message"]
    assert "500" in described.json["paths"]["/api/projects/"]["get"]["responses"]


async def test_a_retired_path_leads_to_what_took_its_place(door: Door) -> None:
    for old, new in RETIRED.items():
        await check_retired(door, old, new)


async def check_retired(door: Door, old: str, new: str) -> None:
    answer = await door.call("GET", f"/api/{old}?first=2&search=a%20b")
    assert answer.status == 308
    assert answer.headers["location"] == f"/api/{new}/?first=2&search=a%20b"
    assert answer.headers["link"] == f'</api/{new}/>; rel="successor-version"'
    began = int(answer.headers["deprecation"].removeprefix("@"))
    assert parsedate_to_datetime(answer.headers["sunset"]).timestamp() > began
    assert (await got(door, f"{new}/", first=2)).status == 200

"""Everything that can go wrong on demand, one test each."""

import json
import threading
from http.client import IncompleteRead
from pathlib import Path
from time import monotonic
from typing import Any, get_args

import pytest

from sandbox.faults import Kind
from sandbox.running import Address
from tests.sandbox.reader import Reader

HERE = Path(__file__)
WEEK = {"fromDate": "2026-11-16", "toDate": "2026-11-20"}


def test_latency_makes_an_answer_late(reader: Reader, address: Address) -> None:
    address.fault("latency", "/userInfo", seconds=0.2, times=1)
    started = monotonic()
    assert reader.get("/userInfo").status == 200
    assert monotonic() - started >= 0.2


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_status_comes_instead_of_the_answer(reader: Reader, address: Address, status: int) -> None:
    address.fault("status", status=status, times=1)
    assert reader.get("/members").status == status
    assert reader.get("/members").status == 200


def test_a_reset_ends_the_connection_without_an_answer(reader: Reader, address: Address) -> None:
    address.fault("reset", "/timeCards", times=2)
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            reader.get("/timeCards", **WEEK)
    assert reader.get("/timeCards", **WEEK).status == 200
    assert address.counts()["paths"]["/timeCards"]["statuses"] == {"aborted": 2, "200": 1}


def test_a_hang_lasts_until_the_reader_gives_up(reader: Reader, address: Address) -> None:
    address.fault("hang", "/members")
    with pytest.raises(TimeoutError):
        reader.get("/members", timeout=0.2)


def test_what_hangs_is_let_go_when_the_fault_is_lifted(reader: Reader, address: Address) -> None:
    number = address.fault("hang", "/members")
    ended: list[type[Exception]] = []

    def wait() -> None:
        try:
            reader.get("/members")
        except OSError as wrong:
            ended.append(type(wrong))

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not address.counts()["underWay"]:
        pass
    address.lift(number)
    waiting.join(5)
    assert ended == [ConnectionResetError]


def test_html_comes_where_json_is_due(reader: Reader, address: Address) -> None:
    address.fault("html")
    reply = reader.get("/members")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/html")
    assert reply.body.startswith(b"<!doctype html>")


def test_a_body_is_cut_short(reader: Reader, address: Address) -> None:
    address.fault("cut", "/members", times=1)
    with pytest.raises(IncompleteRead):
        reader.get("/members")
    assert reader.get("/members").status == 200


def test_the_two_429s_say_which_they_are_and_carry_retry_after_where_asked(reader: Reader, address: Address) -> None:
    address.fault("rate", times=1)
    address.fault("quota", times=1, retry_after="3600")
    rate, quota = reader.get("/members"), reader.get("/members")
    assert (rate.status, rate.json["message"], rate.headers["Retry-After"]) == (429, "Too many requests", None)
    assert (quota.status, quota.json["message"], quota.headers["Retry-After"]) == (429, "Limit exceeded", "3600")


def test_401_and_403_come_whatever_the_token(reader: Reader, address: Address) -> None:
    address.fault("unauthorized", times=1)
    address.fault("forbidden", times=1)
    assert [reader.get("/members").status for _ in range(3)] == [401, 403, 200]


def test_a_company_without_data_access_gets_tokens_and_403s(reader: Reader, address: Address) -> None:
    address.fault("forbidden")
    assert {reader.get(path).status for path in ("/userInfo", "/members", "/timeCards", "/projects/1")} == {403}
    assert reader.refresh("any").status == 200


def test_oauth_is_spoiled_by_name_alone(reader: Reader, address: Address) -> None:
    address.fault("status", "/oauth/token", status=500, times=1)
    assert reader.get("/members").status == 200
    assert reader.refresh("any").status == 500
    assert reader.refresh("any").status == 200


def test_a_fault_can_be_of_some_paths_some_queries_and_after_some_requests(reader: Reader, address: Address) -> None:
    address.fault("status", "/members/*")
    address.fault("status", "/projects", query={"statuses": "DELETED"})
    address.fault("status", "/costCodes", after=2, times=1)
    assert [reader.get(path).status for path in ("/members", "/members/x", "/projects")] == [200, 503, 200]
    assert reader.get("/projects", statuses="DELETED").status == 503
    assert [reader.get("/costCodes").status for _ in range(4)] == [200, 200, 503, 200]


def test_a_fault_is_spent_only_on_a_request_that_it_spoils(reader: Reader, address: Address) -> None:
    address.fault("reset", "/members", times=1)
    address.fault("status", "/members", times=1)
    with pytest.raises(ConnectionResetError):
        reader.get("/members")
    assert [each["spoiled"] for each in address.faults()] == [1, 0]
    assert reader.get("/members").status == 503


def test_a_row_that_is_inserted_between_pages_shifts_the_others_down(reader: Reader, address: Address) -> None:
    address.fault("insert", "/timeCards", times=1)
    first = reader.get("/timeCards", **WEEK, limit=10)
    second = reader.get(first.page["next"])
    assert second.uuids[0] == first.uuids[-1]
    assert second.page["totalElements"] == first.page["totalElements"] + 1
    assert first.uuids[:9] == reader.get("/timeCards", **WEEK, limit=10).uuids[1:]


def test_a_row_that_is_deleted_between_pages_shifts_the_others_up(reader: Reader, address: Address) -> None:
    before = reader.get("/timeCards", **WEEK, limit=11).uuids
    address.fault("delete", "/timeCards", times=1)
    first = reader.get("/timeCards", **WEEK, limit=10)
    second = reader.get(first.page["next"])
    assert before[10] not in first.uuids + second.uuids
    assert second.page["totalElements"] == first.page["totalElements"] - 1


@pytest.mark.parametrize(
    ("path", "query"),
    [("/projects", {}), ("/members", {"statuses": "ACTIVE,DELETED"}), ("/materials", {}), ("/equipmentLogs", WEEK)],
)
def test_rows_of_every_kind_of_list_can_move(
    reader: Reader, address: Address, path: str, query: dict[str, Any]
) -> None:
    for kind, by in (("insert", 1), ("delete", -1)):
        before = reader.get(path, **query).page["totalElements"]
        address.fault(kind, path, times=1)
        reader.all(path, **query, limit=2)
        assert reader.get(path, **query).page["totalElements"] == before + by


def test_a_list_of_one_page_does_not_move(reader: Reader, address: Address) -> None:
    address.fault("insert", "/projects", times=1)
    reader.get("/projects", limit=1000)
    assert address.faults()[0]["spoiled"] == 0


def test_a_shuffled_list_has_the_same_rows_in_another_order_each_time(reader: Reader, address: Address) -> None:
    straight = reader.get("/members", limit=1000).uuids
    address.fault("shuffle", "/members")
    one, other = (reader.get("/members", limit=1000).uuids for _ in range(2))
    assert sorted(one) == sorted(other) == sorted(straight)
    assert len({tuple(each) for each in (straight, one, other)}) == 3


def test_rows_can_lack_required_fields(reader: Reader, address: Address) -> None:
    address.fault("missing", "/members", fields=["lastName", "status"], rows=2)
    rows = reader.get("/members").rows
    assert ["lastName" in row or "status" in row for row in rows[:4]] == [False, False, True, True]


def test_rows_can_have_fields_that_nobody_knows_or_other_values(reader: Reader, address: Address) -> None:
    address.fault("extra", "/members", values={"shoeSize": 44.0, "status": "SUSPENDED"})
    assert {(row["shoeSize"], row["status"]) for row in reader.get("/members").rows} == {(44.0, "SUSPENDED")}


def test_a_fault_that_stands_tells_all_of_itself(address: Address) -> None:
    number = address.fault("latency", "/members", seconds=2.5)
    assert address.faults() == [
        {
            "number": number,
            "spared": 0,
            "spoiled": 0,
            "kind": "latency",
            "path": "/members",
            "query": {},
            "after": 0,
            "times": None,
            "seconds": 2.5,
            "status": None,
            "retry_after": "",
            "rows": None,
            "fields": ["uuid"],
            "values": {"addedSince": "a field that nobody knows"},
        }
    ]


def test_lifted_faults_spoil_nothing(reader: Reader, address: Address) -> None:
    first = address.fault("status")
    address.fault("forbidden")
    address.lift(first)
    assert reader.get("/members").status == 403
    address.lift()
    assert reader.get("/members").status == 200


@pytest.mark.parametrize("fault", [{"kind": "flood"}, {"kind": "reset", "time": 2}, {"kind": "reset", "times": "x"}])
def test_a_fault_that_is_none_is_refused(reader: Reader, fault: dict[str, Any]) -> None:
    reply = reader.ask("POST", "/_sandbox/faults", json.dumps(fault))
    assert reply.status == 400
    assert "expected" in reply.json["error"]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_fault_is_shown_by_a_test_and_explained_in_the_readme(kind: str) -> None:
    assert f'fault("{kind}"' in HERE.read_text() or f'"{kind}",' in HERE.read_text()
    assert f"`{kind}`" in (HERE.parents[2] / "sandbox" / "README.md").read_text()


def test_the_control_api_is_never_spoiled(address: Address) -> None:
    address.fault("reset")
    address.fault("hang", "*/counts")
    assert address.counts()["all"] == 0

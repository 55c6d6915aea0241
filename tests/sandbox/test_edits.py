"""Data that changes while people look: updatedAt moves, changedSince and deletedFrom tell of it."""

from typing import Any

import pytest

from sandbox.running import Address
from tests.sandbox.reader import Reader

DAY = {"fromDate": "2026-11-19", "toDate": "2026-11-19", "limit": 1000}


def changed(reader: Reader, since: str = "2026-11-20T00:00:01Z") -> list[dict[str, Any]]:
    """The cards changed since today's first second, in which nothing is made up."""
    return reader.all("/timeCards", changedSince=since, changedUntil="2026-11-21T00:00:00Z", limit=1000)


def deleted(reader: Reader) -> list[str]:
    window = {"deletedFrom": "2026-11-20T00:00:00Z", "deletedTo": "2026-11-21T00:00:00Z"}
    return [row["uuid"] for row in reader.all("/timeCards", **window)]


def test_nothing_has_changed_before_the_first_edit(reader: Reader) -> None:
    assert changed(reader) == []
    assert deleted(reader) == []


def test_a_new_card_is_listed_and_has_changed(reader: Reader, address: Address) -> None:
    before = reader.get("/timeCards", **DAY).page["totalElements"]
    card = address.add("timeCards", date="2026-11-19", note="late")
    assert reader.get("/timeCards", **DAY).rows[-1] == card
    assert reader.get("/timeCards", **DAY).page["totalElements"] == before + 1
    assert changed(reader) == [card]


def test_a_changed_card_keeps_its_place_and_moves_updated_at(reader: Reader, address: Address) -> None:
    before = reader.get("/timeCards", **DAY).rows
    card = address.edit("change", "timeCards", uuid=before[3]["uuid"], fields={"totalHours": 1.5, "note": "short"})[0]
    after = reader.get("/timeCards", **DAY).rows
    assert after == [*before[:3], card, *before[4:]]
    assert card["totalHours"] == 1.5
    assert card["updatedAt"] > before[3]["updatedAt"]
    assert changed(reader) == [card]


def test_a_card_can_move_to_another_day(reader: Reader, address: Address) -> None:
    uuid = reader.get("/timeCards", **DAY).uuids[0]
    address.edit("change", "timeCards", uuid=uuid, fields={"date": "2026-07-01"})
    assert uuid not in reader.get("/timeCards", **DAY).uuids
    assert reader.get("/timeCards", fromDate="2026-07-01", toDate="2026-07-01").uuids == [uuid]


def test_a_field_changed_to_null_is_left_out(reader: Reader, address: Address) -> None:
    member = next(row for row in address.rows("members") if "email" in row)
    assert "email" not in address.edit("change", "members", uuid=member["uuid"], fields={"email": None})[0]
    assert "email" not in reader.get(f"/members/{member['uuid']}").json


def test_approval_signs_and_its_withdrawal_takes_the_signature_back(reader: Reader, address: Address) -> None:
    card = next(row for row in address.rows("timeCards") if not row["approved"])
    approved = address.edit("approve", "timeCards", uuid=card["uuid"], where={"date": card["date"]})[0]
    assert approved["approved"]
    assert approved["signed"]
    assert changed(reader) == [approved]
    withdrawn = address.edit("unapprove", "timeCards", uuid=card["uuid"])[0]
    assert not withdrawn["approved"]
    assert "signed" not in withdrawn


def test_a_deleted_card_is_gone_and_told_of_by_deleted_from(reader: Reader, address: Address) -> None:
    uuid = reader.get("/timeCards", **DAY).uuids[0]
    address.edit("delete", "timeCards", uuid=uuid)
    assert uuid not in reader.get("/timeCards", **DAY).uuids
    assert deleted(reader) == [uuid]
    assert changed(reader) == []


def test_a_purged_card_is_gone_without_a_trace(reader: Reader, address: Address) -> None:
    uuid = reader.get("/timeCards", **DAY).uuids[0]
    address.edit("purge", "timeCards", uuid=uuid)
    assert uuid not in reader.get("/timeCards", **DAY).uuids
    assert deleted(reader) == []


def test_a_deleted_project_is_listed_as_deleted_and_its_cards_still_name_it(reader: Reader, address: Address) -> None:
    card = reader.get("/timeCards", **DAY).rows[0]
    uuid = card["project"]["uuid"]
    address.edit("delete", "projects", uuid=uuid)
    assert uuid not in [row["uuid"] for row in reader.all("/projects")]
    assert uuid in [row["uuid"] for row in reader.all("/projects", statuses="DELETED")]
    assert card in reader.get("/timeCards", **DAY).rows


@pytest.mark.parametrize("collection", ["projects", "members"])
def test_a_project_or_member_can_be_created_while_people_look(
    reader: Reader, address: Address, collection: str
) -> None:
    row = address.add(collection, uuid="0" * 8)
    assert row["status"] == "ACTIVE"
    assert reader.all(f"/{collection}")[-1] == row
    assert reader.get(f"/{collection}/00000000").json == row
    assert row["createdAt"] == row["updatedAt"] > "2026-11-20T00:00:00Z"


def test_every_collection_can_be_added_to_changed_and_taken_from(address: Address) -> None:
    for collection in reversed(Reader(address).ask("GET", "/_sandbox").json["collections"]):
        before = len(address.rows(collection))
        address.edit("add", collection, fields={"note": "new"}, count=3)
        address.edit("change", collection, where={"note": "new"}, fields={"note": "newer"}, count=2)
        address.edit("purge", collection, where={"note": "newer"}, count=2)
        assert len(address.rows(collection)) == before + 1, collection


def test_rows_without_a_uuid_are_found_by_what_they_say(reader: Reader, address: Address) -> None:
    report = address.rows("dailyReports")[0]
    where = {"reportDate": report["reportDate"], "projectUuid": report["projectUuid"]}
    changed = address.edit("change", "dailyReports", where=where, fields={"status": "REOPENED"})
    assert changed == [report | {"status": "REOPENED"}]


def test_rows_are_found_by_what_is_inside_them(address: Address) -> None:
    worker = address.rows("timeCards")[0]["worker"]["uuid"]
    changed = address.edit("change", "timeCards", where={"worker.uuid": worker}, fields={"note": "x"}, count=1000)
    assert len(changed) == sum(row["worker"]["uuid"] == worker for row in address.rows("timeCards"))


def test_one_of_several_equal_rows_is_taken_away(address: Address) -> None:
    rows = address.rows("materialLogs")
    twin = next(row for row in rows if rows.count(row) > 1)
    twins = rows.count(twin)
    address.edit("delete", "materialLogs", where=twin)
    assert address.rows("materialLogs").count(twin) == twins - 1


def test_an_edit_can_be_dated_back(reader: Reader, address: Address) -> None:
    card = address.edit("add", "timeCards", fields={"date": "2026-11-02"}, at="2026-11-03T04:05:06Z")[0]
    assert card["updatedAt"] == "2026-11-03T04:05:06Z"
    assert card in changed(reader, "2026-11-03T04:05:06Z")


@pytest.mark.parametrize(
    "edit",
    [
        {"op": "add", "collection": "wages"},
        {"op": "repaint", "collection": "members"},
        {"op": "change", "collection": "members", "fields": {}},
        {"op": "change", "collection": "members", "uuid": "nobody"},
        {"op": "add", "collection": "timeCards", "fields": {"project": "P-1"}},
        {"op": "approve", "collection": "members", "where": {"role": "ROLE_WORKER"}},
        {"op": "add", "collection": "members", "colour": "red"},
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(address: Address, edit: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="xpected"):
        address.edit(**edit)

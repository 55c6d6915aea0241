"""The made-up data: believable, odd where Raken's is odd, and always the same."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from sandbox.company import Company, company
from sandbox.options import Options
from sandbox.rows import value

TODAY = date(2026, 11, 20)
OPTIONS = Options(projects=40, members=120, days=45)
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def made() -> Company:
    """The company of the default size."""
    return company(OPTIONS, TODAY)


def rows(made: Company, name: str) -> Rows:
    collection = made.collection(name)
    return [value(collection.form, row) for row in collection.rows()]


def bodies(made: Company, name: str) -> list[bytes]:
    return [row.body for row in made.collection(name).rows()]


def test_the_same_seed_and_today_make_the_same_data_in_whatever_order_it_is_asked(made: Company) -> None:
    other = company(OPTIONS, TODAY)
    for name in reversed(made.collections):
        for day in reversed(other.collection(name).days()):
            other.collection(name).shelf(day)
        assert bodies(other, name) == bodies(made, name), name


def test_another_seed_makes_other_data(made: Company) -> None:
    other = company(replace(OPTIONS, seed=2), TODAY)
    assert not set(bodies(other, "timeCards")) & set(bodies(made, "timeCards"))


def test_the_size_of_a_day_is_known_before_its_cards_are_made(made: Company) -> None:
    cards, other = made.collection("timeCards"), company(OPTIONS, TODAY).collection("timeCards")
    assert [other.size(day) for day in other.days()] == [len(cards.shelf(day)) for day in cards.days()]


def test_cards_per_day_is_exact() -> None:
    cards = company(replace(OPTIONS, cards_per_day=333), TODAY).collection("timeCards")
    assert {len(cards.shelf(day)) for day in cards.days()} == {333}
    assert {cards.size(day) for day in cards.days()} == {333}


def test_about_one_card_an_active_worker_and_weekday(made: Company) -> None:
    cards = Counter(row["date"] for row in rows(made, "timeCards"))
    crew = sum(person.works(TODAY) for person in made.staff)
    assert 0.8 * crew < cards[TODAY.isoformat()] < 1.2 * crew
    assert max(cards) == TODAY.isoformat()
    assert min(cards) >= (TODAY - timedelta(days=44)).isoformat()


def test_uuids_are_unique(made: Company) -> None:
    for name in made.collections:
        uuids = [row["uuid"] for row in rows(made, name) if "uuid" in row]
        assert len(set(uuids)) == len(uuids), name


def test_the_hours_of_the_entries_are_the_total(made: Company) -> None:
    for card in rows(made, "timeCards"):
        assert sum(entry["hours"] for entry in card["timeEntries"]) == card["totalHours"]


def test_the_total_is_the_span_less_meals_in_all_but_rare_cases(made: Company) -> None:
    def minutes(time: str) -> int:
        return int(time[:2]) * 60 + int(time[3:5])

    def span(card: dict[str, Any]) -> float:
        meals = sum(each["duration"] for each in card["breaks"] if each["name"] == "Lunch")
        return ((minutes(card["endTime"]) - minutes(card["startTime"])) % 1440 - meals) / 60

    cards = rows(made, "timeCards")
    astray = sum(span(card) != card["totalHours"] for card in cards)
    assert 0 < astray < 0.03 * len(cards)


def test_signed_is_there_exactly_when_approved(made: Company) -> None:
    cards = rows(made, "timeCards")
    assert all(("signed" in card) == card["approved"] for card in cards)
    assert {card["approved"] for card in cards} == {True, False}
    assert all(card["updatedAt"] > card["createdAt"] for card in cards if card["approved"])


def test_cards_are_written_within_ten_days_of_their_date_and_never_after_today_began(made: Company) -> None:
    for card in rows(made, "timeCards"):
        day = date.fromisoformat(card["date"])
        for when in (card["createdAt"], card["updatedAt"]):
            assert abs(date.fromisoformat(when[:10]) - day) <= timedelta(days=10)
            assert when <= f"{TODAY}T00:00:00Z"


def test_nothing_at_all_is_newer_than_today_s_first_moment(made: Company) -> None:
    for name in made.collections:
        assert all(row.get("updatedAt", "") <= f"{TODAY}T00:00:00Z" for row in rows(made, name)), name


def test_overnight_cards_split_shifts_notes_and_rest_breaks_exist(made: Company) -> None:
    cards = rows(made, "timeCards")
    where = Counter((card["worker"]["uuid"], card["project"]["uuid"], card["date"]) for card in cards)
    assert any(card["endTime"] <= card["startTime"] for card in cards)
    assert max(where.values()) > 1
    assert any("note" in card for card in cards)
    assert any(each["name"] == "Rest" for card in cards for each in card["breaks"])


def test_old_cards_still_name_members_and_projects_that_are_deleted(made: Company) -> None:
    gone = {row["uuid"] for name in ("members", "projects") for row in rows(made, name) if row["status"] == "DELETED"}
    cards = rows(made, "timeCards")
    assert any(card["worker"]["uuid"] in gone for card in cards)
    assert any(card["project"]["uuid"] in gone for card in cards)


def test_members_have_what_members_have(made: Company) -> None:
    members = rows(made, "members")
    always = {"uuid", "firstName", "lastName", "role", "employeeId", "status", "createdAt", "updatedAt", "timeSettings"}
    assert all(always <= set(member) for member in members)
    assert all(
        set(member["timeSettings"]) == {"blockTimeClock", "defaultCostCode", "defaultShift"} for member in members
    )
    workers = [member for member in members if member["role"] == "ROLE_WORKER"]
    assert {"email" in worker for worker in workers} == {True, False}
    assert not any("username" in worker or "lastLoginAt" in worker for worker in workers)
    assert {member["status"] for member in members} == {"ACTIVE", "INVITED", "INACTIVE", "DELETED"}
    assert 0.2 < sum("username" in member for member in members) / len(members) < 0.5
    assert all(member["username"] == member["email"] for member in members if "username" in member)


def test_project_numbers_can_be_empty_and_repeat(made: Company) -> None:
    numbers = Counter(row["number"] for row in rows(made, "projects"))
    assert numbers.pop("") > 0
    assert max(numbers.values()) > 1


def test_a_cost_code_s_code_is_not_unique_and_can_lack_a_division(made: Company) -> None:
    codes = rows(made, "costCodes")
    assert max(Counter(code["code"] for code in codes).values()) > 1
    assert any("division" not in code for code in codes)
    assert any(code.get("division") == "" for code in codes)


def test_reports_and_material_logs_have_no_uuid_and_reports_are_one_a_project_and_day(made: Company) -> None:
    reports = rows(made, "dailyReports")
    assert not any("uuid" in row for row in [*reports, *rows(made, "materialLogs")])
    assert len({(row["projectUuid"], row["reportDate"]) for row in reports}) == len(reports)


def test_several_equal_material_logs_exist_and_none_names_its_project(made: Company) -> None:
    logs = bodies(made, "materialLogs")
    assert max(Counter(logs).values()) > 1
    assert not any(b"roject" in log for log in logs)


def test_equipment_logs_say_minus_one_where_raken_does_and_name_operators(made: Company) -> None:
    logs = rows(made, "equipmentLogs")
    members = {person.uuid for person in made.staff}
    assert any(log["daysNotInUse"] == -1.0 for log in logs)
    assert {"endDate" in log for log in logs} == {True, False}
    assert all(isinstance(log["createdBy"], str) for log in logs)
    operators = {each["operator"] for log in logs for each in log["logs"] if "operator" in each}
    assert operators <= members
    assert {each["status"] for log in logs for each in log["logs"]} == {"IN_USE", "NOT_IN_USE"}


def test_everything_that_is_named_exists(made: Company) -> None:
    uuids = {name: {row["uuid"] for row in rows(made, name)} for name in ("members", "projects", "costCodes")}
    for card in rows(made, "timeCards"):
        assert card["worker"]["uuid"] in uuids["members"]
        assert card["project"]["uuid"] in uuids["projects"]
        assert all(e["costCode"]["uuid"] in uuids["costCodes"] for e in card["timeEntries"] if "costCode" in e)


@pytest.mark.parametrize("size", [{"projects": 0}, {"members": 0}, {"days": 0}, {"projects": 1, "members": 1}])
def test_the_smallest_companies_can_be_read_too(size: dict[str, int]) -> None:
    made = company(replace(OPTIONS, **size), TODAY)
    for name in made.collections:
        bodies(made, name)


def test_unedited_days_are_dropped_when_there_are_too_many_and_come_back_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sandbox.rows.ROWS_KEPT", 300)
    cards = company(replace(OPTIONS, cards_per_day=100), TODAY).collection("timeCards")
    first = cards.shelf(cards.days()[0])
    for day in cards.days():
        cards.shelf(day)
    again = cards.shelf(cards.days()[0])
    assert again is not first
    assert again == first


def test_an_edited_day_is_never_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.rows.ROWS_KEPT", 300)
    cards = company(replace(OPTIONS, cards_per_day=100), TODAY).collection("timeCards")
    edited = cards.days()[0]
    cards.remove(next(iter(cards.rows())), None)
    for day in cards.days():
        cards.shelf(day)
    assert len(cards.shelf(edited)) == 99

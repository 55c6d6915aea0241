"""The control API: counts, rows, clock, reset."""

from concurrent.futures import ThreadPoolExecutor

from sandbox.running import Address
from tests.sandbox.reader import Reader


def test_requests_are_counted_by_path_status_and_query(reader: Reader, address: Address) -> None:
    address.forget_counts()
    reader.get("/members", limit=1)
    reader.get("/members", limit=1)
    reader.get("/members?limit=0")
    reader.get("/members/nobody")
    reader.refresh("any")
    counts = address.counts()
    assert counts["all"] == 4
    assert counts["statuses"] == {"200": 2, "400": 1, "404": 1}
    assert counts["paths"]["/members"] == {
        "all": 3,
        "statuses": {"200": 2, "400": 1},
        "queries": {"limit=1": 2, "limit=0": 1},
        "peakPerSecond": counts["paths"]["/members"]["peakPerSecond"],
    }
    assert counts["paths"]["/members/{uuid}"]["all"] == 1
    assert counts["paths"]["/oauth/token"]["all"] == 1
    assert address.requests("/members") == 3
    assert address.requests() == 4


def test_a_304_is_counted(reader: Reader, address: Address) -> None:
    etag = reader.get("/members").headers["ETag"]
    reader.get("/members", {"If-None-Match": etag})
    assert address.counts()["statuses"] == {"200": 1, "304": 1}


def test_the_peak_of_a_second_and_of_what_was_under_way_are_told(reader: Reader, address: Address) -> None:
    hanging = address.fault("hang", "/members", times=3)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(reader.get, "/members") for _ in range(3)]
        while address.counts()["underWay"] < 3:
            pass
        address.lift(hanging)
        assert all(isinstance(each.exception(), ConnectionResetError) for each in waiting)
    counts = address.counts()
    assert (counts["underWay"], counts["peakUnderWay"], counts["statuses"]) == (0, 3, {"aborted": 3})
    assert 1 <= counts["peakPerSecond"] <= 3


def test_counts_can_be_forgotten(reader: Reader, address: Address) -> None:
    reader.get("/members")
    address.forget_counts()
    assert address.counts()["all"] == 0
    assert address.counts()["paths"] == {}


def test_rows_are_the_whole_collection_of_every_status(reader: Reader, address: Address) -> None:
    everything = reader.all("/members", statuses="ACTIVE,INVITED,INACTIVE,DELETED", limit=1000)
    assert address.rows("members") == everything
    assert len(everything) == 40
    assert address.requests("/_sandbox/rows/members") == 0


def test_rows_of_a_project_that_has_none_are_an_empty_list(address: Address) -> None:
    assert address.rows("materialLogs", projectUuid="nobody") == []


def test_a_date_header_tells_the_sandbox_s_time(reader: Reader, address: Address) -> None:
    address.clock(now="2026-11-20T15:00:00Z", stopped=True)
    assert reader.get("/userInfo").headers["Date"] == "Fri, 20 Nov 2026 15:00:00 GMT"
    assert address.add("members")["updatedAt"] == "2026-11-20T15:00:00Z"
    address.clock(advance=60)
    assert address.add("members")["updatedAt"] == "2026-11-20T15:01:00Z"
    assert address.clock(stopped=False)["now"] >= "2026-11-20T15:01:00Z"


def test_a_reset_brings_back_the_data_the_switches_and_the_counts(reader: Reader, address: Address) -> None:
    before = address.rows("members")
    address.add("members")
    address.switch(etags="none")
    address.fault("forbidden")
    reader.get("/members")
    address.reset()
    assert address.rows("members") == before
    assert address.faults() == []
    assert address.counts()["all"] == 0
    assert "ETag" in reader.get("/members").headers


def test_the_control_api_tells_what_it_is(reader: Reader) -> None:
    told = reader.ask("GET", "/_sandbox").json
    assert told["today"] == "2026-11-20"
    assert told["members"] == 40
    assert "timeCards" in told["collections"]
    assert reader.ask("GET", "/_sandbox/switches").json["etags"] == {
        "value": "honoured",
        "doc": "whether pages carry an ETag, and whether If-None-Match then gets a 304",
    }


def test_what_is_no_json_is_refused(reader: Reader) -> None:
    assert reader.ask("POST", "/_sandbox/faults", "not json").status == 400
    assert reader.ask("POST", "/_sandbox/edits", "[]").status == 400
    assert reader.ask("PATCH", "/_sandbox/clock", '{"now": "noon"}').status == 400
    assert reader.ask("GET", "/_sandbox/rows/wages").status == 400

"""The simulated day and the soak, in small: what they promise of large ones holds, and they can fail."""

from pathlib import Path

import pytest

from benchmarks.day import Day, live, report
from benchmarks.logbook import keeping
from benchmarks.soak import soak


@pytest.mark.slow  # it simulates an hour; 7 to 10 s
async def test_an_hour_of_five_people_has_nothing_wrong_and_whatever_is_spoiled_is_found_out(
    tmp_path: Path, database_url: str
) -> None:
    with keeping() as book:
        lived, score, blind = await live(Day(hours=1, people=5, edits=15), tmp_path, database_url)
    assert lived.tally.wrong[:3] == []
    assert blind[:3] == []
    assert score.hit_rate > 80
    assert score.saved > 50
    # What nobody has looked at before an outage cannot be had while it lasts.
    assert set(lived.tally.errors) <= {"UPSTREAM_UNAVAILABLE"}
    assert book.errors == []
    assert "DEGRADED" in report(lived, score, book)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a Postgres that is cut off leaves transports to the collector
@pytest.mark.slow  # 6 to 10 s
async def test_a_minute_of_every_trouble_leaves_nothing_behind(tmp_path: Path, database_url: str) -> None:
    with keeping() as book:
        lived, went = await soak(60, 1, tmp_path, database_url)
    assert list(went.complaints(lived, book))[:3] == []
    assert went.met

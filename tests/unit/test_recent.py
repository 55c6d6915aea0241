"""Notes that are kept for a day."""

from loaders.recent import DAY, Recent
from tests.hands import Hands


def test_a_note_is_there_until_it_is_replaced_or_dropped() -> None:
    notes: Recent[str, int] = Recent(Hands())
    notes.put("a", 1)
    notes.put("a", 2)
    assert (notes.get("a"), notes.get("b"), len(notes)) == (2, None, 1)
    notes.drop("a")
    notes.drop("never written")
    assert notes.get("a") is None


def test_writing_lets_go_of_what_was_not_written_for_a_day() -> None:
    clock = Hands()
    notes: Recent[str, int] = Recent(clock)
    for key in "abca":
        notes.put(key, 1)
        clock.move(1)
    clock.move(DAY - 1)
    notes.put("d", 1)
    assert [notes.get(key) for key in "abcd"] == [1, None, None, 1]


def test_keys_are_told_by_when_their_note_was_written() -> None:
    clock = Hands()
    notes: Recent[str, int] = Recent(clock)
    for key in "abca":
        notes.put(key, 1)
        clock.move(1)
    assert list(notes.since(2)) == ["c", "a"]

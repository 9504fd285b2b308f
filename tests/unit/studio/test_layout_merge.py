"""Notes and groups that two people changed at once."""

from __future__ import annotations

from typing import Any

import pytest

from studio.services.layout_merge import identified, merged

NOTE = {"id": "n", "at": [0, 0], "text": "Owner: Ann\nRefunds: Bob\n", "color": "yellow"}
GROUP = {"id": "g", "title": "Talk", "nodes": ["a", "b"]}


def notes(*found: dict[str, Any]) -> dict[str, Any]:
    return {"notes": list(found)}


def test_what_each_changed_of_one_note_is_merged() -> None:
    mine, theirs = (
        NOTE | {"text": "Owner: Ann\nRefunds: Cleo\n"},
        NOTE | {"text": "Owner: Dan\nRefunds: Bob\n", "at": [9, 9]},
    )
    found, collisions = merged(notes(NOTE), notes(mine), notes(theirs), {})
    assert found["notes"] == [NOTE | {"text": "Owner: Dan\nRefunds: Cleo\n", "at": [9, 9]}]
    assert collisions == []


@pytest.mark.parametrize(("take", "text"), [("mine", "Owner: Eve\n"), ("theirs", "Owner: Dan\n")])
def test_the_same_words_are_asked_about(take: Any, text: str) -> None:
    base = notes(NOTE | {"text": "Owner: Ann\n"})
    mine, theirs = notes(NOTE | {"text": "Owner: Eve\n"}), notes(NOTE | {"text": "Owner: Dan\n"})
    (collision,) = merged(base, mine, theirs, {})[1]
    assert (collision.place, collision.mine, collision.theirs) == (
        ("notes", "n", "text"),
        "Owner: Eve\n",
        "Owner: Dan\n",
    )
    found, collisions = merged(base, mine, theirs, {collision.place: take})
    assert (found["notes"][0]["text"], collisions) == (text, [])


@pytest.mark.parametrize(("mine", "theirs"), [("Ask Ann", ""), ("Ask Ann", "Ask"), ("", "Ask Ann")])
def test_a_new_note_that_was_written_on_after_its_first_save_is_one(mine: str, theirs: str) -> None:
    """The answer to the first save was lost with the connection: nobody is asked about a note of their own."""
    found, collisions = merged(notes(), notes(NOTE | {"text": mine}), notes(NOTE | {"text": theirs}), {})
    assert (found["notes"], collisions) == ([NOTE | {"text": "Ask Ann"}], [])


def test_new_notes_with_one_id_that_say_something_else_are_asked_about() -> None:
    assert merged(notes(), notes(NOTE | {"text": "Ask Ann"}), notes(NOTE | {"text": "Tell Bob"}), {})[1]


def test_a_note_that_one_deletes_and_the_other_changes_is_asked_about() -> None:
    changed = notes(NOTE | {"text": "kept?"})
    for mine, theirs in ((notes(), changed), (changed, notes())):
        (collision,) = merged(notes(NOTE), mine, theirs, {})[1]
        assert collision.place == ("notes", "n")
        assert merged(notes(NOTE), mine, theirs, {("notes", "n"): "theirs"})[0] == theirs
    assert merged(notes(NOTE), notes(), notes(NOTE), {}) == ({"notes": []}, [])


def test_both_move_and_colour_a_note_and_mine_counts() -> None:
    mine, theirs = NOTE | {"at": [1, 1], "color": "red"}, NOTE | {"at": [2, 2], "color": "blue"}
    assert merged(notes(NOTE), notes(mine), notes(theirs), {}) == ({"notes": [mine]}, [])


def test_both_put_nodes_into_a_group() -> None:
    sides = [{"groups": [GROUP | {"nodes": names}]} for names in (["a", "b"], ["a", "b", "c"], ["b", "d"])]
    found, collisions = merged(*sides, {})
    assert (sorted(found["groups"][0]["nodes"]), collisions) == (["b", "c", "d"], [])


def test_notes_without_an_id_are_known_by_what_they_say() -> None:
    plain = {"at": [0, 0], "text": "look"}
    named = identified({"notes": [plain, plain, "nonsense"], "groups": [{"title": "T", "nodes": [["x"], "a"]}]})
    assert len({one["id"] for one in named["notes"]}) == 2
    assert merged(notes(plain), notes(plain | {"text": "new"}), notes(plain), {})[0] == notes(plain | {"text": "new"})
    assert merged(named, {"groups": named["groups"]}, {"groups": [7]}, {})[0] == {"groups": []}
    assert identified({"notes": 5}) == {"notes": 5}


def test_what_mine_only_puts_back_gives_way_and_nobody_is_asked() -> None:
    """An undo that crossed somebody else's save, by field: what they did not touch goes back."""
    left, undone = NOTE | {"at": [9, 9], "text": "Ask Bob"}, NOTE | {"text": "Ask Ann"}
    theirs = left | {"text": "Ask Cleo"}
    found, collisions = merged(notes(left), notes(undone), notes(theirs), {}, {("notes", "n")})
    assert (found["notes"], collisions) == ([theirs | {"at": [0, 0]}], [])
    found, collisions = merged(notes(left), notes(), notes(theirs), {}, {("notes", "n")})
    assert (found["notes"], collisions) == ([theirs], [])
    assert merged(notes(left), notes(undone), notes(theirs), {}, {("groups", "n")})[1]

"""What the editor sends is checked key by key; offsets count as browsers count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from engine.language.positions import apply_patches
from studio.services.editor_commit import Commit, Utf16, patched, with_names


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"revision": "1"},
        {"revision": True},
        {"revision": 1, "base": 5},
        {"revision": 1, "typed": "a"},
        {"revision": 1, "theirs": "2"},
        {"revision": 1, "theirs": True},
        {"revision": 1, "typed": [{"from": 0, "to": 1}]},
        {"revision": 1, "typed": [{"from": 2, "to": 1, "insert": ""}]},
        {"revision": 1, "typed": [{"from": True, "to": 1, "insert": ""}]},
        {"revision": 1, "typed": [{"from": -1, "to": 1, "insert": ""}]},
        {"revision": 1, "edits": "remove everything"},
        {"revision": 1, "edits": ["x"]},
        {"revision": 1, "layout": ["answer"]},
        {"revision": 1, "layout": {"nodes": {"answer": [1]}}},
        {"revision": 1, "layout": {"nodes": {"answer": ["a", "b"]}}},
        {"revision": 1, "layout": {"nodes": {"answer": [float("nan"), 0]}}},
        {"revision": 1, "layout": {"nodes": {"answer": [10**9, 0]}}},
        {"revision": 1, "layout": {"notes": [{"text": "no place"}]}},
        {"revision": 1, "layout": {"notes": [{"at": [0, 0], "text": "x" * 10_001}]}},
        {"revision": 1, "layout": {"notes": [{"at": [0, 0], "text": "a\x00"}]}},
        {"revision": 1, "layout": {"notes": [{"at": [0, 0], "text": "a", "color": "url(//evil)"}]}},
        {"revision": 1, "layout": {"notes": [{"at": [0, 0], "text": "a", "color": ["red"]}]}},
        {"revision": 1, "layout": {"notes": [{"at": [0, 0], "text": "a"}] * 501}},
        {"revision": 1, "layout": {"groups": [{"title": "a", "nodes": [1]}]}},
        {"revision": 1, "layout": {"groups": [{"title": "a" * 201, "nodes": []}]}},
        {"revision": 1, "layout": {"groups": "all"}},
    ],
    ids=lambda bad: repr(bad)[:80],
)
def test_what_no_editor_sends_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Commit.from_json(bad)


@pytest.mark.parametrize(
    "typed",
    [
        [{"from": 0, "to": 9, "insert": ""}],
        [{"from": 9, "to": 9, "insert": "x"}],
        [{"from": 0, "to": 2, "insert": ""}, {"from": 1, "to": 3, "insert": ""}],
        [{"from": 0, "to": 0, "insert": "\x00"}],
        [{"from": 0, "to": 0, "insert": "\ud83e"}],
        [{"from": 0, "to": 0, "insert": "a" * 1_000_001}],
        [{"from": 2, "to": 2, "insert": "between the halves of a character"}],
    ],
    ids=lambda typed: repr(typed)[:60],
)
def test_changes_that_do_not_fit_the_text_are_refused(typed: list[dict[str, Any]]) -> None:
    with pytest.raises(InputError):
        patched("a🧵bc", typed)


def test_offsets_are_counted_in_utf16_units() -> None:
    text = "a🧵b"
    assert [Utf16(text)(offset) for offset in range(4)] == [0, 1, 3, 4]
    assert patched(text, [{"from": 3, "to": 4, "insert": "c"}])[0] == "a🧵c"


def test_half_of_a_character_may_be_typed() -> None:
    """What a browser sends when one emoji is turned into another: they share their first half."""
    before, after = "a\U0001f9f5b", "a\U0001f9f6b"
    text, patches = patched(before, [{"from": 2, "to": 3, "insert": "\uddf6"}])
    assert text == after
    assert apply_patches(before, patches) == after


TEXTS = st.text(st.sampled_from("ab\n\u00e9\U0001f9f5\U0001f9f6"), max_size=12)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_patches_in_units_do_what_they_do_in_characters(head: str, old: str, new: str, tail: str) -> None:
    text, units = head + old + tail, Utf16(head + old + tail)
    start, end = units(len(head)), units(len(head + old))
    found, patches = patched(text, [{"from": start, "to": end, "insert": new}])
    assert found == head + new + tail == apply_patches(text, patches)


@pytest.mark.parametrize(
    "bad",
    [
        {"base_layout": [1]},
        {"base_layout": {"notes": [{"text": "no place"}]}},
        {"choices": {"description": "mine"}},
        {"choices": [{"place": "description", "take": "mine"}]},
        {"choices": [{"place": [1], "take": "mine"}]},
        {"choices": [{"place": ["description"], "take": "both"}]},
        {"choices": [{"place": [], "take": "mine"}] * 1_001},
    ],
    ids=lambda bad: repr(bad)[:80],
)
def test_choices_that_no_editor_sends_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Commit.from_json({"revision": 1} | bad)


def test_a_place_that_is_only_put_back_gives_way_to_one_that_somebody_gave_since() -> None:
    commit = Commit.from_json(
        {
            "revision": 1,
            "layout": {"nodes": {"a": [0, 0], "b": [0, 0], "c": [0, 0]}},
            "undone": {"nodes": ["a", "b"]},
            "base_layout": {"nodes": {"a": [1, 1], "b": [1, 1]}},
        }
    )
    laid, _ = commit.laid_over({"nodes": {"a": [1, 1], "b": [9, 9], "c": [9, 9]}}, {})
    assert laid["nodes"] == {"a": [0, 0], "b": [9, 9], "c": [0, 0]}


@pytest.mark.parametrize(
    "bad",
    [[1], {"edges": []}, {"nodes": "a"}, {"notes": [1]}, {"nodes": ["a"] * 5_001}],
    ids=lambda bad: repr(bad)[:40],
)
def test_undone_is_lists_of_names_and_ids(bad: Any) -> None:
    with pytest.raises(InputError):
        Commit.from_json({"revision": 1, "undone": bad})


def test_what_is_beside_the_text_goes_with_a_node_that_is_renamed() -> None:
    lost = {"name": "Odd", "text": "nothing of ours does this", "node": "odd"}
    layout = {
        "nodes": {"odd": [1, 2]},
        "groups": [{"title": "Both", "nodes": ["odd", "b"]}],
        "import": {"from": "n8n", "losses": [lost, "nonsense", {"text": "no node"}]},
    }
    moved = with_names(layout, {"odd": "even"})
    assert moved["nodes"] == {"even": [1, 2]}
    assert moved["groups"][0]["nodes"] == ["even", "b"]
    assert moved["import"]["losses"] == [lost | {"node": "even"}, "nonsense", {"text": "no node", "node": None}]
    assert with_names({"import": 5}, {"odd": "even"}) == {"import": 5, "nodes": {}}

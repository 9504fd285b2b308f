"""Where imported nodes stand: turned from left-to-right to downward, each with room, and nothing else moved."""

from __future__ import annotations

import pytest

from engine.importers.draft import Draft, DraftEdge, DraftNode
from engine.importers.picture import GRID, ROOM, ROW, layout_of


def draft(*nodes: DraftNode, edges: str = "") -> Draft:
    """`edges` such as "a>b b>c"."""
    made = Draft("n8n", nodes={node.name: node for node in nodes})
    made.edges = [DraftEdge(*edge.split(">")) for edge in edges.split()]
    return made


def node(name: str, x: float, y: float, type: str = "transform") -> DraftNode:
    return DraftNode(name, type, {}, (x, y))


def helper(name: str) -> DraftNode:
    return DraftNode(name, "transform", {}, is_helper=True)


def places(made: Draft) -> dict[str, list[int]]:
    return layout_of(made, (1.0, 1.0))["nodes"]


def test_what_stood_behind_stands_beneath_and_what_stood_beneath_to_the_right() -> None:
    found = places(draft(node("a", -500, 100), node("b", -200, 100), node("c", -200, 400)))
    assert found == {"a": [40, 40], "b": [40, 340], "c": [340, 340]}


def test_cards_that_would_lie_over_each_other_are_moved_apart_and_notes_give_way() -> None:
    found = places(draft(node("note", 0, 0, "note"), node("a", 0, 0), node("b", 30, 50), node("c", 0, 20)))
    assert found["a"] == [40, 40]
    for one, other in [("a", "b"), ("a", "c"), ("b", "c"), ("note", "a"), ("note", "b"), ("note", "c")]:
        (x, y), (other_x, other_y) = found[one], found[other]
        assert abs(x - other_x) >= ROOM[0] or abs(y - other_y) >= ROOM[1], (one, other)
    assert all(number % GRID == 0 for place in found.values() for number in place)


def test_a_node_that_the_file_does_not_have_gets_a_row_of_its_own() -> None:
    nodes = [node("a", 0, 0), helper("fork"), node("b", 200, 0), node("c", 200, 400)]
    found = places(draft(*nodes, edges="a>fork fork>b fork>c"))
    assert (found["a"], found["fork"]) == ([40, 40], [240, 240])
    assert (found["b"], found["c"]) == ([40, 240 + ROW], [440, 240 + ROW])


def test_an_end_that_the_file_does_not_have_stands_beneath_all_others() -> None:
    found = places(draft(node("a", 0, 0), node("b", 300, 400), helper("end"), edges="b>end"))
    assert found == {"a": [40, 40], "b": [440, 340], "end": [440, 340 + ROW]}


@pytest.mark.parametrize("type", ["transform", "note"])
def test_one_node_without_a_place_leaves_all_to_the_automatic_layout(type: str) -> None:
    found = layout_of(draft(node("a", 0, 0), DraftNode("b", type, {})), (1.0, 1.0))
    assert found == ({} if type == "transform" else {"nodes": {"a": [40, 40]}})


def test_helpers_in_a_circle_and_places_far_away_are_no_trouble() -> None:
    circle = draft(node("a", 0, 0), helper("one"), helper("other"), edges="one>other other>one")
    assert places(circle) == {"a": [40, 40], "one": [40, 40 + ROW], "other": [40 + ROOM[0], 40 + ROW]}
    assert layout_of(draft(helper("one")), (1.0, 1.0)) == {}
    found = places(draft(node("a", 0, 0), node("b", 1e12, -1e12)))
    assert max(number for place in found.values() for number in place) == 400_000

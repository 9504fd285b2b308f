"""The graph that the canvas draws, and the difference between two of them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.language.document import Document
from engine.language.edits import edit_document
from studio.services.editor_graph import difference, drawn
from tests.support.editor import shipped_text

TEXT = shipped_text("customer_support_workflow")
EDITS: list[dict[str, Any]] = [
    {"op": "set_field", "node": "classify_intent", "path": ["config", "temperature"], "value": 0.5},
    {"op": "add_node", "node": {"name": "more", "type": "message"}, "after": "start"},
    {"op": "remove_node", "node": "faq_workflow"},
    {"op": "rename_node", "node": "generate_response", "to": "say"},
    {"op": "add_edge", "from": "start", "to": "end", "condition": None},
    {"op": "remove_edge", "index": 0},
    {"op": "move_edge", "index": 5, "to": 2},
    {"op": "set_top", "path": ["description"], "value": "Another"},
]


def applied(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """What the browser does with a difference."""
    if not change.get("since"):
        return change
    new = old | {key: part for key, part in change.items() if key != "since"}
    for key in {"nodes", "edges"} & change.keys():
        new[key] = [old[key][one] if isinstance(one, int) else one for one in change[key]]
    return new


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit["op"])
def test_a_difference_leads_from_one_graph_to_the_other(edit: dict[str, Any]) -> None:
    old = Document.parse(TEXT)
    new = edit_document(old, [edit]).document
    before, after = drawn(old), drawn(new)
    assert before is not None
    change = difference(before, after)
    assert applied(before, change) == after
    sent = [one for key in ("nodes", "edges") for one in change.get(key, ()) if not isinstance(one, int)]
    assert len(sent) <= 14, "only what changed travels"
    assert all(change[key] != before[key] for key in change.keys() - {"since"})


def test_a_field_of_one_line_is_all_that_travels() -> None:
    old = Document.parse(TEXT)
    change = difference(drawn(old), drawn(edit_document(old, [EDITS[0]]).document))
    assert change.keys() == {"nodes", "since"}
    assert difference(drawn(old), drawn(Document.parse(TEXT + "# a comment at the end\n"))) == {"since": True}


def test_two_nodes_of_one_name_are_told_apart() -> None:
    head = "nodes:\n  - {name: a, type: start}\n"
    old, new = drawn(Document.parse(head)), drawn(Document.parse(head + "  - {name: a, type: start}\n"))
    assert old is not None
    assert new is not None
    assert difference(old, new)["nodes"] == [0, new["nodes"][1]]
    assert difference(new, old)["nodes"] == [0]


def test_no_graph_before_or_after_is_sent_whole() -> None:
    graph = drawn(Document.parse(TEXT))
    assert difference(None, graph) == graph
    assert difference(graph, None) is None
    assert drawn(Document.parse("nodes: [unclosed")) is None


def test_a_card_never_carries_a_whole_prompt() -> None:
    text = f"nodes:\n  - name: a\n    type: note\n    config: {{text: {'x' * 5000}, description: {'y' * 5000}}}\n"
    graph = drawn(Document.parse(text))
    assert graph is not None
    assert len(graph["nodes"][0]["subtitle"]) == len(graph["nodes"][0]["description"]) == 300


def test_triggers_and_variables_say_where_they_stand_in_the_file() -> None:
    """What is no object is no trigger, and counts as a place all the same."""
    text = "nodes: []\ntriggers:\n  - nonsense\n  - {name: a, type: chat}\nvariables: [{name: b, default: 1}]\n"
    found = drawn(Document.parse(text))
    assert found is not None
    (trigger,) = found["top"]["triggers"]
    assert (trigger["index"], trigger["raw"], trigger["lines"]) == (1, {"name": "a", "type": "chat"}, [4, 4])
    assert found["top"]["variables"] == [{"index": 0, "raw": {"name": "b", "default": 1}}]
    assert drawn(Document.parse("nodes: []\ntriggers: 5\n"))["top"]["triggers"] == []  # type: ignore[index]

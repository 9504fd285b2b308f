"""The laws of span edits, on generated files in many formattings and generated edits.

Whatever the formatting: an edit is refused with a clear error, or the data afterwards is the data before with the edit
applied, everything outside the lines concerned is byte-identical, and undo gives the old text back. Files without
anchors, merges and explicit keys are never refused.
"""

from __future__ import annotations

import contextlib
import copy
import json
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import SchemaError
from engine.language.document import Document
from engine.language.edits import Edited, edit_document
from engine.language.positions import apply_patches, next_line
from engine.language.reparse import reparse
from tests.support.generated import some_edit, some_workflow
from tests.support.written_files import Scribe

SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
RANDOMS = st.integers(0, 2**32).map(Random)  # a seed: hundreds of choices make a file, too many to draw one by one


def added_edge(edges: list[Any], edit: dict[str, Any]) -> dict[str, Any]:
    """Without a condition it says `null` only where another edge of the file does, or there is none."""
    says_null = not edges or any(edge.get("condition", "") is None for edge in edges)
    keys = ("from", "to", "condition") if says_null or edit["condition"] is not None else ("from", "to")
    return {key: edit[key] for key in keys}


def applied(data: dict[str, Any], edit: dict[str, Any]) -> dict[str, Any]:
    """The edit on plain data, written down a second time and without any text."""
    data = copy.deepcopy(data)
    nodes, edges = data["nodes"], data["edges"]
    match edit["op"]:
        case "set_field":
            put(next(n for n in nodes if n["name"] == edit["node"]), edit["path"], edit["value"])
        case "unset_field":
            node = next(n for n in nodes if n["name"] == edit["node"])
            target = node if len(edit["path"]) == 1 else node.get("config") or {}
            target.pop(edit["path"][-1], None)
        case "add_node":
            after = [i for i, n in enumerate(nodes) if n["name"] == edit["after"]]
            nodes.insert(after[0] + 1 if after else len(nodes), edit["node"])
        case "remove_node":
            data["nodes"] = [n for n in nodes if n["name"] != edit["node"]]
            data["edges"] = [e for e in edges if edit["node"] not in (e["from"], e["to"])]
        case "rename_node":
            return renamed(data, edit["node"], edit["to"])
        case "add_edge":
            edges.insert(edit["index"], added_edge(edges, edit))
        case "remove_edge":
            del edges[edit["index"]]
        case "set_edge":
            if edit["value"] is None and edit["field"] in ("label", "on"):
                edges[edit["index"]].pop(edit["field"], None)
            else:
                edges[edit["index"]][edit["field"]] = edit["value"]
        case "move_edge":
            edges.insert(edit["to"], edges.pop(edit["index"]))
        case "set_top":
            put(data, edit["path"], edit["value"])
    return data


def put(target: Any, path: list[Any], value: Any) -> None:
    for step in path[:-1]:
        if isinstance(target, dict) and target.get(step) is None:
            target[step] = {}
        target = target[step]
    target[path[-1]] = value


def renamed(data: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    for node in data["nodes"]:
        node["name"] = new if node["name"] == old else node["name"]
        if node.get("on_error", {}).get("node") == old:
            node["on_error"]["node"] = new
    for edge in data["edges"]:
        for end in ("from", "to"):
            edge[end] = new if edge[end] == old else edge[end]
    for rule in data.get("error_handling", []):
        rule["fallback_node"] = new if rule["fallback_node"] == old else rule["fallback_node"]
    return data


def identical(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def check_outside(text: str, edited: Edited, edit: dict[str, Any]) -> None:
    """Nothing changes before the first or behind the last line that the edit is about."""
    document = Document.parse(text)
    match edit["op"]:
        case "set_field" | "unset_field":
            path: tuple[Any, ...] = ("nodes", document.node_index(edit["node"]))
        case "set_edge" | "remove_edge":
            path = ("edges", edit["index"]) if len(document.data["edges"]) > 1 else ("edges",)
        case _:
            return
    span, key = document.span(path), document.find_key(path)
    assert span is not None
    first = key.start if key is not None else text.rfind("-", 0, span.start + 1)
    if edit["op"] in ("remove_edge", "unset_field"):  # with the line break before it, where the file ends without one
        first = text.rfind("\n", 0, max(first, 0)) - 1
    last = next_line(text, next_line(text, span.end))  # a removal may take one blank line along
    for patch in edited.steps[0]:
        assert first <= patch.start <= patch.end <= last


def hold(text: str, data: dict[str, Any], edit: dict[str, Any]) -> Edited:
    """The laws for one edit; raises SchemaError when it is refused."""
    document = Document.parse(text)
    edited = edit_document(document, [edit])
    assert identical(edited.document.data, applied(data, edit)), "the data is not the edited data"
    assert identical(Document.parse(edited.text).data, edited.document.data), (
        "the text does not say what the document says"
    )
    assert apply_patches(text, edited.steps[0]) == edited.text, "the patches are not the change"
    assert apply_patches(edited.text, edited.undo[0]) == text, "undo does not give the text back"
    check_outside(text, edited, edit)
    return edited


@SETTINGS
@given(RANDOMS)
def test_the_scribe_writes_what_it_is_given(random: Random) -> None:
    data = some_workflow(random)
    text = Scribe(random).file(data)
    document = Document.parse(text)
    assert document.error is None, document.error
    assert identical(document.data, data)


@SETTINGS
@given(RANDOMS)
def test_an_edit_of_an_ordinary_file_succeeds_and_keeps_the_laws(random: Random) -> None:
    data = some_workflow(random)
    text = Scribe(random, plain_only=True).file(data)
    hold(text, data, some_edit(random, data))


@SETTINGS
@given(RANDOMS)
def test_an_edit_of_any_file_keeps_the_laws_or_is_refused(random: Random) -> None:
    data = some_workflow(random)
    text = Scribe(random).file(data)
    with contextlib.suppress(SchemaError):
        hold(text, data, some_edit(random, data))


@SETTINGS
@given(RANDOMS)
def test_edits_in_a_row_say_the_same_as_one_by_one(random: Random) -> None:
    data = some_workflow(random)
    text = Scribe(random, plain_only=True).file(data)
    edits, current = [], data
    for _ in range(3):
        edit = some_edit(random, current)
        if edit["op"] in ("add_node", "rename_node") and any(e["op"] == edit["op"] for e in edits):
            continue
        edits.append(edit)
        current = applied(current, edit)
        if not current["nodes"]:
            break
    edited = edit_document(Document.parse(text), edits)
    assert identical(edited.document.data, current)
    undone = edited.text
    for patches in edited.undo:
        undone = apply_patches(undone, patches)
    assert undone == text


@SETTINGS
@given(RANDOMS)
def test_reparsing_a_change_gives_the_same_tree_as_parsing_all(random: Random) -> None:
    data = some_workflow(random)
    text = Scribe(random).file(data)
    try:
        edited = edit_document(Document.parse(text), [some_edit(random, data)])
    except SchemaError:
        return
    fresh, old = Document.parse(edited.text), Document.parse(text)
    assert old.workflow  # known, so that it is taken over
    again = reparse(old, edited.text, edited.steps[0])
    assert shape_of(again.root) == shape_of(fresh.root)
    assert again.diagnostics == fresh.diagnostics
    assert again.workflow == fresh.workflow
    back = reparse(again, text, edited.undo[0])
    assert shape_of(back.root) == shape_of(old.root)
    assert back.workflow == old.workflow


def shape_of(node: Any) -> Any:
    """The tree as plain data, positions included."""
    if node is None:
        return None
    entries = [(k, shape_of(e.key), shape_of(e.value)) for k, e in node.entries.items()]
    items = [] if node.kind == 4 else [shape_of(i) for i in node.items]
    return (int(node.kind), node.start, node.end, node.style, node.anchor, json.dumps(node.value), entries, items)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_empty_edit_changes_nothing(newline: str) -> None:
    text = newline.join(["# head", "name:   'x'  # c", "nodes: [ {name: a, type: start} ]", "edges: []", "  # end"])
    assert edit_document(Document.parse(text), []).text == text
    edit = {"op": "set_field", "node": "a", "path": ["type"], "value": "start"}
    assert edit_document(Document.parse(text), [edit]).text == text

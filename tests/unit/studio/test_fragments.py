"""Pasted YAML: what is taken, and that nothing else is."""

from __future__ import annotations

import json

import pytest

from engine.errors import InputError
from studio.services import fragments

NODE = {"name": "a", "type": "agent"}


@pytest.mark.parametrize(
    "text",
    [
        "nodes:\n  - {name: a, type: agent}",
        "- {name: a, type: agent}",
        "name: a\ntype: agent",
        '{"nodes": [{"name": "a", "type": "agent"}]}',
    ],
)
def test_nodes_are_found_in_each_form(text: str) -> None:
    found = fragments.read(text)
    assert found.pop("written") in ([None], ["- {name: a, type: agent}"])
    assert found == {"nodes": [NODE], "edges": [], "layout": {}, "notes": [], "groups": []}


def test_a_thousand_nodes_are_pasted_and_what_is_too_much_is_said() -> None:
    def many(nodes: int, edges: int) -> str:
        rows = [{"name": f"n{i}", "type": "agent"} for i in range(nodes)]
        return json.dumps({"nodes": rows, "edges": [{"from": "n0", "to": f"n{i % nodes}"} for i in range(edges)]})

    assert len(fragments.read(many(1_000, 1_500))["nodes"]) == 1_000
    with pytest.raises(InputError, match="1,000 nodes and 1,501 edges; at most 2,500"):
        fragments.read(many(1_000, 1_501))


def test_nodes_come_with_their_comments_under_their_new_names() -> None:
    text = (
        "nodes:\n  - name: start\n    type: start\n  # Answers.\n  - name: a   # by name\n    type: agent\n"
        "    config:\n      # What it says.\n      prompt_template: '{nodes.a.output} {nodes.b.output}'\n"
        '  - {"name": "b", "type": "end"}\n'
    )
    found = fragments.read(text, ["start", "a"], begins=True)
    assert found["written"] == [
        "# Answers.\n- name: a_2   # by name\n  type: agent\n  config:\n    # What it says.\n"
        "    prompt_template: '{nodes.a_2.output} {nodes.b.output}'",
        None,
    ]
    assert [node["name"] for node in found["nodes"]] == ["a_2", "b"]


def test_only_edges_and_places_of_pasted_nodes_come_along() -> None:
    found = fragments.read(
        "nodes:\n  - {name: a, type: agent}\n  - {name: b, type: end}\n"
        "edges:\n  - {from: a, to: b, condition: null, x-mine: 1}\n  - {from: a, to: elsewhere}\n  - nonsense\n"
        "ui:\n  nodes: {a: [1, 2], b: [true, 1], c: [3, 4]}\n"
    )
    assert found["edges"] == [{"from": "a", "to": "b"}]
    assert found["layout"] == {"a": [1, 2]}


REMARKS = """\
nodes: [{name: a, type: agent}, {name: b, type: end}]
ui:
  notes:
    - {at: [1.4, 2], size: [200, 90], text: "Ask Ann: <b>why</b>?", color: red, extra: 1}
    - {at: [1, 2], text: 5}
    - {at: here, text: x}
    - {at: [1, 2], text: x, color: url(x)}
    - nonsense
  groups:
    - {title: Both, nodes: [a, b, gone], color: blue}
    - {title: None, nodes: [gone]}
    - {title: 5}
"""


def test_notes_and_groups_come_along_and_notes_may_come_alone() -> None:
    found = fragments.read(REMARKS, ["a"])
    assert found["notes"] == [{"at": [1, 2], "size": [200, 90], "text": "Ask Ann: <b>why</b>?", "color": "red"}]
    assert found["groups"] == [{"title": "Both", "nodes": ["a_2", "b"], "color": "blue"}]
    alone = fragments.read("ui: {notes: [{at: [0, 0], text: Alone}]}")
    assert (alone["nodes"], alone["notes"]) == ([], [{"at": [0, 0], "text": "Alone"}])
    with pytest.raises(InputError):
        fragments.read("ui: {notes: [{at: [0, 0], text: 5}]}")
    many = fragments.read("ui: {notes: [" + ", ".join(["{at: [0, 0], text: x}"] * 600) + "]}")
    assert len(many["notes"]) == 500


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just a sentence",
        "nodes: [unclosed",
        "nodes: []",
        "nodes: 5",
        "edges: []",
        "[" * 5000,
        "&a [*a]",
        "a: !!python/object x",
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InputError):
        fragments.read(text)


PAIR = """\
nodes:
  - {name: sort, type: agent, config: {prompt_template: "Sort {message}"}}
  - name: reply
    type: agent
    config: {prompt_template: "{nodes.sort.output} {nodes.other.output}"}
    on_error: {action: goto, node: sort}
edges:
  - {from: sort, to: reply, condition: "nodes.sort.output == 'sort'"}
ui: {nodes: {sort: [1, 2]}}
"""


def test_what_refers_to_a_pasted_node_follows_its_free_name() -> None:
    found = fragments.read(PAIR, ["sort", "sort_2"])
    assert [node["name"] for node in found["nodes"]] == ["sort_3", "reply"]
    reply = found["nodes"][1]
    assert reply["config"]["prompt_template"] == "{nodes.sort_3.output} {nodes.other.output}"
    assert reply["on_error"]["node"] == "sort_3"
    assert found["edges"] == [{"from": "sort_3", "to": "reply", "condition": "nodes.sort_3.output == 'sort'"}]
    assert found["layout"] == {"sort_3": [1, 2]}


def test_names_that_go_round_do_not_meet() -> None:
    text = "- {name: a_2, type: agent, config: {prompt_template: '{nodes.a.output}'}}\n- {name: a, type: agent}"
    found = fragments.read(text, ["a"])
    assert [node["name"] for node in found["nodes"]] == ["a_2", "a_3"]
    assert found["nodes"][0]["config"]["prompt_template"] == "{nodes.a_3.output}"


def test_two_nodes_of_one_name_and_names_that_are_none() -> None:
    found = fragments.read("- {name: a, type: agent}\n- {name: a, type: agent}\n- {name: 1 <b>, type: agent}")
    assert [node["name"] for node in found["nodes"]] == ["a", "a_2", "_1_b_"]


def test_a_second_start_is_left_out_and_meant_by_its_name() -> None:
    text = "- {name: start, type: start}\n- {name: a, type: agent, config: {prompt_template: '{nodes.start.output}'}}"
    (node,) = fragments.read(text, ["start"], begins=True)["nodes"]
    assert node["config"]["prompt_template"] == "{nodes.start.output}"
    with pytest.raises(InputError, match="one start"):
        fragments.read("- {name: start, type: start}", begins=True)


def test_nodes_of_another_studio_come_as_an_import_brings_them() -> None:
    hook = {"name": "Hook", "type": "n8n-nodes-base.webhook", "position": [0, 0], "parameters": {"path": "x"}}
    odd = {"name": "Odd one", "type": "n8n-nodes-base.someThingElse", "position": [300, 0], "parameters": {}}
    links = {"Hook": {"main": [[{"node": "Odd one", "type": "main", "index": 0}]]}}
    found = fragments.read(json.dumps({"nodes": [hook, odd], "connections": links}), ["start"], begins=True)
    assert "odd_one" in [node["name"] for node in found["nodes"]]
    assert not [node for node in found["nodes"] if "n8n" in node["type"]]
    assert found["said"].startswith("From n8n: 1 approximated, 1 unsupported.")

"""What differs between two files: nothing where they say the same, and every change at its node, edge or setting."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.language.diff import MISSING, ORDER, FieldChange, Kind, compare
from engine.language.document import Document
from engine.language.writer import same
from tests.support.generated import some_value, some_workflow
from tests.support.written_files import Scribe

SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RANDOMS = st.integers(0, 2**32).map(Random)

FILE: dict[str, Any] = {
    "name": "shop",
    "version": "1.0.0",
    "nodes": [
        {"name": "start", "type": "start"},
        {"name": "answer", "type": "agent", "config": {"model": "auto", "temperature": 0.2, "tools": ["a", "b"]}},
        {"name": "end", "type": "end"},
    ],
    "edges": [
        {"from": "start", "to": "answer"},
        {"from": "answer", "to": "end", "condition": "context.done"},
        {"from": "answer", "to": "start"},
    ],
}


def changed(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(FILE) | more


@SETTINGS
@given(RANDOMS)
def test_a_file_does_not_differ_from_itself_however_it_is_written(random: Random) -> None:
    data = some_workflow(random)
    one, other = (Document.parse(Scribe(random).file(data)) for _ in range(2))
    assert not compare(one.data, other.data)
    assert compare(one.data, one.data).to_dict() == {"nodes": [], "edges": [], "settings": []}


@SETTINGS
@given(RANDOMS)
def test_what_is_not_named_is_the_same(random: Random) -> None:
    old = some_workflow(random)
    new = some_workflow(random) if random.random() < 0.5 else mutated(random, old)
    found = compare(old, new)
    named = {node.name for node in found.nodes} | {node.was for node in found.nodes}
    was, now = ({n["name"]: n for n in data["nodes"] if n["name"] not in named} for data in (old, new))
    assert was.keys() == now.keys()
    assert all(same(was[name], now[name]) for name in was)
    taken = {edge.before for edge in found.edges}, {edge.after for edge in found.edges}
    rest = [[e for i, e in enumerate(d["edges"]) if i not in t] for d, t in zip((old, new), taken, strict=True)]
    assert len(rest[0]) == len(rest[1])
    assert {node.kind for node in compare(new, old).nodes} == {opposite(node.kind) for node in found.nodes}


def mutated(random: Random, data: dict[str, Any]) -> dict[str, Any]:
    """The data with a node taken away, one added, fields changed and edges in another order."""
    new = copy.deepcopy(data)
    if random.random() < 0.5:
        new["nodes"].pop(random.randrange(len(new["nodes"])))
    new["nodes"].append({"name": "fresh", "type": "message", "config": {"text": some_value(random)}})
    random.choice(new["nodes"])["config"] = {"model": some_value(random)}
    random.shuffle(new["nodes"])
    random.shuffle(new["edges"])
    return new


def opposite(kind: Kind) -> Kind:
    return {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED}.get(kind, kind)


@SETTINGS
@given(RANDOMS, RANDOMS)
def test_odd_files_are_compared_too(random: Random, other: Random) -> None:
    old, new = some_value(random), {"nodes": some_value(other), "edges": [some_value(other), some_value(random)]}
    assert not compare(old, copy.deepcopy(old))
    compare(old, new).to_dict()
    compare(new, old).to_dict()


def test_a_field_is_named_with_both_values() -> None:
    new = changed()
    new["nodes"][1]["config"] = {"model": "auto", "temperature": 0.5, "tools": ["a"], "stream": True}
    [node] = compare(FILE, new).nodes
    assert (node.kind, node.name, node.was) == (Kind.CHANGED, "answer", None)
    assert node.fields == (
        FieldChange(("config", "temperature"), 0.2, 0.5),
        FieldChange(("config", "tools"), ["a", "b"], ["a"]),
        FieldChange(("config", "stream"), MISSING, True),
    )
    assert node.fields[2].to_dict() == {"path": ["config", "stream"], "kind": "added", "after": True}


def test_numbers_and_truth_values_are_told_apart() -> None:
    assert compare({"a": 1}, {"a": True}).settings == (FieldChange(("a",), 1, True),)
    assert compare({"a": 1}, {"a": 1.0})


def test_a_renamed_node_keeps_its_edges() -> None:
    new = changed()
    new["nodes"][1]["name"] = "reply"
    new["edges"][0]["to"] = "reply"
    new["edges"][1]["from"] = new["edges"][2]["from"] = "reply"
    found = compare(FILE, new)
    assert [(n.kind, n.name, n.was) for n in found.nodes] == [(Kind.CHANGED, "reply", "answer")]
    assert found.edges == ()


def test_edges_come_and_go_and_change_their_order() -> None:
    new = changed()
    new["edges"] = [new["edges"][0], new["edges"][2], new["edges"][1], {"from": "start", "to": "end"}]
    new["edges"][2]["condition"] = "context.other"
    found = {(e.source, e.target): e for e in compare(FILE, new).edges}
    assert found["start", "end"].kind is Kind.ADDED
    assert found["answer", "end"].fields == (
        FieldChange(("condition",), "context.done", "context.other"),
        FieldChange((ORDER,), 1, 2),
    )
    assert (found["answer", "end"].before, found["answer", "end"].after) == (1, 2)
    assert found["answer", "start"].fields == (FieldChange((ORDER,), 2, 1),)
    assert ("start", "answer") not in found


def test_an_absent_condition_says_the_same_as_null() -> None:
    new = changed()
    new["edges"][0]["condition"] = None
    assert not compare(FILE, new)


@pytest.mark.parametrize("seed", range(20))
def test_a_change_of_a_node_is_a_change_of_that_node(seed: int) -> None:
    random = Random(seed)
    old = some_workflow(random)
    new = copy.deepcopy(old)
    node = random.choice(new["nodes"])
    node["config"] = {**(node.get("config") or {}), "model": ["another", seed]}
    found = compare(old, new)
    assert [n.name for n in found.nodes] == [node["name"]]
    assert not found.edges
    assert not found.settings

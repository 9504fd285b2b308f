"""What every node type promises: it describes itself, its example is a valid node, and the example runs."""

from __future__ import annotations

import inspect
import json
from itertools import pairwise
from typing import Any

import pytest
import yaml

import engine.nodes
from engine.execution.events import RunStatus
from engine.execution.node import Node
from engine.execution.ports import HttpReply, Signal
from engine.language.document import Document
from engine.language.fields import fields_with_widget
from engine.language.node_types import NodeType, all_types, register
from engine.language.validate import validate
from tests.support.ports import FakeDefinitions, FakeHttp, FakeModels, FakeTools, World, workflow

engine.nodes.load()
TYPES = list(all_types())
EXPECTED = [
    "agent",
    "classifier",
    "code",
    "condition",
    "email",
    "end",
    "event",
    "extractor",
    "guardrail",
    "handoff",
    "http",
    "human",
    "join",
    "judge",
    "knowledge",
    "loop",
    "memory",
    "message",
    "note",
    "parallel",
    "respond",
    "saga",
    "start",
    "sub_workflow",
    "tool",
    "transform",
    "wait",
]
TOOLS = [
    "get_order_details",
    "authorize_payment",
    "reserve_inventory",
    "restore_inventory",
    "capture_payment",
    "search_knowledge_base",
    "send_email",
    "hand_over",
]
INPUT = {
    "message": "hi",
    "name": "Ada",
    "order_id": "ORD-1",
    "price": 2,
    "quantity": 12,
    "currency": "EUR",
    "amount": 1,
    "customer_id": "CUST-1",
    "email": "ada@x.example",
    "language": "en",
    "orders": [{"order_id": "ORD-1"}, {"order_id": "ORD-2"}],
}


def example(node_type: NodeType) -> dict[str, Any]:
    nodes = yaml.safe_load(node_type.example)
    assert isinstance(nodes, list)
    assert len(nodes) == 1
    return dict(nodes[0])


def around(node_type: NodeType) -> str:
    """A workflow of start, the example and end (or of two of them where the example is one of these)."""
    node = example(node_type)
    name = node["name"]
    before = [] if node_type.entry else ["  - {name: start, type: start}"]
    after = [] if node_type.final else ["  - {name: end, type: end}"]
    indented = ["  " + line for line in node_type.example.rstrip().splitlines()]
    first, last = (name if node_type.entry else "start"), (name if node_type.final else "end")
    order = [first, name, last] if node_type.runnable and name not in (first, last) else [first, last]
    edges = [f"  - {{from: {a}, to: {b}}}" for a, b in pairwise(order)]
    for body in [node["config"][field] for field in fields_with_widget(node_type, "node") if field in node["config"]]:
        after.append(f"  - {{name: {body}, type: transform, config: {{set: {{status: item}}}}}}")
        edges.append(f"  - {{from: {body}, to: {name}}}")
    return workflow("\n".join(["nodes:", *before, *indented, *after, "edges:", *edges]) + "\n")


def world() -> World:
    child = workflow("nodes: [{name: start, type: start}, {name: end, type: end}]\nedges: [{from: start, to: end}]\n")
    answer = {
        "intent": "order",
        "class": "order",
        "confidence": 1,
        "order_id": "1",
        "score": 1,
        "reason": "good",
        "summary": "x",
    }
    result = {
        "order": {"status": "paid"},
        "search_results": [],
        "escalation_id": "ESC-1",
        "queue": "q",
        "priority": "low",
    }
    return World(
        FakeModels({"*": json.dumps(answer)}),
        FakeTools(dict.fromkeys(TOOLS, result)),
        FakeHttp(HttpReply(200, {}, {"rate": 1.1})),
        FakeDefinitions({"track_order": child}),
    )


def test_the_types_of_the_language_are_there() -> None:
    assert [t.type for t in TYPES] == EXPECTED


def test_loading_twice_changes_nothing_and_a_second_type_of_a_name_is_refused() -> None:
    engine.nodes.load()
    assert [t.type for t in all_types()] == EXPECTED
    with pytest.raises(ValueError, match="registered twice"):
        register(TYPES[0])


def test_a_type_is_found_by_its_name() -> None:
    """What lets `heddle validate` import only the types that a file uses."""
    for kind in TYPES:
        assert type(kind).__module__ == f"engine.nodes.{kind.type}"


@pytest.mark.parametrize("node_type", TYPES, ids=lambda t: t.type)
class TestEveryNodeType:
    def test_describes_itself(self, node_type: NodeType) -> None:
        assert isinstance(node_type, Node)
        assert node_type.title
        assert node_type.summary.endswith(".")
        assert node_type.icon
        module = inspect.getmodule(type(node_type))
        assert module is not None
        assert (module.__doc__ or "").startswith(f"{node_type.type}: ")
        assert module.__name__ == f"engine.nodes.{node_type.type}"

    def test_every_field_has_a_title_and_says_what_it_is_for(self, node_type: NodeType) -> None:
        for name, field in node_type.config_model.model_fields.items():
            assert field.title, f"{name} has no title"
            assert field.description, f"{name} has no description"

    def test_the_subtitle_bears_incomplete_and_odd_config(self, node_type: NodeType) -> None:
        odd: list[dict[str, Any]] = [{}, dict.fromkeys(node_type.config_model.model_fields)]
        for config in [*odd, example(node_type).get("config", {})]:
            assert isinstance(node_type.subtitle(config), str)

    def test_the_example_is_valid_without_a_remark_about_the_node(self, node_type: NodeType) -> None:
        node = example(node_type)
        assert node["type"] == node_type.type
        node_type.config_model.model_validate(node.get("config", {}))
        document = Document.parse(around(node_type))
        found = validate(document, tools=TOOLS, workflows=["track_order"])
        assert [d for d in found if d.is_error] == []

    async def test_the_example_runs(self, node_type: NodeType) -> None:
        w = world()
        result = await w.run(around(node_type), INPUT)
        if result.status is RunStatus.SUSPENDED:
            then = w.journal.records[-1].outcome["then"]
            shown = w.journal.records[-1].outcome["suspend"]["data"]
            answer = {"hash": shown["hash"], "decision": "approve"} if "hash" in shown else INPUT
            signal = Signal("s1", then["signal"], answer)
            w.clock.time = then["until"] if then["until"] and "hash" not in shown else w.clock.time
            result = await w.run(around(node_type), INPUT, records=tuple(w.journal.records), signals=(signal,))
        assert result.status is RunStatus.SUCCEEDED, result.error
        expected = [] if not node_type.runnable else [example(node_type)["name"]]
        assert [p for p in w.sink.seen("step.succeeded") if p in (example(node_type)["name"],)] == expected

    def test_unknown_config_keys_are_refused(self, node_type: NodeType) -> None:
        with pytest.raises(ValueError, match="Extra inputs"):
            node_type.config_model.model_validate({**example(node_type).get("config", {}), "colour": "red"})


CLASSIC_KEYS: dict[str, dict[str, Any]] = {
    "start": {"description": "d", "next_node": "n"},
    "agent": {
        "agent_type": "order_extractor",
        "model": "gpt-4o-mini",
        "temperature": 0.1,
        "max_tokens": 100,
        "prompt_template": "{message}",
        "next_node": "n",
    },
    "tool": {"tool_name": "t", "parameters": {"a": "context.b", "c": [{"d": "context.e"}], "f": 5}, "next_node": "n"},
    "condition": {"description": "d", "conditions": [{"condition": "context.a == 'b'", "next_node": "n"}]},
    "sub_workflow": {"workflow_name": "w", "timeout_seconds": 60, "next_node": "n"},
    "end": {"description": "d"},
}


@pytest.mark.parametrize("type_name", sorted(CLASSIC_KEYS))
def test_every_key_of_classic_files_is_accepted(type_name: str) -> None:
    model = next(t for t in TYPES if t.type == type_name).config_model
    model.model_validate(CLASSIC_KEYS[type_name])

"""Which paths a node can read: what stands before it, and nothing that cannot have run yet."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.language.document import Document
from engine.language.in_scope import paths_in_scope
from engine.language.infer import Inference
from engine.language.model import Workflow

TEXT = """\
name: "x"
version: "1"
description: "d"
category: "system"
priority: "low"
triggers:
  - {type: chat, config: {path: x}}
variables:
  - {name: brand, default: "Larkfell"}
nodes:
  - {name: start, type: start}
  - name: sort
    type: agent
    config:
      output_schema:
        type: object
        properties:
          intent: {enum: [faq, order], description: "What they want"}
          customer: {type: object, properties: {email: {type: [string, "null"]}}}
  - name: find
    type: tool
    config: {tool_name: find_order, output_key: found}
  - name: each
    type: loop
    config: {over: "context.found.items", body: say}
  - {name: say, type: message, config: {text: "{item}"}}
  - {name: later, type: transform, config: {set: {total: "1"}}}
  - {name: end, type: end}
edges:
  - {from: start, to: sort}
  - {from: sort, to: find}
  - {from: find, to: each}
  - {from: say, to: each}
  - {from: each, to: later}
  - {from: later, to: end}
"""
TOOLS = {
    "find_order": SimpleNamespace(returns={"properties": {"order_id": {"type": "string"}, "items": {"type": "array"}}})
}


@pytest.fixture(scope="module")
def workflow() -> Workflow:
    found = Document.parse(TEXT).workflow
    assert found is not None
    return found


def types(workflow: Workflow, node: str) -> dict[str, str]:
    return {one.path: one.type for one in paths_in_scope(Inference(workflow, TOOLS), node)}


def test_outputs_of_the_nodes_before_it_with_their_types(workflow: Workflow) -> None:
    found = types(workflow, "find")
    assert found["context.intent"] == found["nodes.sort.output.intent"] == "faq | order"
    assert found["context.customer.email"] == "string"
    assert found["context.message"] == "string"
    assert found["variables.brand"] == "string"
    assert "context.found" not in found, "a node does not read its own output"
    assert "context.total" not in found


def test_an_output_key_holds_the_whole_output(workflow: Workflow) -> None:
    found = types(workflow, "later")
    assert found["context.found.order_id"] == "string"
    assert found["nodes.find.output.items"] == "array"
    assert "context.order_id" not in found


def test_inside_of_a_loop_there_is_an_item(workflow: Workflow) -> None:
    assert {"item", "index"} <= set(types(workflow, "say"))
    assert "item" not in types(workflow, "later")
    assert "item" not in types(workflow, "each")
    assert "context.found.items" in types(workflow, "say"), "the loop leads to its body without an edge"


def test_where_nothing_is_known_everything_that_is_written_counts(workflow: Workflow) -> None:
    assert {"context.total", "context.intent"} <= set(types(workflow, "no_such_node"))


def test_the_nearest_writer_is_named_and_each_path_once(workflow: Workflow) -> None:
    found = paths_in_scope(Inference(workflow, TOOLS), "end")
    assert len({one.path for one in found}) == len(found)
    assert next(one.origin for one in found if one.path == "context.intent") == "sort"


def test_hostile_schemas_are_bounded() -> None:
    wide = "{" + ", ".join(f"k{i}: {{type: string}}" for i in range(3_000)) + "}"
    text = TEXT.replace(
        "properties:\n          intent", f"properties:\n          wide: {{properties: {wide}}}\n          intent"
    )
    document = Document.parse(text.replace("{enum: [faq, order]", "{type: [[]], enum: 5"))
    assert document.workflow is not None
    assert len(paths_in_scope(Inference(document.workflow, TOOLS), "end")) == 1_000


def test_edges_read_what_their_node_wrote(workflow: Workflow) -> None:
    before = {one.path for one in paths_in_scope(Inference(workflow, TOOLS), "sort")}
    after = {one.path: one for one in paths_in_scope(Inference(workflow, TOOLS), "sort", after=True)}
    assert "context.intent" not in before
    assert after["context.intent"].origin == "sort"
    assert before < set(after)

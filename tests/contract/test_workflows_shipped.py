"""The shipped workflows: valid, complete, laid out, and with a golden set for every branch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import engine.nodes
from connectors.toolbox import toolbox_specs
from engine.evals.golden import load_golden
from engine.language.document import Document
from engine.language.model import Workflow
from engine.language.validate import validate
from engine.nodes._agent_presets import AGENT_TYPES, GROUPS

FOLDER = Path(__file__).parents[2] / "workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
CARD = (200, 64)
GRID = 20
NODE_TYPES = {"start", "end", "agent", "tool", "condition", "sub_workflow", "message", "transform", "http"}

# (nodes, edges) of the nine workflows as they are described in the reference, without what we mended.
CLASSIC = {
    "customer_support_workflow": (13, 18),
    "faq_handling": (10, 13),
    "order_management": (12, 18),
    "create_order": (18, 23),
    "track_order": (15, 20),
    "lead_capture": (12, 13),
    "complaint_handling": (16, 22),
    "technical_support": (17, 24),
    "example_workflow": (6, 6),
}
# Nodes that a fallback named but nobody had written.
MENDED = {
    "order_management": {"escalate_to_human", "confirm_handover"},
    "create_order": {"escalate_to_human", "confirm_handover"},
    "lead_capture": {"escalate_to_human", "confirm_handover"},
    "complaint_handling": {"escalate_to_human"},
    "technical_support": {"escalate_to_human"},
}
# An empty list is false, so "no orders" needed an edge of its own.
ADDED_EDGES = {"track_order": 1}

# The classic flow has no default here: the agents and sub-workflows before it always say whether there is a resolution.
KNOWN_REMARKS = {
    ("complaint_handling", "no-default", "evaluate_resolution"),
    ("technical_support", "no-default", "evaluate_resolution"),
}


@pytest.fixture(scope="module", autouse=True)
def node_types() -> None:
    engine.nodes.load()


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_bytes().decode()


def workflow_of(name: str) -> Workflow:
    return Document.parse(text_of(name)).runnable()


def side_file(place: str, name: str) -> str:
    return (FOLDER / place / f"{name}.yaml").read_bytes().decode()


def test_nine_workflows_and_everything_they_call_are_there() -> None:
    called = {
        str(n.config["workflow_name"]) for name in NAMES for n in workflow_of(name).nodes if n.type == "sub_workflow"
    }
    assert set(CLASSIC) | called == set(NAMES)
    assert len(NAMES) == 23


@pytest.mark.parametrize("name", NAMES)
def test_validates_without_errors_and_without_unknown_remarks(name: str) -> None:
    found = validate(Document.parse(text_of(name)), tools=toolbox_specs(), workflows=NAMES)
    remarks = {(name, d.code, d.node) for d in found}
    assert remarks <= KNOWN_REMARKS, [f"{d.line}:{d.column} {d.code} {d.message}" for d in found]


@pytest.mark.parametrize("name", NAMES)
def test_the_text_survives_reading_byte_for_byte(name: str) -> None:
    assert Document.parse(text_of(name)).text.encode() == (FOLDER / f"{name}.yaml").read_bytes()
    assert workflow_of(name).name == name


@pytest.mark.parametrize("name", NAMES)
def test_uses_known_parts_only(name: str) -> None:
    workflow = workflow_of(name)
    assert {node.type for node in workflow.nodes} <= NODE_TYPES
    for node in workflow.nodes:
        if node.type == "agent":
            assert node.config["agent_type"] in {*AGENT_TYPES, *GROUPS}
            assert node.config.get("prompt_template")
    assert {rule.fallback_node for rule in workflow.error_handling if rule.fallback_node} <= {
        n.name for n in workflow.nodes
    }


@pytest.mark.parametrize("name", CLASSIC)
def test_the_nine_have_the_described_nodes_and_edges(name: str) -> None:
    workflow = workflow_of(name)
    mended = MENDED.get(name, set())
    nodes = [node for node in workflow.nodes if node.name not in mended]
    edges = [edge for edge in workflow.edges if edge.source not in mended]
    assert (len(nodes), len(edges) - ADDED_EDGES.get(name, 0)) == CLASSIC[name]
    assert mended <= {node.name for node in workflow.nodes}


@pytest.mark.parametrize("name", CLASSIC)
def test_conditions_mirror_the_edges(name: str) -> None:
    workflow = workflow_of(name)
    for node in workflow.nodes:
        edges = [(edge.condition, edge.target) for edge in workflow.edges if edge.source == node.name]
        if node.type == "condition":
            assert [(c["condition"], c["next_node"]) for c in node.config["conditions"]] == edges
        elif node.type != "end":
            assert [(None, node.config["next_node"])] == edges


@pytest.mark.parametrize("name", NAMES)
def test_layout_covers_every_node_on_the_grid_without_overlaps(name: str) -> None:
    layout: dict[str, Any] = yaml.safe_load(side_file(".layout", name))
    nodes: dict[str, list[int]] = layout["nodes"]
    assert list(nodes) == sorted(node.name for node in workflow_of(name).nodes)
    for x, y in nodes.values():
        assert x % GRID == 0
        assert y % GRID == 0
    places = list(nodes.items())
    for index, (one, (x1, y1)) in enumerate(places):
        for other, (x2, y2) in places[index + 1 :]:
            assert abs(x1 - x2) >= CARD[0] or abs(y1 - y2) >= CARD[1], f"{one} lies on {other}"


@pytest.mark.parametrize("name", NAMES)
def test_layout_runs_downwards(name: str) -> None:
    nodes: dict[str, list[int]] = yaml.safe_load(side_file(".layout", name))["nodes"]
    up = [(e.source, e.target) for e in workflow_of(name).edges if nodes[e.source][1] >= nodes[e.target][1]]
    assert up == []


@pytest.mark.parametrize("name", NAMES)
def test_golden_set_has_cases_with_steps_of_this_workflow(name: str) -> None:
    cases = load_golden(side_file("golden", name))
    assert len(cases) >= 5
    steps = {path.split("/")[0] for case in cases for path in case.expected["path"]}
    assert steps <= {node.name for node in workflow_of(name).nodes}


def test_customer_support_is_reachable_by_chat_and_webhook() -> None:
    triggers = {t.type: t.config for t in workflow_of("customer_support_workflow").triggers}
    assert triggers["chat"]["path"] == "support"
    assert triggers["chat"]["greeting"]
    assert triggers["webhook"]["auth"] == "token"
    assert triggers["webhook"]["respond"] == "last_node"

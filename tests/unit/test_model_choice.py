"""What the model field offers, and what the router would choose for a node as it stands."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

import engine.nodes
from engine.language.document import Document
from engine.language.infer import Inference
from engine.language.model import Workflow
from engine.settings import Settings
from studio.services.model_choice import offered, routed

TEXT = """\
name: "x"
version: "1"
description: "d"
category: "system"
priority: "low"
nodes:
  - {{name: start, type: start}}
  - name: ask
    type: agent
    config: {config}
  - {{name: end, type: end}}
edges:
  - {{from: start, to: ask}}
  - {{from: ask, to: end}}
"""


def workflow(config: str) -> Workflow:
    engine.nodes.load()
    found = Document.parse(TEXT.format(config=config)).workflow
    assert found is not None
    return found


def test_each_tier_has_a_model_and_a_usual_cost() -> None:
    auto, *tiers = offered(Settings(data_dir=Path("unused")), ())
    assert auto["value"] == "auto"
    assert [one["value"] for one in tiers] == ["tier:A", "tier:B", "tier:C"]
    assert [one["model"] for one in tiers] == ["built-in demo model"] * 3
    assert 0 < tiers[0]["usual_usd"] < tiers[1]["usual_usd"] < tiers[2]["usual_usd"]


def test_the_routers_choice_comes_with_its_reason() -> None:
    found = workflow("{prompt_template: 'Classify {message}'}")
    choice = routed(Inference(found), found.nodes[1], uuid.uuid4())
    assert choice is not None
    assert choice["tier"] in "ABC"
    assert choice["reason"]
    limited = workflow("{prompt_template: 'Classify {message}', routing: {tiers: [C]}}")
    choice = routed(Inference(limited), limited.nodes[1], uuid.uuid4())
    assert choice is not None
    assert choice["tier"] == "C"


@pytest.mark.parametrize("name", ["start", "named"])
def test_where_there_is_no_choice_there_is_none(name: str) -> None:
    found = workflow("{model: 'tier:B', prompt_template: 'Hi'}")
    node = found.nodes[0] if name == "start" else found.nodes[1]
    assert routed(Inference(found), node, uuid.uuid4()) is None


def test_settings_of_the_wrong_kind_do_not_break_it() -> None:
    found = workflow("{prompt_template: [1], routing: 'fast', tools: 5, output_schema: nothing}")
    assert routed(Inference(found), found.nodes[1], uuid.uuid4()) is not None

"""What an empty canvas offers is a valid workflow, whichever of the ways one takes."""

from __future__ import annotations

from typing import Any

import pytest

import engine.nodes
from engine.language.document import Document
from engine.language.edits import edit_document
from engine.language.validate import validate
from studio.services.starters import starters

EMPTY = """\
name: "new"
version: "1.0.0"
description: "A new one"
category: "system"
priority: "medium"

nodes: []
edges: []
"""


@pytest.mark.parametrize("starter", starters("new"), ids=lambda starter: starter["key"])
def test_each_way_to_begin_gives_a_workflow_without_problems(starter: dict[str, Any]) -> None:
    engine.nodes.load()
    edits = [{"op": "add_node", "node": node, "after": None} for node in starter["nodes"]]
    edits += [{"op": "add_edge", "condition": None, **edge} for edge in starter["edges"]]
    edits.append({"op": "set_top", "path": ["triggers"], "value": starter["triggers"]})
    document = edit_document(Document.parse(EMPTY), edits).document
    assert validate(document, tools=[], workflows=[]) == []

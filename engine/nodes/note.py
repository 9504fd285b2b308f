"""note: a remark on the canvas. It is drawn and never runs; no edge may lead to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.execution.context import StepContext
from engine.execution.node import Done, Node, Outcome
from engine.language.node_types import Group, NodeConfig


class NoteConfig(NodeConfig):
    text: str = Field("", title="Text", description="What to remember here.", json_schema_extra={"ui": "textarea"})


class NoteNode(Node[NoteConfig]):
    """Drawn only."""

    type = "note"
    title = "Note"
    summary = "A remark on the canvas; does not run."
    group = Group.FLOW
    icon = "sticky-note"
    config_model = NoteConfig
    runnable = False
    example = """\
- name: about_refunds
  type: note
  config:
    text: Refunds above the limit need a person.
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return str(config.get("text") or "")

    async def run(self, ctx: StepContext, config: NoteConfig) -> Outcome:  # noqa: ARG002
        return Done()

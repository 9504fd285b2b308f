"""end: where a workflow's run ends, and what it answers.

With `output`, that map is the result of the run (or of the sub_workflow step that called this workflow). Without it the
result is `reply` (the last text written for the person) and every value that the run itself produced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.execution.context import StepContext
from engine.execution.node import Done, Node, Outcome
from engine.language.node_types import Group, NodeConfig


class EndConfig(NodeConfig):
    output: dict[str, Any] | None = Field(
        None,
        title="Output",
        description="What the run answers: name -> value; context.x and ${...} are replaced by what they refer to.",
        json_schema_extra={"ui": "key_value"},
    )


class EndNode(Node[EndConfig]):
    """Resolves the output map."""

    type = "end"
    title = "End"
    summary = "Ends the workflow and says what it answers."
    group = Group.FLOW
    icon = "flag"
    config_model = EndConfig
    final = True
    example = """\
- name: end
  type: end
  config:
    output:
      reply: context.reply_text
      intent: context.intent
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def subtitle(self, config: Mapping[str, Any]) -> str:
        output = config.get("output")
        return ", ".join(map(str, output)) if isinstance(output, dict) and output else "reply and produced values"

    async def run(self, ctx: StepContext, config: EndConfig) -> Outcome:
        return Done(ctx.resolve(config.output) if config.output is not None else None)

"""start: where a run begins.

The run's input is already in context when the node runs. With `input_schema` it is checked first, so that a webhook
that sends rubbish is told so before anything else happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.errors import InputMismatch
from engine.execution.context import StepContext
from engine.execution.node import Done, Node, Outcome
from engine.execution.schema_check import problems
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode


class StartConfig(NodeConfig):
    input_schema: dict[str, Any] | None = Field(
        None,
        title="Input schema",
        description="JSON Schema that the run's input must follow; the run fails with validation_error otherwise.",
        json_schema_extra={"ui": "schema"},
    )
    next_node: NextNode = None


class StartNode(Node[StartConfig]):
    """Checks the run's input."""

    type = "start"
    title = "Start"
    summary = "Where every run begins; may check the run's input."
    group = Group.FLOW
    icon = "play"
    config_model = StartConfig
    entry = True
    example = """\
- name: start
  type: start
  config:
    description: A customer has written
    input_schema:
      type: object
      required: [message]
      properties:
        message: {type: string}
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def subtitle(self, config: Mapping[str, Any]) -> str:
        schema = config.get("input_schema")
        fields = schema.get("properties") if isinstance(schema, dict) else None
        return ", ".join(fields) if isinstance(fields, dict) else "any input"

    async def run(self, ctx: StepContext, config: StartConfig) -> Outcome:
        if config.input_schema is not None:
            found = problems(config.input_schema, ctx.resolve("${inputs}"))
            if found:
                raise InputMismatch(found)
        return Done()

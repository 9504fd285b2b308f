"""condition: a fork in the road.

It does nothing itself: the run follows the first out-edge, in the order of the file, whose condition is true; an edge
without a condition (or with "true") is the default. When none is true the step fails with type no_branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.execution.context import StepContext
from engine.execution.node import Done, Node, Outcome
from engine.language.node_types import Group, NodeConfig

_NOTHING = Done()


class Branch(BaseModel):
    """One branch as classic files repeat it here; the edge is what counts."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    condition: str | bool | None = Field(None, title="Condition")
    next_node: str = Field(title="Next node")


class ConditionConfig(NodeConfig):
    conditions: list[Branch] | None = Field(
        None,
        title="Conditions",
        description="Kept for files that already have it; the conditions of the edges decide.",
        json_schema_extra={"ui": "hidden"},
    )


class ConditionNode(Node[ConditionConfig]):
    """Only its edges matter."""

    type = "condition"
    title = "Condition"
    summary = "Goes on along the first edge whose condition is true."
    group = Group.FLOW
    icon = "split"
    config_model = ConditionConfig
    example = """\
- name: route_by_intent
  type: condition
  config:
    description: Branch by intent; the first true edge wins
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def subtitle(self, config: Mapping[str, Any]) -> str:
        branches = config.get("conditions")
        if isinstance(branches, list):
            return f"{len(branches)} branches"
        return str(config.get("description") or "first true edge wins")

    async def run(self, ctx: StepContext, config: ConditionConfig) -> Outcome:  # noqa: ARG002
        return _NOTHING

"""parallel: go on along several edges at once.

All edges that are true are taken, each by a branch of its own; an edge without a condition always is. Branches share
the run's context: what one writes the others see, and of two that write the same key the later one counts. A `join`
gathers them again; without one the workflow ends when the last branch has ended. A branch that fails ends the workflow,
unless its error is handled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.execution.context import StepContext
from engine.execution.node import Done, Node, Outcome
from engine.language.node_types import Group, NodeConfig


class ParallelConfig(NodeConfig):
    """Nothing to set: the edges say which branches there are."""


class ParallelNode(Node[ParallelConfig]):
    """Only decides; the run follows all true edges."""

    type = "parallel"
    title = "Parallel"
    summary = "Goes on along several edges at once."
    group = Group.FLOW
    icon = "split"
    config_model = ParallelConfig
    branches = True
    example = """\
- name: look_everywhere
  type: parallel
  config:
    description: Search orders and help pages at the same time.
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return str(config.get("description") or "all true edges")

    async def run(self, ctx: StepContext, config: ParallelConfig) -> Outcome:  # noqa: ARG002
        return Done()

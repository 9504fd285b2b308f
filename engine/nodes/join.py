"""join: gather the branches of a parallel.

Mode all waits for every branch that can still come; one that ended elsewhere, or took another way, is not waited for.
Mode any goes on with the first branch, mode n with the `count`-th; the other branches are then cut off where they are
(an effect that one of them had begun may still happen).

The output has `arrived` (names of the nodes that the branches came from, in the order in which they came) and, as
`merge` says, `branches`: map gives name -> output, list the outputs in order, first the first one's output, none
leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.node_types import Group, NodeConfig


class JoinConfig(NodeConfig):
    mode: Literal["all", "any", "n"] = Field(
        "all", title="Wait for", description="all branches, any one, or n of them.", json_schema_extra={"ui": "select"}
    )
    count: int | None = Field(
        None,
        ge=1,
        le=100,
        title="Count",
        description="With mode n: how many branches.",
        json_schema_extra={"unit": "branches"},
    )
    merge: Literal["map", "list", "first", "none"] = Field(
        "map",
        title="Merge",
        description="How the outputs of the branches are put together.",
        json_schema_extra={"ui": "select"},
    )

    @model_validator(mode="after")
    def _count_fits(self) -> JoinConfig:
        if (self.mode == "n") != (self.count is not None):
            raise ValueError("count goes with mode n, and mode n needs it")
        return self

    @property
    def wanted(self) -> int | None:
        """How many branches are enough; None: all that can come."""
        return 1 if self.mode == "any" else self.count


class JoinNode(Node[JoinConfig]):
    """The machine gathers; this puts the outputs together."""

    type = "join"
    title = "Join"
    summary = "Waits for branches that run in parallel."
    group = Group.FLOW
    icon = "merge"
    config_model = JoinConfig
    joins = True
    example = """\
- name: both_found
  type: join
  config:
    mode: all
    merge: map
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"arrived"} if config.get("merge") == "none" else {"arrived", "branches"})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        mode = config.get("mode", "all")
        return f"{config.get('count', '?')} of the branches" if mode == "n" else f"{mode} of the branches"

    async def run(self, ctx: StepContext, config: JoinConfig) -> Outcome:
        output: dict[str, Json] = {"arrived": list(ctx.arrived)}
        if config.merge != "none":
            output["branches"] = _merged(config.merge, [(name, _output(ctx, name)) for name in ctx.arrived])
        return Done(output)


def _output(ctx: StepContext, name: str) -> Json:
    return ctx.evaluate(f"nodes.{name}.output")


def _merged(merge: str, outputs: list[tuple[str, Json]]) -> Json:
    if merge == "map":
        return dict(outputs)
    if merge == "list":
        return [output for _, output in outputs]
    return outputs[0][1]

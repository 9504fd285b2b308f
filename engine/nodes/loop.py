"""loop: run some nodes for each item of a list, or again and again until something is true.

`body` names the first of the nodes that are repeated; an edge from the last of them leads back to the loop. The loop's
own edges say where the run goes afterwards.

With `over`, each item is worked on with a copy of the data: `item` and `index` (from 0) are there beside context, and
what the body writes into context stays inside. Up to `concurrency` items are worked on at once. Without `over`, one
iteration follows the other, each sees what the one before it wrote, and so does the workflow afterwards; `item` is the
number of the iteration, from 0.

`until` is looked at after each iteration: when it is true, no further one begins. `collect` says what is kept of an
iteration, by default the output of its last node. The output is `results` (in the order of the items), `count`, and
`complete`, which is false when `max_iterations` ended a loop without `over`. A list that is longer than
`max_iterations` fails the step before anything is done.

A failed iteration fails the loop, unless `on_item_error` is skip: then its result is {error}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from engine.errors import BudgetExceeded, InputError
from engine.execution.context import StepContext
from engine.execution.node import Iterate, Json, Node, Outcome
from engine.language.node_types import Group, NodeConfig

MOST = 10_000


class LoopConfig(NodeConfig):
    over: str | None = Field(
        None,
        min_length=1,
        title="Over",
        description="Expression for the list of items. Empty: repeat until the condition below is true.",
        examples=["context.orders"],
        json_schema_extra={"ui": "expression"},
    )
    body: str = Field(
        min_length=1,
        title="Body",
        description="First of the nodes that are repeated; the last one leads back here.",
        json_schema_extra={"ui": "node"},
    )
    until: str | None = Field(
        None,
        min_length=1,
        title="Until",
        description="Stop after the iteration that makes this true.",
        examples=["context.score >= 0.8"],
        json_schema_extra={"ui": "expression"},
    )
    max_iterations: int = Field(
        100,
        ge=1,
        le=MOST,
        title="Most iterations",
        description="No more than so many.",
        json_schema_extra={"unit": "times"},
    )
    concurrency: int = Field(
        1,
        ge=1,
        le=100,
        title="At once",
        description="How many items are worked on at once.",
        json_schema_extra={"unit": "items"},
    )
    collect: str | None = Field(
        None,
        min_length=1,
        title="Collect",
        description="Expression for what is kept of an iteration. Empty: the output of its last node.",
        json_schema_extra={"ui": "expression"},
    )
    on_item_error: Literal["fail", "skip"] = Field(
        "fail",
        title="When an item fails",
        description="Fail the loop, or skip the item.",
        json_schema_extra={"ui": "select"},
    )

    @model_validator(mode="after")
    def _ends(self) -> LoopConfig:
        if self.over is None and self.concurrency > 1:
            raise ValueError("concurrency goes with over: iterations without a list follow each other")
        return self


class LoopNode(Node[LoopConfig]):
    """Says what is to be repeated; the machine opens the frames (engine/execution/loops.py)."""

    type = "loop"
    title = "Loop"
    summary = "Repeats nodes for each item of a list, or until a condition is true."
    group = Group.FLOW
    icon = "repeat"
    config_model = LoopConfig
    example = """\
- name: each_order
  type: loop
  config:
    over: context.orders
    body: look_up
    concurrency: 5
    collect: context.status
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str] | None:
        return frozenset({"results", "count", "complete"}) if config.get("over") else None

    def subtitle(self, config: Mapping[str, Any]) -> str:
        if config.get("over"):
            return f"for each of {config['over']}"
        return f"until {config.get('until') or 'the most iterations'}"

    def inputs(self, ctx: StepContext, config: LoopConfig) -> Json:
        return None if config.over is None else {"items": ctx.evaluate(config.over)}

    async def run(self, ctx: StepContext, config: LoopConfig) -> Outcome:
        if config.over is None:
            return Iterate(None)
        items = ctx.input["items"]
        if items is None:
            items = []
        if not isinstance(items, list):
            raise InputError(f"over must give a list, and {config.over} gave a {_kind(items)}", field="over")
        if len(items) > config.max_iterations:
            message = f"the list has {len(items)} items, and max_iterations is {config.max_iterations}"
            raise BudgetExceeded(message, limit="max_iterations", items=len(items))
        return Iterate(tuple(items))


def _kind(value: Json) -> str:
    return "mapping" if isinstance(value, dict) else "text" if isinstance(value, str) else type(value).__name__

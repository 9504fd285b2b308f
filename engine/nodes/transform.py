"""transform: compute values and put them into context, or remove some.

Each text in `set` is an expression; lists and mappings may hold further expressions. All of them see the data as it was
before the step, so their order does not matter. A fixed text is written as an expression in quotes: `"'gold'"`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode


class TransformConfig(NodeConfig):
    set: dict[str, Any] = Field(
        {},
        title="Set",
        description="Name -> expression; the results are put into context.",
        json_schema_extra={"ui": "key_value", "values": "expression"},
    )
    delete: list[str] = Field(
        [],
        title="Remove",
        description="Names to remove from context.",
        json_schema_extra={"ui": "list"},
    )
    next_node: NextNode = None


class TransformNode(Node[TransformConfig]):
    """Evaluates `set`, then deletes."""

    type = "transform"
    title = "Transform"
    summary = "Computes values with expressions and puts them into context."
    group = Group.DATA
    icon = "sliders-horizontal"
    config_model = TransformConfig
    example = """\
- name: sum_up
  type: transform
  config:
    set:
      total: context.price * context.quantity
      is_large: context.quantity >= 10
    delete: [price]
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
        names = (config.get("set"), config.get("delete"))
        return frozenset(str(name) for part in names if isinstance(part, dict | list) for name in part)

    def subtitle(self, config: Mapping[str, Any]) -> str:
        names = [*map(str, config.get("set") or ()), *(f"-{name}" for name in config.get("delete") or ())]
        return ", ".join(names) or "nothing to do"

    async def run(self, ctx: StepContext, config: TransformConfig) -> Outcome:
        return Done({name: _value(ctx, source) for name, source in config.set.items()}, remove=tuple(config.delete))


def _value(ctx: StepContext, source: Json) -> Json:
    if isinstance(source, str):
        return ctx.evaluate(source)
    if isinstance(source, dict):
        return {key: _value(ctx, item) for key, item in source.items()}
    if isinstance(source, list):
        return [_value(ctx, item) for item in source]
    return source

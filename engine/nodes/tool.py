"""tool: call a tool of a connector (search the knowledge base, look up an order, create a lead, ...).

Parameters are literals or references (`context.order_id`, `${...}`); a reference that finds nothing leaves its
parameter out. The tool's result is the step's output. Timeouts, retries and circuit breakers of the connector's policy
apply and can be overridden here in `policy`. Failures carry the tool's own error type (crm_error, ...) and also count
as tool_failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.errors import PermanentError
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.execution.ports import ToolCall
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode
from engine.nodes._parameters import resolve_parameters


class ToolConfig(NodeConfig):
    tool_name: str = Field(
        min_length=1, title="Tool", description="Which tool to call.", json_schema_extra={"ui": "tool"}
    )
    parameters: dict[str, Any] = Field(
        {},
        title="Parameters",
        description="Name -> value; context.x and ${...} are replaced by what they refer to.",
        json_schema_extra={"ui": "key_value"},
    )
    credential: str | None = Field(
        None,
        title="Credential",
        description="Name of the credential to use, if the tool needs one.",
        json_schema_extra={"ui": "credential"},
    )
    policy: dict[str, Any] = Field(
        {},
        title="Policy",
        description="Overrides of the connector's policy: timeout, retries, breaker, bulkhead.",
        json_schema_extra={"ui": "json"},
    )
    next_node: NextNode = None


class ToolNode(Node[ToolConfig]):
    """One call through the Tools port; the same idempotency key for every attempt."""

    type = "tool"
    title = "Tool"
    summary = "Calls a tool: knowledge, orders, customers, escalations."
    group = Group.TOOLS
    icon = "wrench"
    config_model = ToolConfig
    effect = True
    families = ("tool_failure",)
    caches = True
    example = """\
- name: find_order
  type: tool
  config:
    tool_name: get_order_details
    parameters:
      order_id: context.order_id
"""

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return str(config.get("tool_name") or "no tool chosen")

    def uncacheable(self, config: Mapping[str, Any], tools: Mapping[str, Any]) -> str | None:
        name = config.get("tool_name")
        writes = getattr(tools.get(str(name)), "writes", False)
        return f"the tool {name} changes something" if writes else None

    async def asked(self, ctx: StepContext, config: ToolConfig) -> Json:
        """Nothing of a tool that writes, whatever was known of it when the workflow was checked."""
        spec = ctx.tools.spec(config.tool_name)
        return None if spec is None or spec.writes else ctx.input

    def inputs(self, ctx: StepContext, config: ToolConfig) -> Json:
        return {"tool": config.tool_name, "parameters": resolve_parameters(ctx, config.parameters)}

    async def run(self, ctx: StepContext, config: ToolConfig) -> Outcome:
        if ctx.tools.spec(config.tool_name) is None:
            raise PermanentError(f"there is no tool named {config.tool_name!r}", tool=config.tool_name)
        call = ToolCall(
            tenant_id=ctx.run.tenant_id,
            tool=config.tool_name,
            parameters=ctx.input["parameters"],
            idempotency_key=ctx.idempotency_key,
            run_id=ctx.run.run_id,
            timeout_s=ctx.timeout_s,
            credential=config.credential,
            policy=config.policy,
        )
        return Done(await ctx.tools.call(call))

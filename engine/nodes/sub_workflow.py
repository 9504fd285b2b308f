"""sub_workflow: run another workflow as one step, or start it as a run of its own.

With `input` the called workflow gets exactly that map as its context. Without it (as in classic files) it sees the
caller's whole context. What its end node puts out becomes this step's output; without an output map it is every value
that the called workflow produced. A reply text written there becomes the caller's reply text.

Calls nest at most 8 deep, and a workflow cannot call itself, directly or through others.

With `mode: async` the other workflow gets a run of its own, with its own budget and time, and this run goes on at once:
the output is the new run's `run_id`. It is started once, however often the step is tried and whatever crashes; what
becomes of it, or of this run, does not touch the other. At most 10 runs in a row start each other in this way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from engine.execution.context import StepContext
from engine.execution.node import CallWorkflow, Done, Json, Node, Outcome
from engine.execution.ports import ChildRun
from engine.execution.records import clean
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode


class SubWorkflowConfig(NodeConfig):
    workflow_name: str = Field(
        min_length=1,
        title="Workflow",
        description="Name of the workflow to run.",
        json_schema_extra={"ui": "workflow"},
    )
    version: str | None = Field(
        None,
        title="Version",
        description="Range of published versions that will do, such as ^1.0; empty: the newest.",
        examples=["^1.0"],
    )
    input: dict[str, Any] | None = Field(
        None,
        title="Input",
        description="What the called workflow gets: name -> value. Empty: the caller's whole context.",
        json_schema_extra={"ui": "key_value"},
    )
    mode: Literal["sync", "async"] = Field(
        "sync",
        title="Mode",
        description="sync: wait for the result. async: start a run of its own and go on.",
        json_schema_extra={"ui": "select"},
    )
    next_node: NextNode = None


class SubWorkflowNode(Node[SubWorkflowConfig]):
    """Asks the executor to open a frame for the other workflow; async, starts a run, as an effect."""

    type = "sub_workflow"
    title = "Sub-workflow"
    summary = "Runs another workflow and takes its result."
    group = Group.FLOW
    icon = "workflow"
    config_model = SubWorkflowConfig
    example = """\
- name: track_order
  type: sub_workflow
  config:
    workflow_name: track_order
    version: ^1.0
    timeout_seconds: 60
    input:
      message: context.message
      order_id: context.order_id
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str] | None:
        return frozenset({"run_id"}) if config.get("mode") == "async" else None

    def subtitle(self, config: Mapping[str, Any]) -> str:
        name = str(config.get("workflow_name") or "no workflow chosen")
        return f"{name}, not waited for" if config.get("mode") == "async" else name

    def inputs(self, ctx: StepContext, config: SubWorkflowConfig) -> Json:
        if config.input is None and config.mode == "async":
            return clean(ctx.evaluate("context"))
        return ctx.resolve(config.input) if config.input is not None else None

    async def run(self, ctx: StepContext, config: SubWorkflowConfig) -> Outcome:
        if config.mode == "sync":
            return CallWorkflow(config.workflow_name, config.version, ctx.input, config.timeout_seconds)

        async def start(key: str) -> Json:
            return await ctx.runs.start(ChildRun(config.workflow_name, config.version, clean(ctx.input), key))

        return Done({"run_id": await ctx.effect("start", {"workflow": config.workflow_name}, start)})

"""saga: several tool calls that belong together; when one fails, those before it are taken back, the last one first.

Each call, forth and back, is an effect of its own: it is recorded, so a run that goes on after a crash does none of
them twice, and a failure that was recorded stays one. A call whose outcome is unknown (no answer came) is asked for
again with its key before it is taken back. The first half of the step's time is for going forth, the rest for
taking back.
A compensation that fails is tried again; in the end it is put before people (`escalate_to_human`). A run that is
cancelled in the middle takes nothing back: it stops where it is, and when somebody goes on with it, it goes on there.

Without a `compensation` the tool's own one is used; a tool that has none (a look-up) stays as it is. Parameters may
refer to what came before: `steps.<name>.x` to another step's result, and in a compensation `output.x` and
`parameters.x` to the result and the parameters of the call that it takes back.

The output is `{saga_status: completed, steps: {name: result}}`. A failure is of type saga_failed and of the type of the
call that failed (say payment_system_error), or compensation_failed when a person has to look; its details name the
step, its cause, and what is `compensated`, `kept` and `open`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.node_types import Group, NodeConfig
from engine.language.positions import Path
from engine.nodes._fields import NextNode
from engine.nodes._parameters import resolve_parameters
from engine.nodes._saga_course import Course


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Compensation(_Part):
    """The call that takes a step back."""

    tool_name: str = Field(min_length=1, title="Tool", description="Which tool takes the step back.")
    parameters: dict[str, Any] = Field({}, title="Parameters", description="As of a step, and output.x, parameters.x.")


class SagaStep(_Part):
    """One call, and how it is taken back."""

    name: str = Field(pattern=r"^[A-Za-z_]\w{0,63}$", title="Name", description="Unique in this saga.")
    tool_name: str = Field(min_length=1, title="Tool", description="Which tool to call.")
    parameters: dict[str, Any] = Field({}, title="Parameters", description="Name -> value, as of a tool node.")
    credential: str | None = Field(
        None,
        title="Credential",
        description="For the call and its compensation.",
        json_schema_extra={"ui": "credential"},
    )
    policy: dict[str, Any] = Field({}, title="Policy", description="Overrides of the connector's policy.")
    compensation: Compensation | None = Field(
        None, title="Compensation", description="The tool's own one when it is left out."
    )


class SagaConfig(NodeConfig):
    steps: list[SagaStep] = Field(
        min_length=1,
        max_length=20,
        title="Steps",
        description="The calls in their order, each with the call that takes it back.",
        json_schema_extra={"ui": "json"},
    )
    parallel: bool = Field(
        False,
        title="In parallel",
        description="Make all calls at once; taking back is always one by one.",
        json_schema_extra={"ui": "switch"},
    )
    next_node: NextNode = None

    @field_validator("steps")
    @classmethod
    def _names_differ(cls, steps: list[SagaStep]) -> list[SagaStep]:
        names = [step.name for step in steps]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(f"two steps are named {twice}")
        return steps


class SagaNode(Node[SagaConfig]):
    """Calls through the Tools port, each a durable effect."""

    type = "saga"
    title = "Saga"
    summary = "Makes several calls of which all happen or none."
    group = Group.TOOLS
    icon = "undo-2"
    config_model = SagaConfig
    effect = True
    families = ("tool_failure",)
    example = """\
- name: take_order
  type: saga
  config:
    steps:
      - name: hold_money
        tool_name: authorize_payment
        parameters: {order_id: context.order_id}
      - name: take_pieces
        tool_name: reserve_inventory
        parameters: {order_id: context.order_id}
        compensation: {tool_name: restore_inventory, parameters: {order_id: parameters.order_id}}
      - name: take_money
        tool_name: capture_payment
        parameters: {payment_id: steps.hold_money.payment_id}
"""

    def subtitle(self, config: Mapping[str, Any]) -> str:
        names = [step.get("name") for step in config.get("steps") or () if isinstance(step, Mapping)]
        return " → ".join(str(name) for name in names if name) or "no steps yet"

    def tool_names(self, config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
        steps = config.get("steps")
        for at, step in enumerate(steps if isinstance(steps, list) else ()):
            for path, part in ((("steps", at), step), (("steps", at, "compensation"), _undo_of(step))):
                if isinstance(part, Mapping) and isinstance(part.get("tool_name"), str):
                    yield (*path, "tool_name"), part["tool_name"]

    def inputs(self, ctx: StepContext, config: SagaConfig) -> Json:
        return {
            "steps": [
                {"name": step.name, "tool": step.tool_name, "parameters": resolve_parameters(ctx, step.parameters)}
                for step in config.steps
            ]
        }

    async def run(self, ctx: StepContext, config: SagaConfig) -> Outcome:
        return Done(await Course(ctx, config).run())


def _undo_of(step: Any) -> Any:
    return step.get("compensation") if isinstance(step, Mapping) else None

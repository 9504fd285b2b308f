"""code: compute something with a program in Python.

`inputs` are the program's variables: name -> value, with context.x and ${...} replaced by what they refer to. What the
program leaves in `result` is the step's output; it must be JSON (at most 1 MB), and a mapping's fields go into context.
What it prints is shown with the step.

The program runs in a process of its own, which knows no files, no network, no credentials and no other packages: the
language itself, and of the standard library such modules as json, re, math, datetime and random. A program that takes
longer than `limits.seconds` fails with timeout, every other failure is a code_error that names the line. The operator
allows code with HEDDLE_CODE=on; without it the step fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.errors import InputError
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.execution.ports import CodeTask, Usage
from engine.execution.records import fits
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode

_SHOWN = 500


class CodeLimits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    seconds: float = Field(
        5.0,
        ge=0.1,
        le=60,
        title="Longest time",
        description="The program is stopped after so long.",
        json_schema_extra={"unit": "s"},
    )
    memory_mb: int = Field(
        64,
        ge=8,
        le=256,
        title="Most memory",
        description="The program fails when it needs more.",
        json_schema_extra={"unit": "MB"},
    )


_LIMITS = CodeLimits.model_construct()  # its validator would be built at every start, used or not


class CodeConfig(NodeConfig):
    language: Literal["python"] = Field("python", title="Language", description="What the program is written in.")
    source: str = Field(
        min_length=1,
        max_length=100_000,
        title="Program",
        description="Put what is to be handed on into `result`.",
        json_schema_extra={"ui": "code"},
    )
    inputs: dict[str, Any] = Field(
        {},
        title="Inputs",
        description="Variable -> value; context.x and ${...} are replaced by what they refer to.",
        json_schema_extra={"ui": "key_value"},
    )
    limits: CodeLimits = Field(_LIMITS, title="Limits", description="How much the program may use.")
    next_node: NextNode = None

    @field_validator("inputs")
    @classmethod
    def _are_variables(cls, inputs: dict[str, Any]) -> dict[str, Any]:
        for name in inputs:
            if not name.isidentifier() or iskeyword(name):
                raise ValueError(f"{name!r} is not the name of a variable")
        return inputs


class CodeNode(Node[CodeConfig]):
    """One program through the Sandbox port. It has no effect outside, so it may be run again."""

    type = "code"
    title = "Code"
    summary = "Computes something with a program in Python, in a process that can reach nothing else."
    group = Group.DATA
    icon = "code"
    config_model = CodeConfig
    long = True
    caches = True
    example = """\
- name: add_up
  type: code
  config:
    inputs:
      price: context.price
      quantity: context.quantity
    source: |
      total = price * quantity
      result = {"total": total, "free_shipping": total >= 20}
"""

    def subtitle(self, config: Mapping[str, Any]) -> str:
        lines = [line.strip() for line in str(config.get("source") or "").splitlines()]
        first = next((line for line in lines if line and not line.startswith("#")), "no program")
        return first if len(first) <= 60 else first[:59] + "…"

    def inputs(self, ctx: StepContext, config: CodeConfig) -> Json:
        return {"inputs": ctx.resolve(config.inputs)}

    async def run(self, ctx: StepContext, config: CodeConfig) -> Outcome:
        inputs: dict[str, Json] = ctx.input["inputs"]
        if not fits(inputs):
            raise InputError("the program's inputs are larger than 1 MB", field="inputs")
        task = CodeTask(ctx.run.tenant_id, config.source, inputs, config.limits.seconds, config.limits.memory_mb)
        result = await ctx.sandbox.run(task)
        if result.printed:
            ctx.usage = Usage(reason=f"printed: {result.printed[:_SHOWN]}")
        return Done(result.value)

"""memory: remember something beyond this step, and read it again in a later step, run or conversation.

`write` lets `value` be what is remembered under `key`, `append` adds it to a list, `clear` forgets all of it. `read`
gives what was written last, or with `window` the list of the last so many entries, oldest first. What is read stands at
context.remembered (null, or an empty list, when there is nothing), or at the `output_key`. Entries end after `ttl`
seconds, by the database's clock.

`scope` says whose memory it is: that of this run, of its conversation, of the customer, or of the whole tenant. The
customer is whoever context.customer_id names when the step runs, so let a step set it that has checked who is writing
(a look-up by order number and e-mail, say), never a model that was merely told. Without a conversation or a customer
the step fails with validation_error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from engine.errors import InputError
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.execution.ports import MemoryPlace, MemoryScope
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode

Op = Literal["read", "write", "append", "clear"]
MAX_TTL_S = 10 * 366 * 86_400


class MemoryConfig(NodeConfig):
    op: Op = Field("read", title="What to do", description="read, write, append or clear.")
    scope: MemoryScope = Field(
        "conversation",
        title="Whose memory",
        description="Of this run, its conversation, the customer (context.customer_id), or the whole tenant.",
    )
    key: str = Field(
        min_length=1,
        title="Key",
        description="Under which name; {path} is filled in.",
        examples=["preferences"],
        json_schema_extra={"ui": "text"},
    )
    value: Any = Field(
        None,
        title="Value",
        description="What to remember; context.x and ${...} are replaced by what they refer to.",
        json_schema_extra={"ui": "value"},
    )
    ttl: float | None = Field(
        None,
        gt=0,
        le=MAX_TTL_S,
        title="Lasts for",
        description="The entry is forgotten after so long. Empty: it stays.",
        json_schema_extra={"unit": "s"},
    )
    window: int | None = Field(
        None,
        ge=1,
        le=100,
        title="Entries",
        description="Read the last so many entries as a list. Empty: only the last one, as it is.",
        json_schema_extra={"unit": "entries"},
    )
    next_node: NextNode = None

    @model_validator(mode="after")
    def _fields_fit(self) -> MemoryConfig:
        given = self.model_fields_set
        writes = self.op in ("write", "append")
        if writes and "value" not in given:
            raise ValueError(f"{self.op} needs a value")
        for name, fits in (("value", writes), ("ttl", writes), ("window", self.op == "read")):
            if not fits and getattr(self, name) is not None:
                raise ValueError(f"{name} says nothing where op is {self.op}")
        return self


class MemoryNode(Node[MemoryConfig]):
    """One call of the Memory port. Reading may be done again; a write carries the step's key."""

    type = "memory"
    title = "Memory"
    summary = "Remembers something for later steps, runs and conversations, or reads it."
    group = Group.DATA
    icon = "brain"
    config_model = MemoryConfig
    effect = True
    example = """\
- name: remember_language
  type: memory
  config:
    op: write
    scope: customer
    key: language
    value: context.language
    ttl: 2592000
"""

    def has_effect(self, config: MemoryConfig) -> bool:  # type: ignore[override]  # its own config
        return config.op != "read"

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"remembered"}) if config.get("op", "read") == "read" else frozenset()

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return f"{config.get('op') or 'read'} {config.get('key') or '…'} · {config.get('scope') or 'conversation'}"

    def inputs(self, ctx: StepContext, config: MemoryConfig) -> Json:
        shown = {"scope": config.scope, "owner": _owner(ctx, config.scope), "key": ctx.render(config.key).strip()}
        return shown | ({"value": ctx.resolve(config.value)} if config.op in ("write", "append") else {})

    async def run(self, ctx: StepContext, config: MemoryConfig) -> Outcome:
        place = MemoryPlace(ctx.run.tenant_id, config.scope, ctx.input["owner"], ctx.input["key"])
        match config.op:
            case "write":
                await ctx.memory.write(place, ctx.input["value"], ctx.idempotency_key, config.ttl)
            case "append":
                await ctx.memory.append(place, ctx.input["value"], ctx.idempotency_key, config.ttl)
            case "clear":
                await ctx.memory.clear(place, ctx.idempotency_key)
            case "read":
                entries = list(await ctx.memory.last(place, config.window or 1))
                found = entries if config.window is not None else entries[0] if entries else None
                return Done(found if config.output_key else {"remembered": found})
        return Done()


def _owner(ctx: StepContext, scope: MemoryScope) -> str:
    """Whose memory it is; raises InputError when the run has nobody of that kind."""
    if scope == "run":
        return str(ctx.run.run_id)
    if scope == "tenant":
        return str(ctx.run.tenant_id)
    if scope == "conversation":
        if ctx.run.conversation_id is None:
            raise InputError("this run belongs to no conversation, so it has no memory of one", field="scope")
        return str(ctx.run.conversation_id)
    customer = ctx.evaluate("context.customer_id")
    if isinstance(customer, bool) or not isinstance(customer, str | int) or not str(customer).strip():
        raise InputError("nobody has set context.customer_id, so there is no memory of a customer", field="scope")
    return str(customer).strip()

"""agent: one model call: classify, extract, judge, or write an answer.

What comes out is decided by the schema. `output_schema` is taken as it is. Without it one is inferred from what
conditions and parameters downstream read. An agent whose type states facts (classifier, extractor, analyzer, qualifier)
then answers with these fields only. One that writes for a person answers with a text, and beside it with those fields
that conditions compare (a choice, true or false, a number). Without any schema the answer is free text, streamed while
it is written. A text for the person becomes the run's reply.

An answer that does not follow the schema is sent back once with what is wrong; after that the step fails with type
schema_error. `model: auto` lets the router pick among the tiers A (fast), B (balanced) and C (best).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import SchemaMismatch, TransientError
from engine.execution.context import StepContext, Usage
from engine.execution.node import Done, Json, Node, Outcome
from engine.execution.ports import ModelReply, ModelRequest, RouteRequest, Tier
from engine.language.node_types import Group, NodeConfig
from engine.nodes._agent_presets import AGENT_TYPES, Preset, preset_of
from engine.nodes._answers import read_answer
from engine.nodes._fields import NextNode

REPLY_KEYS = ("reply", "reply_text")
_TIERS: tuple[Tier, ...] = ("A", "B", "C")


class Routing(BaseModel):
    """How `model: auto` may choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiers: dict[Tier, str] | list[Tier] | None = Field(
        None,
        title="Tiers",
        description="Which tiers may be used, with a model for each if it is not the installation's.",
    )
    min_quality: float | None = Field(
        None, ge=0, le=1, title="Least quality", description="The router takes no tier that it expects to be worse."
    )
    max_cost_usd: float | None = Field(
        None, gt=0, title="Most cost", description="Of one call.", json_schema_extra={"unit": "$"}
    )


class Memory(BaseModel):
    """How much of the conversation the model sees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: Literal["conversation"] = Field("conversation", title="Scope")
    window: int = Field(12, ge=1, le=100, title="Messages", description="The last so many messages are sent along.")


class AgentConfig(NodeConfig):
    agent_type: str = Field(
        "general",
        title="Kind of agent",
        description="Picks the instructions that the model gets by default.",
        examples=list(AGENT_TYPES),
        json_schema_extra={"ui": "select", "free": True},
    )
    model: str = Field(
        "auto",
        title="Model",
        description="auto: the router picks; tier:A, tier:B or tier:C; or the name of a model.",
        json_schema_extra={"ui": "model"},
    )
    routing: Routing | None = Field(None, title="Routing", description="Limits for the router's choice.")
    temperature: float | None = Field(
        None,
        ge=0,
        le=2,
        title="Temperature",
        description="0: always the likeliest words; higher: more varied.",
        json_schema_extra={"ui": "slider", "step": 0.1},
    )
    max_tokens: int | None = Field(
        None,
        ge=1,
        le=100_000,
        title="Longest answer",
        description="The answer is cut after so many tokens.",
        json_schema_extra={"unit": "tokens"},
    )
    prompt_template: str = Field(
        "{message}",
        title="Prompt",
        description="What the model is asked; {path} and {path | default} are filled in.",
        json_schema_extra={"ui": "prompt"},
    )
    system_prompt: str | None = Field(
        None,
        title="Instructions",
        description="Replaces the default instructions of the kind of agent; a template too.",
        json_schema_extra={"ui": "prompt"},
    )
    output_schema: dict[str, Any] | None = Field(
        None,
        title="Output schema",
        description="JSON Schema that the answer must follow. Empty: inferred from what is read downstream.",
        json_schema_extra={"ui": "schema"},
    )
    memory: Memory | None = Field(None, title="Memory", description="Let the model see the conversation so far.")
    stream: bool = Field(
        True,
        title="Stream",
        description="Show a free text while it is being written.",
        json_schema_extra={"ui": "switch"},
    )
    next_node: NextNode = None


class AgentNode(Node[AgentConfig]):
    """One model call, a second one at most to mend the answer."""

    type = "agent"
    title = "Agent"
    summary = "Asks a language model: classify, extract, judge, or write an answer."
    group = Group.MODEL
    icon = "sparkles"
    config_model = AgentConfig
    effect = True
    long = True
    infers = True
    families = ("agent_failure", "llm_error")
    example = """\
- name: classify_intent
  type: agent
  config:
    agent_type: classifier
    model: auto
    temperature: 0.1
    max_tokens: 100
    prompt_template: "What does this customer want? {message}"
    output_schema:
      type: object
      required: [intent]
      properties:
        intent: {enum: [question, order, complaint, other]}
"""

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return f"{config.get('agent_type') or 'general'} · {config.get('model') or 'auto'}"

    def inputs(self, ctx: StepContext, config: AgentConfig) -> Json:
        preset = preset_of(config.agent_type)
        schema = _schema_of(ctx, config, preset)
        system = ctx.render(config.system_prompt) if config.system_prompt is not None else preset.system
        if schema is not None:
            system += "\n\nAnswer with one JSON object that follows this JSON Schema, and nothing else:\n"
            system += json.dumps(schema, ensure_ascii=False)
        history = ctx.history[-config.memory.window :] if config.memory is not None else ()
        messages = [
            {"role": "system", "content": system},
            *({"role": turn["role"], "content": turn["content"]} for turn in history),
            {"role": "user", "content": ctx.render(config.prompt_template)},
        ]
        return {"messages": messages, "schema": schema}

    async def run(self, ctx: StepContext, config: AgentConfig) -> Outcome:
        schema: dict[str, Json] | None = ctx.input["schema"]
        request = _request(ctx, config, ctx.input["messages"], schema)
        streams = schema is None and config.stream
        reply = await ctx.models.complete(request, ctx.on_delta if streams else None)
        _count(ctx, reply)
        if schema is None:
            if not reply.text.strip():
                raise TransientError("the model answered nothing", error_type="agent_failure", model=reply.model)
            return Done(reply.text, reply=reply.text)
        value, wrong = read_answer(reply.text, schema)
        if wrong:
            value, wrong = await _repair(ctx, request, schema, reply, wrong)
        if wrong:
            raise SchemaMismatch(
                f"the model's answer does not follow the schema: {'; '.join(wrong)}", model=reply.model
            )
        return _done(value, declared=config.output_schema is not None)


def _schema_of(ctx: StepContext, config: AgentConfig, preset: Preset) -> dict[str, Json] | None:
    """The schema that the answer must follow, None for free text."""
    if config.output_schema is not None:
        return config.output_schema
    inferred = ctx.inferred_schema
    if inferred is None:
        return None
    properties = {k: v for k, v in (inferred.get("properties") or {}).items() if k not in REPLY_KEYS}
    if not preset.is_data:
        properties = {k: v for k, v in properties.items() if not _is_plain_text(v)}
    if not properties:
        return None
    required = [name for name in inferred.get("required", ()) if name in properties]
    if not preset.is_data:
        reply = {"type": "string", "description": "The text for the person."}
        properties = {"reply": reply, **properties}
        required = ["reply", *required]
    return {**inferred, "properties": properties, "required": required}


def _is_plain_text(schema: Mapping[str, Json]) -> bool:
    """A text that some step or end node downstream merely reads (an order number, a link). Facts like that come from
    agents that extract and from tools; one that writes to a person would have to make them up."""
    return set(schema) == {"type"} and schema["type"] in ("string", ["string", "null"])


def _request(
    ctx: StepContext, config: AgentConfig, messages: list[dict[str, Json]], schema: dict[str, Json] | None
) -> ModelRequest:
    """The call, and the choice of model in `ctx.usage`."""
    tiers = config.routing.tiers if config.routing is not None else None
    models = {str(tier): name for tier, name in tiers.items()} if isinstance(tiers, dict) else {}
    model = config.model
    if model == "auto":
        decision = ctx.router.choose(
            RouteRequest(
                tenant_id=ctx.run.tenant_id,
                node=ctx.path,
                text="\n".join(str(message["content"]) for message in messages[1:]),
                schema=schema,
                min_quality=config.routing.min_quality if config.routing is not None else None,
                max_cost_usd=config.routing.max_cost_usd if config.routing is not None else None,
                allowed=tuple(t for t in _TIERS if t in tiers) if tiers else _TIERS,
            )
        )
        model = f"tier:{decision.tier}"
        ctx.usage = Usage(tier=decision.tier, reason=decision.reason)
    elif model.startswith("tier:"):
        ctx.usage = Usage(tier=model.removeprefix("tier:"), reason="fixed in the workflow")
    return ModelRequest(
        tenant_id=ctx.run.tenant_id,
        model=model,
        messages=messages,
        idempotency_key=ctx.idempotency_key,
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        output_schema=schema,
        tiers=models,
        timeout_s=ctx.timeout_s,
    )


async def _repair(
    ctx: StepContext, request: ModelRequest, schema: dict[str, Json], reply: ModelReply, wrong: list[str]
) -> tuple[Json, list[str]]:
    """Send the answer back once with what is wrong with it."""
    complaint = f"That answer cannot be used: {'; '.join(wrong)}. Answer again, with the JSON object only."
    messages = [
        *request.messages,
        {"role": "assistant", "content": reply.text[:8_000]},
        {"role": "user", "content": complaint},
    ]
    again = ModelRequest(
        tenant_id=request.tenant_id,
        model=request.model,
        messages=messages,
        idempotency_key=f"{request.idempotency_key}:repair",
        temperature=request.temperature,
        max_tokens=request.max_tokens,
        output_schema=schema,
        tiers=request.tiers,
        timeout_s=request.timeout_s,
    )
    second = await ctx.models.complete(again)
    _count(ctx, second)
    return read_answer(second.text, schema)


def _count(ctx: StepContext, reply: ModelReply) -> None:
    so_far = ctx.usage
    reason = f"{so_far.reason} · {reply.note}" if so_far.reason and reply.note else so_far.reason or reply.note
    ctx.usage = Usage(
        model=reply.model,
        tier=so_far.tier,
        reason=reason if so_far.model is None else so_far.reason,
        tokens_in=so_far.tokens_in + reply.tokens_in,
        tokens_out=so_far.tokens_out + reply.tokens_out,
        cost_usd_micros=so_far.cost_usd_micros + reply.cost_usd_micros,
    )


def _done(value: Json, *, declared: bool) -> Done:
    """A `reply` that we asked for beside the fields goes to the person and not into context under that name.

    Fields of an inferred schema that are null are left out: nobody declared them, so they must not overwrite what the
    run's input brought along (to an expression, missing and null are the same).
    """
    if not isinstance(value, dict):
        return Done(value)
    reply = next((value[key] for key in REPLY_KEYS if isinstance(value.get(key), str)), None)
    if declared:
        return Done(value, reply=reply)
    return Done({k: item for k, item in value.items() if k not in REPLY_KEYS and item is not None}, reply=reply)

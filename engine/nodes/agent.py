"""agent: ask a language model: classify, extract, judge, or write an answer, with tools where it needs them.

What comes out is decided by the schema. `output_schema` is taken as it is. Without it one is inferred from what
conditions and parameters downstream read. An agent whose type states facts (classifier, extractor, analyzer, qualifier)
then answers with these fields only. One that writes for a person answers with a text, and beside it with those fields
that conditions compare (a choice, true or false, a number). Without any schema the answer is free text, streamed while
it is written. A text for the person becomes the run's reply.

An answer that does not follow the schema is sent back once with what is wrong; after that the step fails with type
schema_error. `model: auto` lets the router pick among the tiers A (fast), B (balanced) and C (best); when an answer
does not pass `routing.guard`, the next higher tier is asked.

With `tools` and `mcp` the model may call those tools, several at a time, at most `max_tool_calls` in all. Each call is
a durable effect with a key of its own. What tools return is data for the model, never an instruction. `knowledge` is
searched before the model is asked; `cite` makes the answer name its passages, which then stand at context.citations.

A tool with `approval: true` is called only after a person has approved the call: the run is suspended, without holding
a worker, and asks under Approvals with exactly the arguments of the call. Approved, the tool is called once, with these
arguments, and the agent goes on where it was. Refused, or not answered within `approvals.timeout_seconds`, it is not
called; the model is told so, with the person's note, and goes on without it. All calls of a turn are asked about at
once, each by itself, and may be answered in any order and by different people; when each is decided, those that were
approved are made, and the agent goes on. Calls that need nobody do not wait for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.execution.context import StepContext
from engine.execution.node import Ask, Done, Json, Node, Outcome
from engine.execution.ports import ModelRequest, Usage
from engine.language.node_types import Group
from engine.nodes._agent_approvals import AsksFirst
from engine.nodes._agent_config import AgentConfig, Approvals
from engine.nodes._agent_presets import Preset, preset_of
from engine.nodes._agent_prompt import cited, library_prompt, messages_of, passages_for
from engine.nodes._agent_routing import best_answer, models_in_order
from engine.nodes._agent_talk import Talk
from engine.nodes._agent_tools import tools_of

REPLY_KEYS = ("reply", "reply_text")


class AgentNode(Node[AgentConfig]):
    """A conversation with a model: tool calls, the answer, and once at most a second try at its form."""

    type = "agent"
    title = "Agent"
    summary = "Asks a language model: classify, extract, judge, or write an answer."
    group = Group.MODEL
    icon = "sparkles"
    config_model = AgentConfig
    effect = True
    long = True
    infers = True
    caches = True
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
        schema = _schema_of(ctx, config, preset_of(config.agent_type))
        if config.prompt is not None:
            return {"prompt": config.prompt, "schema": schema}
        return {"messages": messages_of(ctx, config, schema), "schema": schema}

    def uncacheable(self, config: Mapping[str, Any], tools: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        used = "tools" if config.get("tools") else "mcp" if config.get("mcp") else None
        return f"an agent with {used} has to call them each time" if used else None

    async def asked(self, ctx: StepContext, config: AgentConfig) -> Json:
        """The messages in full, and what knowledge is asked or was found before."""
        schema = ctx.input["schema"]
        messages = messages_of(ctx, config, schema, await library_prompt(ctx, config))
        queries = [ctx.render(use if isinstance(use, str) else use.query) for use in config.knowledge]
        found = ctx.evaluate("context.search_results") if config.cite else None
        return {"messages": messages, "schema": schema, "queries": queries, "found": found}

    def tool_names(self, config: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        tools = config.get("tools")
        for at, use in enumerate(tools if isinstance(tools, list) else ()):
            name = use.get("tool_name") if isinstance(use, Mapping) else None
            if isinstance(name, str) and name:
                yield ("tools", at, "tool_name"), name

    async def run(self, ctx: StepContext, config: AgentConfig) -> Outcome:
        kept = ctx.kept
        passages = await passages_for(ctx, config) if kept is None else kept["passages"]
        talk = await _talk(ctx, config, passages)
        if kept is None:
            models = models_in_order(ctx, config, talk.request)
        else:
            models, ctx.usage = kept["models"], Usage(tier=kept["tier"], reason=kept["reason"])
        try:
            value = await best_answer(talk, config, models)
        except AsksFirst:
            return _asking(talk, models, passages if config.cite else [])
        return _done(value, config, passages)


async def _talk(ctx: StepContext, config: AgentConfig, passages: Sequence[Mapping[str, Json]]) -> Talk:
    """The conversation with the model: at its beginning, or where it was broken off."""
    kept = ctx.kept
    prompt = await library_prompt(ctx, config) if kept is None else None
    messages = messages_of(ctx, config, ctx.input["schema"], prompt, passages) if kept is None else kept["messages"]
    request = _request(ctx, config, messages)
    talk = Talk(
        ctx,
        request,
        tools=await tools_of(ctx, config),
        max_calls=config.max_tool_calls,
        streams=request.output_schema is None and config.stream and _guard(config) != "judge",
        asks=config.approvals or Approvals(),
    )
    if kept is not None:
        talk.take_up(kept)
    return talk


def _asking(talk: Talk, models: Sequence[str], passages: Sequence[Mapping[str, Json]]) -> Ask:
    """Wait for the answers to what the talk asks; with all that is needed to go on from there."""
    assert talk.turn is not None
    asked, usage = talk.turn.asked, talk.ctx.usage
    left = list(models)[models.index(talk.request.model) :]
    keep = {"models": left, "tier": usage.tier, "reason": usage.reason, "passages": list(passages), **talk.kept()}
    return Ask(tuple(one.question for one in asked), talk.ctx.signal, asked[0].until, keep)


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


def _request(ctx: StepContext, config: AgentConfig, messages: list[dict[str, Json]]) -> ModelRequest:
    """The first call; who answers it is decided later."""
    routing = config.routing
    tiers = routing.tiers if routing is not None and isinstance(routing.tiers, dict) else {}
    longest_ms = routing.max_latency_ms if routing is not None else None
    return ModelRequest(
        tenant_id=ctx.run.tenant_id,
        model=config.model,
        messages=messages,
        idempotency_key=ctx.idempotency_key,
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        output_schema=ctx.input["schema"],
        tiers={str(tier): name for tier, name in tiers.items()},
        timeout_s=ctx.timeout_s if longest_ms is None else min(ctx.timeout_s, longest_ms / 1000),
    )


def _guard(config: AgentConfig) -> str:
    return config.routing.guard if config.routing is not None else "schema"


def _done(value: Json, config: AgentConfig, passages: Sequence[Mapping[str, Json]]) -> Done:
    """The step's result. A text is the reply; beside fields, the one named `reply` is.

    A `reply` that we asked for beside the fields does not go into context under that name. Fields of an inferred schema
    that are null are left out: nobody declared them, so they must not overwrite what the run's input brought along (to
    an expression, missing and null are the same).
    """
    texts = value if isinstance(value, dict) else {"reply": value}
    key = next((key for key in REPLY_KEYS if isinstance(texts.get(key), str)), None)
    reply = None if key is None else texts[key]
    extra: dict[str, Json] = {}
    if config.cite:
        reply, extra["citations"] = cited(reply or "", passages)
        value = {**value, key: reply} if isinstance(value, dict) and key else reply if key else value
    if isinstance(value, dict) and config.output_schema is None:
        value = {k: item for k, item in value.items() if k not in REPLY_KEYS and item is not None}
    return Done(value, reply=reply, context=extra)

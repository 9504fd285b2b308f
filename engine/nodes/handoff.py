"""handoff: hand the conversation over to people.

It is put into a `queue` (a team's name, or the e-mail address of a member) with its priority, the customer, the words
of the conversation and a summary: written by a model (`summary: true`), by the workflow (a template), or none. A model
that fails costs the summary, not the hand-over. `message` is said to the person at the other end.

The run goes on at once. With `resume_on: resolved` it waits, without holding a worker, until somebody resolves the
matter under Approvals; what they reply to the customer becomes the reply of the run. When nobody does within
`timeout_seconds`, the step fails with type timeout; a `retry` with `on: [timeout]` waits once more, for as long again.

The output has `escalation_id`, `queue`, `priority` and `summary`; after a resolution also `resolved`, `comment`, `by`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator

from engine.errors import AppError, PermanentError, Unanswered
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome, Suspend
from engine.execution.ports import ToolCall
from engine.execution.questions import faults, hash_of
from engine.language.node_types import Group
from engine.language.ways import TIMED_OUT, Way
from engine.nodes._fields import LONGEST_WAIT_S, NextNode
from engine.nodes._model_calls import ModelConfig, ask

HAND_OVER, RESOLVE = "hand_over", "resolve_escalation"
SAID = "Thank you. A colleague takes over from here and will get back to you."
LAST = 20  # messages of the conversation that go with it
MAX_TEXT = 8_000
_WHO = {"user": "customer"}
_ABOUT = (
    "A colleague takes over a conversation with a customer. Tell them in two to five sentences what the customer "
    "wants, what was tried or promised, and what is open."
)
_SUMMARY = {
    "type": "object",
    "required": ["summary"],
    "properties": {"summary": {"type": "string", "minLength": 1, "maxLength": 2_000}},
}
_REPLY = {"type": "string", "format": "multiline", "maxLength": MAX_TEXT, "title": "Reply to the customer"}


class HandoffConfig(ModelConfig):
    queue: str = Field(
        "human",
        max_length=254,
        title="Queue",
        description="Name of the team, or the e-mail address of a member.",
        examples=["tier1"],
    )
    priority: str | None = Field(
        None,
        title="Priority",
        description="low, medium, high or critical, or where it stands, such as context.priority.",
    )
    summary: bool | str = Field(
        True,
        title="Summary",
        description="true: a model writes it; a template: your own words; false: none.",
        json_schema_extra={"ui": "textarea"},
    )
    message: str = Field(
        SAID,
        title="Message",
        description="What the person at the other end is told; empty: nothing.",
        json_schema_extra={"ui": "textarea"},
    )
    resume_on: Literal["resolved"] | None = Field(
        None,
        title="Resume on",
        description="resolved: wait until somebody has resolved it. Empty: go on at once.",
        json_schema_extra={"ui": "select"},
    )
    timeout_seconds: float | None = Field(
        None,
        gt=0,
        le=LONGEST_WAIT_S,
        title="Timeout",
        description="How long a resolution is waited for. Empty: for ever.",
        json_schema_extra={"unit": "s"},
    )
    next_node: NextNode = None

    @field_validator("queue")
    @classmethod
    def _is_a_name_or_address(cls, queue: str) -> str:
        name, at, host = queue.partition("@")
        plain = name.replace("-", "").replace("_", "").replace(".", "").replace("+", "")
        if not plain.isalnum() or (bool(at) and (not host or "@" in host)) or any(c.isspace() for c in queue):
            raise ValueError("a queue is a name such as tier1, or an e-mail address")
        return queue


class HandoffNode(Node[HandoffConfig]):
    """Two durable effects, handing over and resolving, with the wait of a question between them."""

    type = "handoff"
    title = "Hand-off"
    summary = "Hands the conversation over to people, and waits for them if you like."
    group = Group.PEOPLE
    icon = "headset"
    config_model = HandoffConfig
    effect = True
    long = True
    families = ("tool_failure",)
    example = """\
- name: to_a_person
  type: handoff
  config:
    queue: tier1
    priority: context.priority
    summary: true
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
        later = ("resolved", "comment", "by") if config.get("resume_on") else ()
        said = ("reply_text",) if later or config.get("message", SAID) else ()
        return frozenset(("escalation_id", "queue", "priority", "summary", *later, *said))

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return f"to {config.get('queue') or 'human'}" + (", waits" if config.get("resume_on") else "")

    def ways(self, config: Mapping[str, Any]) -> tuple[Way, ...]:
        return (TIMED_OUT,) if config.get("resume_on") and config.get("timeout_seconds") else ()

    def inputs(self, ctx: StepContext, config: HandoffConfig) -> Json:
        priority, customer = ctx.resolve(config.priority), ctx.evaluate("context.customer_id")
        return {
            "queue": config.queue,
            "priority": None if priority is None else str(priority)[:40],
            "customer_id": None if customer is None else str(customer)[:254],
            "message": ctx.render(config.message),
            "summary": ctx.render(config.summary)[:MAX_TEXT] if isinstance(config.summary, str) else None,
            "conversation": _conversation(ctx),
        }

    async def run(self, ctx: StepContext, config: HandoffConfig) -> Outcome:
        async def hand_over(key: str) -> Json:
            summary = await _summary(ctx, config)
            return await _hand_over(ctx, summary, key) | {"summary": summary}

        matter = await ctx.effect(HAND_OVER, {"queue": config.queue}, hand_over)
        known = {name: matter[name] for name in ("escalation_id", "queue", "priority", "summary")}
        told = ctx.input["message"]
        if config.resume_on is None:
            await ctx.on_delta(told)
            return Done(known, reply=told or None)
        asked = _question(matter)
        resumed = ctx.resumed
        if resumed is None:
            await ctx.on_delta(told)
            until = None if config.timeout_seconds is None else ctx.clock.now() + config.timeout_seconds
            return Suspend("handoff", until, ctx.signal, asked)
        if resumed.signal is None:
            raise Unanswered(f"nobody resolved {matter['escalation_id']} in time", timeout_s=config.timeout_seconds)
        if faults(asked, resumed.data):
            return Suspend("handoff", resumed.until, ctx.signal, asked)
        return await _resolved(ctx, known, resumed.data)


def _conversation(ctx: StepContext) -> list[Json]:
    """The last messages, the newest at the end; each as a person would read it."""
    said = ctx.evaluate("context.message")
    messages = [*ctx.history, *([{"role": "user", "content": str(said)}] if said else [])]
    return [{"role": one["role"], "content": one["content"][:MAX_TEXT]} for one in messages[-LAST:]]


async def _summary(ctx: StepContext, config: HandoffConfig) -> str | None:
    if config.summary is not True:
        return ctx.input["summary"] or None
    talk = _as_text(ctx.input["conversation"])
    if not talk:
        return None
    try:
        answer = await ask(ctx, config, system=_ABOUT, parts={"message": talk}, schema=_SUMMARY, max_tokens=500)
    except AppError:
        return None
    return str(answer["summary"])


def _as_text(conversation: Sequence[Mapping[str, Json]]) -> str:
    return "\n".join(f"{_WHO.get(one['role'], one['role'])}: {one['content']}" for one in conversation)


async def _hand_over(ctx: StepContext, summary: str | None, key: str) -> dict[str, Json]:
    given = ctx.input
    last = given["conversation"][-1]["content"] if given["conversation"] else ""
    parameters = {
        "queue": given["queue"],
        "priority": given["priority"],
        "customer_id": given["customer_id"],
        "message": summary or last,
        "conversation": given["conversation"],
        "workflow": ctx.run.workflow,
    }
    known = {name: value for name, value in parameters.items() if value is not None}
    done: dict[str, Json] = await _call(ctx, HAND_OVER, known, key)
    return {**done, "customer_id": given["customer_id"], "conversation": given["conversation"]}


def _question(matter: Mapping[str, Json]) -> dict[str, Json]:
    """What people are shown, and answer with `resolve`."""
    details = {name: matter[name] for name in ("escalation_id", "queue", "priority", "customer_id")}
    details["conversation"] = _as_text(matter["conversation"])
    queue = matter["queue"]
    shown: dict[str, Json] = {
        "mode": "handoff",
        "message": matter["summary"] or f"{matter['escalation_id']} waits in the queue {queue}.",
        "details": {name: value for name, value in details.items() if value},
        "choices": [],
        "form": {"type": "object", "properties": {"reply": _REPLY}},
        "assignees": [queue] if "@" in queue else [],
    }
    shown["order"] = {"details": list(shown["details"]), "form": ["reply"]}
    return {**shown, "hash": hash_of(shown)}


async def _resolved(ctx: StepContext, known: Mapping[str, Json], answer: Mapping[str, Json]) -> Done:
    comment = answer.get("comment")
    parameters = {"escalation_id": known["escalation_id"], **({"note": comment} if comment else {})}

    async def resolve(key: str) -> Json:
        return await _call(ctx, RESOLVE, parameters, key)

    await ctx.effect(RESOLVE, parameters, resolve)
    reply = (answer.get("values") or {}).get("reply") or None
    return Done({**known, "resolved": True, "comment": comment, "by": answer.get("by")}, reply=reply)


async def _call(ctx: StepContext, tool: str, parameters: Mapping[str, Json], key: str) -> Any:
    if ctx.tools.spec(tool) is None:
        raise PermanentError("this installation has no service desk to hand over to", tool=tool)
    call = ToolCall(
        tenant_id=ctx.run.tenant_id,
        tool=tool,
        parameters=parameters,
        idempotency_key=key,
        run_id=ctx.run.run_id,
        timeout_s=ctx.timeout_s,
    )
    return await ctx.tools.call(call)

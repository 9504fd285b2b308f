"""The conversation of one agent step with its model: turns, tool calls, and one repair of an answer without form.

Every turn of an agent with tools is a durable effect, so that a step that is started again after a crash takes the same
decisions and repeats no call. The answer itself is asked for anew: nothing depends on it yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.errors import BudgetExceeded, SchemaMismatch, TransientError
from engine.execution.context import StepContext, Usage
from engine.execution.ports import ModelReply, ModelRequest
from engine.nodes._agent_tools import LIMIT, Tool, call_all, told
from engine.nodes._answers import read_answer

Json = Any
_ECHOED = 8_000


@dataclass(slots=True)
class Talk:
    """`request` is the first call; its messages grow in `messages`, and stay when a higher tier goes on."""

    ctx: StepContext
    request: ModelRequest
    tools: Mapping[str, Tool]
    max_calls: int
    streams: bool
    messages: list[dict[str, Json]] = field(default_factory=list)
    calls: int = 0
    turns: int = 0

    def __post_init__(self) -> None:
        self.messages = [dict(message) for message in self.request.messages]

    async def answer(self, model: str) -> tuple[Json, ModelReply]:
        """The answer of `model`: text, or a value that follows the schema. Raises SchemaMismatch."""
        self.request = replace(self.request, model=model)
        reply = await self._ask()
        schema = self.request.output_schema
        if schema is None:
            if not reply.text.strip():
                raise TransientError("the model answered nothing", error_type="agent_failure", model=reply.model)
            return reply.text, reply
        value, wrong = read_answer(reply.text, schema)
        if wrong:
            reply = await self._repair(reply, wrong)
            value, wrong = read_answer(reply.text, schema)
        if wrong:
            reason = f"the model's answer does not follow the schema: {'; '.join(wrong)}"
            raise SchemaMismatch(reason, model=reply.model)
        return value, reply

    async def _ask(self) -> ModelReply:
        """Turn after turn, until the model answers without a call."""
        while True:
            self.turns += 1
            reply = await (self._turn() if self.tools else self._complete(self._key(f"turn:{self.turns}")))
            if not reply.tool_calls:
                return reply
            await self._use(reply)

    async def _use(self, reply: ModelReply) -> None:
        if self.calls >= self.max_calls:
            raise TransientError(f"the model calls tools without end ({LIMIT})", error_type="agent_failure")
        results = await call_all(self.ctx, self.tools, reply.tool_calls, self.calls, self.max_calls)
        self.calls += len(results)
        self.messages.append({"role": "assistant", "content": reply.text or None, "tool_calls": _wire(reply)})
        for call, result in zip(reply.tool_calls, results, strict=True):
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": told(result)})

    async def _turn(self) -> ModelReply:
        """A turn as an effect. A recorded call of tools is taken as it was; a recorded answer is asked for again."""
        asked = False

        async def work(key: str) -> Json:
            nonlocal asked
            asked = True
            return {**asdict(await self._complete(key)), "attempt": self.ctx.attempt}

        name = f"turn:{self.turns}"
        recorded = dict(
            await self.ctx.effect(name, {"model": self.request.model, "messages": len(self.messages)}, work)
        )
        if asked:
            recorded.pop("attempt")
            return ModelReply(**recorded)
        attempt = recorded.pop("attempt")
        reply = ModelReply(**recorded)
        if not reply.tool_calls:
            return await self._complete(self._key(f"{name}:{self.ctx.attempt}"))
        if attempt == self.ctx.attempt:
            self._count(reply)  # the attempt that paid for it left no record of its own
        return reply

    async def _complete(self, key: str) -> ModelReply:
        ctx = self.ctx
        left = ctx.money_left_usd_micros
        if left is not None and ctx.usage.cost_usd_micros > left:
            raise BudgetExceeded("the run's budget does not allow another model call", limit="max_cost_usd")
        request = replace(
            self.request,
            messages=list(self.messages),
            idempotency_key=key,
            tools=[tool.offer() for tool in self.tools.values()],
            may_call=self.calls < self.max_calls,
        )
        reply = await ctx.models.complete(request, ctx.on_delta if self.streams else None)
        self._count(reply)
        return reply

    async def _repair(self, reply: ModelReply, wrong: list[str]) -> ModelReply:
        """Send the answer back once with what is wrong with it. No tool is called for that."""
        complaint = f"That answer cannot be used: {'; '.join(wrong)}. Answer again, with the JSON object only."
        messages = [
            *self.messages,
            {"role": "assistant", "content": reply.text[:_ECHOED]},
            {"role": "user", "content": complaint},
        ]
        tools = [tool.offer() for tool in self.tools.values()]
        key = self._key("repair" if self.turns == 1 else f"repair:{self.turns}")
        again = replace(self.request, messages=messages, idempotency_key=key, tools=tools, may_call=False)
        second = await self.ctx.models.complete(again)
        self._count(second)
        return second

    def _key(self, name: str) -> str:
        return self.ctx.idempotency_key if name == "turn:1" else f"{self.ctx.idempotency_key}:{name}"

    def _count(self, reply: ModelReply) -> None:
        self.ctx.usage = counted(self.ctx.usage, reply)


def counted(so_far: Usage, reply: ModelReply) -> Usage:
    """The step's usage with one more call in it."""
    reason = f"{so_far.reason} · {reply.note}" if so_far.reason and reply.note else so_far.reason or reply.note
    return Usage(
        model=reply.model,
        tier=so_far.tier,
        reason=reason if so_far.model is None else so_far.reason,
        tokens_in=so_far.tokens_in + reply.tokens_in,
        tokens_out=so_far.tokens_out + reply.tokens_out,
        cost_usd_micros=so_far.cost_usd_micros + reply.cost_usd_micros,
    )


def _wire(reply: ModelReply) -> list[dict[str, Json]]:
    """The calls in the OpenAI form, as the model made them."""
    return [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"], ensure_ascii=False)},
        }
        for call in reply.tool_calls
    ]

"""The conversation of one agent step with its model: turns, tool calls, and one repair of an answer without form.

Every turn of an agent with tools is a durable effect, so that a step that is started again after a crash takes the same
decisions and repeats no call. The answer itself is asked for anew: nothing depends on it yet.

Calls that a person has to approve first break the talk off (AsksFirst): the step puts aside what has been said and
done, and takes it up there again when each of them is decided. Calls of the same turn that need nobody are made before;
what they gave is kept, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.errors import BudgetExceeded, SchemaMismatch, TransientError
from engine.execution.context import StepContext
from engine.execution.ports import ModelReply, ModelRequest, Usage
from engine.nodes._agent_approvals import Asked, AsksFirst, ask_all, refusal
from engine.nodes._agent_config import Approvals
from engine.nodes._agent_tools import LIMIT, Call, Tool, call_all, calls_of, told
from engine.nodes._answers import read_answer

Json = Any
_ECHOED = 8_000


@dataclass(slots=True)
class Turn:
    """A turn of the model that calls tools, under way. `told` are the results so far, by the calls' numbers."""

    reply: ModelReply
    calls: tuple[Call, ...]
    told: dict[int, str] = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    approved: frozenset[int] = frozenset()

    def kept(self) -> Json:
        calls = [asdict(call) for call in self.calls]
        results = {str(number): text for number, text in self.told.items()}
        asked = [one.kept() for one in self.asked]
        return {"reply": asdict(self.reply), "calls": calls, "told": results, "asked": asked}

    @classmethod
    def of(cls, kept: Mapping[str, Json]) -> Turn:
        calls = tuple(Call(**call) for call in kept["calls"])
        results = {int(number): text for number, text in kept["told"].items()}
        asked = kept["asked"]
        numbered = {call.number: call for call in calls}
        # one at a time, as an earlier version asked
        questions = tuple(Asked.of(one, numbered) for one in (asked if isinstance(asked, list) else [asked]))
        return cls(ModelReply(**kept["reply"]), calls, results, questions)


@dataclass(slots=True)
class Talk:
    """`request` is the first call; its messages grow in `messages`, and stay when a higher tier goes on."""

    ctx: StepContext
    request: ModelRequest
    tools: Mapping[str, Tool]
    max_calls: int
    streams: bool
    asks: Approvals = field(default_factory=Approvals)
    messages: list[dict[str, Json]] = field(default_factory=list)
    calls: int = 0
    turns: int = 0
    turn: Turn | None = None

    def __post_init__(self) -> None:
        self.messages = [dict(message) for message in self.request.messages]

    def kept(self) -> dict[str, Json]:
        """The talk as it was broken off, as JSON."""
        assert self.turn is not None
        return {"messages": self.messages, "calls": self.calls, "turns": self.turns, "turn": self.turn.kept()}

    def take_up(self, kept: Mapping[str, Json]) -> None:
        """Be where the talk that put this aside was."""
        self.messages, self.calls, self.turns = list(kept["messages"]), kept["calls"], kept["turns"]
        self.turn = Turn.of(kept["turn"])

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
            if self.turn is None:
                self.turns += 1
                reply = await (self._turn() if self.tools else self._complete(self._key(f"turn:{self.turns}")))
                if not reply.tool_calls:
                    return reply
                if self.calls >= self.max_calls:
                    raise TransientError(f"the model calls tools without end ({LIMIT})", error_type="agent_failure")
                self.turn = Turn(reply, calls_of(self.tools, reply.tool_calls, self.calls, self.max_calls))
            await self._use(self.turn)

    async def _use(self, turn: Turn) -> None:
        """Make the turn's calls, and tell the model. Raises AsksFirst while some of them wait for a person."""
        self._decide(turn)
        free = [call for call in turn.calls if call.number not in turn.told and self._may_be_made(turn, call)]
        turn.told |= await call_all(self.ctx, self.tools, free)
        left = [call for call in turn.calls if call.number not in turn.told]
        if left:
            turn.asked = turn.asked or ask_all(self.ctx, left, self.tools, self.asks)
            raise AsksFirst
        self.calls += len(turn.calls)
        self.messages.append({"role": "assistant", "content": turn.reply.text or None, "tool_calls": _wire(turn.reply)})
        for asked, call in zip(turn.reply.tool_calls, turn.calls, strict=True):
            self.messages.append({"role": "tool", "tool_call_id": asked["id"], "content": turn.told[call.number]})
        self.turn = None

    def _decide(self, turn: Turn) -> None:
        """Take what ended the wait as the answers to the open questions; those that it does not answer stay open."""
        still: list[Asked] = []
        for asked in turn.asked:
            why = refusal(asked, self.ctx.resumed, self.asks)
            if why is None:
                still.append(asked)
            elif why:
                turn.told[asked.number] = told({"error": why})
            else:
                turn.approved |= {asked.number}
        turn.asked = tuple(still)

    def _may_be_made(self, turn: Turn, call: Call) -> bool:
        return call.fault is not None or call.number in turn.approved or not self.tools[call.tool].approval

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

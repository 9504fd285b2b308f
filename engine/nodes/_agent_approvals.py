"""Calls of tools that a person has to approve first: what is asked, and what the answer means.

A question is about one call. Its hash covers the tool, exactly the arguments, which call of the step it is, and when
it was asked: what was approved is called with these arguments and no others, and no answer counts for another call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ControlSignal
from engine.execution.context import Resumed, StepContext
from engine.execution.questions import faults, hash_of
from engine.nodes._agent_config import Approvals
from engine.nodes._agent_tools import Call, Tool

Json = Any
_INSTEAD = "It was not made. Go on without it, and do not ask for it again."


class AsksFirst(ControlSignal):
    """An agent's talk cannot go on before a person has answered what it asks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question that is open. `until` (unix time) is how long; None: for ever."""

    number: int
    question: Mapping[str, Json]
    until: float | None


def ask(ctx: StepContext, call: Call, tool: Tool, asks: Approvals) -> Asked:
    """The question about this call."""
    spec = tool.spec
    shown: dict[str, Json] = {
        "mode": "approval",
        "message": f"May the agent {ctx.node} call “{spec.title}”?",
        "tool": {"name": call.tool, "title": spec.title, "description": spec.description},
        "call": call.number,
        "since": ctx.clock.now(),
        "details": dict(call.arguments),
        "choices": [],
        "form": None,
        "order": {"details": list(call.arguments), "form": []},
        "assignees": list(asks.assignees),
    }
    until = None if asks.timeout_seconds is None else shown["since"] + asks.timeout_seconds
    return Asked(call.number, {**shown, "hash": hash_of(shown)}, until)


def refusal(asked: Asked, call: Call, resumed: Resumed | None, asks: Approvals) -> str | None:
    """Why the call is not made, in words for the model; "" when it is approved, None when that is not decided yet."""
    if resumed is None or asked.question["details"] != call.arguments:
        return None
    if resumed.signal is None:
        return f"Nobody approved this call within {asks.timeout_seconds:g} s. {_INSTEAD}"
    if faults(asked.question, resumed.data):
        return None
    if resumed.data["decision"] == "approve":
        return ""
    comment = str(resumed.data.get("comment") or "").strip()
    said = f" They wrote: {comment}" if comment else ""
    return f"A person has refused this call. {_INSTEAD}{said}"

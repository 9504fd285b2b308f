"""Calls of tools that a person has to approve first: what is asked, and what the answer means.

All calls of a turn are asked about at once. A question is about one call: its hash covers the tool, exactly the
arguments, which call of the step it is, and when it was asked. What was approved is called with these arguments and no
others, and no answer counts for another call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """An agent's talk cannot go on before people have answered what it asks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is open, about the call of that number. `until` (unix time) is how long; None: for ever."""

    number: int
    question: Mapping[str, Json]
    until: float | None

    def kept(self) -> dict[str, Json]:
        """As JSON, without the details: they are the call's arguments, which are kept with the call."""
        told = {key: value for key, value in self.question.items() if key != "details"}
        return {"number": self.number, "question": told, "until": self.until}

    @classmethod
    def of(cls, kept: Mapping[str, Json], calls: Mapping[int, Call]) -> Asked:
        """The question that `kept` was made of; an earlier version kept its details, too."""
        details = dict(calls[kept["number"]].arguments)
        return cls(kept["number"], {"details": details, **kept["question"]}, kept["until"])


def ask_all(ctx: StepContext, calls: Sequence[Call], tools: Mapping[str, Tool], asks: Approvals) -> tuple[Asked, ...]:
    """A question about each of these calls, all from now on and for as long."""
    since = ctx.clock.now()
    return tuple(_ask(ctx.node, since, call, tools[call.tool], asks) for call in calls)


def _ask(node: str, since: float, call: Call, tool: Tool, asks: Approvals) -> Asked:
    spec = tool.spec
    shown: dict[str, Json] = {
        "mode": "approval",
        "message": f"May the agent {node} call “{spec.title}”?",
        "tool": {"name": call.tool, "title": spec.title, "description": spec.description},
        "call": call.number,
        "since": since,
        "details": dict(call.arguments),
        "choices": [],
        "form": None,
        "order": {"details": list(call.arguments), "form": []},
        "assignees": list(asks.assignees),
    }
    until = None if asks.timeout_seconds is None else since + asks.timeout_seconds
    return Asked(call.number, {**shown, "hash": hash_of(shown)}, until)


def refusal(asked: Asked, resumed: Resumed | None, asks: Approvals) -> str | None:
    """Why the call is not made, in words for the model; "" when it is approved, None when that is not decided yet."""
    if resumed is None:
        return None
    answer = _answer_to(asked.question, resumed.data)
    if answer is None and resumed.signal is None:
        return f"Nobody approved this call within {asks.timeout_seconds:g} s. {_INSTEAD}"
    if answer is None:
        return None
    if answer["decision"] == "approve":
        return ""
    comment = str(answer.get("comment") or "").strip()
    said = f" They wrote: {comment}" if comment else ""
    return f"A person has refused this call. {_INSTEAD}{said}"


def _answer_to(question: Mapping[str, Json], data: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The answer among what ended the wait. One that began when a question was asked at a time ended with its answer
    itself, or with whatever had the signal's name."""
    answers = data.get("answers")
    answer = answers.get(question["hash"]) if isinstance(answers, dict) else data
    return answer if isinstance(answer, dict) and not faults(question, answer) else None

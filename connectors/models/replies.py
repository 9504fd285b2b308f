"""LiteLLM's responses, whole or in pieces -> one plain answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.models.failures import AGENT_FAILURE
from engine.errors import TransientError

Json = Any


@dataclass(slots=True)
class Answer:
    """What came back. `usage` is LiteLLM's object, None when the provider told nothing."""

    text: str
    tool_calls: list[dict[str, Json]] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Any = None

    @property
    def tokens_in(self) -> int:
        return int(self.usage.prompt_tokens or 0) if self.usage is not None else 0

    @property
    def tokens_out(self) -> int:
        return int(self.usage.completion_tokens or 0) if self.usage is not None else 0


def whole(response: Any) -> Answer:
    """The answer of a call without streaming."""
    choices = getattr(response, "choices", None)
    if not choices:
        raise TransientError("The model provider answered without an answer.", error_type=AGENT_FAILURE)
    message = choices[0].message
    calls = [_tool_call(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    return Answer(message.content or "", calls, choices[0].finish_reason, _told(getattr(response, "usage", None)))


async def collect(pieces: AsyncIterator[Any], forward: Callable[[str], Awaitable[None]]) -> Answer:
    """The answer of a streaming call; each piece of text goes to `forward` as it comes."""
    answer = Answer("")
    text: list[str] = []
    calls: dict[int, dict[str, str]] = {}
    async for piece in pieces:
        answer.usage = _told(getattr(piece, "usage", None)) or answer.usage
        if not piece.choices:
            continue
        choice = piece.choices[0]
        answer.finish_reason = choice.finish_reason or answer.finish_reason
        for part in choice.delta.tool_calls or ():
            call = calls.setdefault(part.index or 0, {"id": "", "name": "", "arguments": ""})
            call["id"] = part.id or call["id"]
            call["name"] += part.function.name or ""
            call["arguments"] += part.function.arguments or ""
        if choice.delta.content:
            text.append(choice.delta.content)
            await forward(choice.delta.content)
    answer.text = "".join(text)
    answer.tool_calls = [_tool_call(c["id"], c["name"], c["arguments"]) for _, c in sorted(calls.items())]
    return answer


def _told(usage: Any) -> Any:
    """The usage when it says anything: LiteLLM fills in zeros for a provider that said nothing."""
    if usage is None or not (usage.prompt_tokens or usage.completion_tokens):
        return None
    return usage


def _tool_call(call_id: str | None, name: str | None, arguments: str | None) -> dict[str, Json]:
    try:
        parsed = json.loads(arguments or "{}")
    except ValueError as error:
        raise TransientError("The model called a tool with broken JSON.", error_type=AGENT_FAILURE) from error
    if not name or not isinstance(parsed, dict):
        raise TransientError("The model made a tool call without a name or arguments.", error_type=AGENT_FAILURE)
    return {"id": call_id or name, "name": name, "arguments": parsed}

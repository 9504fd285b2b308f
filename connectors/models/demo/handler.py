"""The demo model as a LiteLLM provider: ids heddle-demo/tier-a, -b and -c. The only file here that knows LiteLLM."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

from litellm.llms.custom_llm import CustomLLM
from litellm.types.utils import Choices, GenericStreamingChunk, Message, ModelResponse, Usage

from connectors.models.demo.brain import PRICES_USD_PER_MILLION, TIERS, Answer, answer, pieces

PROVIDER = "heddle-demo"
Json = Any


def model_id(tier: str) -> str:
    """The LiteLLM id of a tier's demo model."""
    return f"{PROVIDER}/tier-{tier.lower()}"


def prices() -> dict[str, Json]:
    """Entries for `litellm.register_model`, so that a demo call has a price like any other."""
    return {
        model_id(tier): {
            "litellm_provider": PROVIDER,
            "mode": "chat",
            "input_cost_per_token": cost_in / 1_000_000,
            "output_cost_per_token": cost_out / 1_000_000,
            "cache_creation_input_token_cost": 0.0,
            "cache_read_input_token_cost": 0.0,
            "supports_response_schema": True,
            "supports_function_calling": True,
        }
        for tier, (cost_in, cost_out) in PRICES_USD_PER_MILLION.items()
    }


class DemoModel(CustomLLM):
    """Answers completions by `brain.answer`; every form of the call gives the same text."""

    def completion(self, *_: Any, **kwargs: Any) -> ModelResponse:
        return _response(_answer(kwargs), kwargs)

    async def acompletion(self, *_: Any, **kwargs: Any) -> ModelResponse:
        return _response(_answer(kwargs), kwargs)

    def streaming(self, *_: Any, **kwargs: Any) -> Iterator[GenericStreamingChunk]:
        yield from _chunks(_answer(kwargs))

    async def astreaming(  # type: ignore[override]  # an async generator, as LiteLLM calls it
        self, *_: Any, **kwargs: Any
    ) -> AsyncIterator[GenericStreamingChunk]:
        for chunk in _chunks(_answer(kwargs)):
            yield chunk


def _answer(kwargs: dict[str, Any]) -> Answer:
    options = kwargs.get("optional_params") or {}
    tier = str(kwargs.get("model", "")).rsplit("-", 1)[-1].upper()
    return answer(
        kwargs.get("messages") or [],
        schema=_schema(options.get("response_format")),
        tools=() if options.get("tool_choice") == "none" else options.get("tools") or (),
        tier=tier if tier in TIERS else "B",
        max_tokens=options.get("max_tokens") or options.get("max_completion_tokens"),
    )


def _schema(response_format: Json) -> Json:
    """The JSON Schema of a `response_format`; an empty one for plain JSON mode, None for free text."""
    if not isinstance(response_format, dict):
        return None
    if response_format.get("type") == "json_object":
        return {"type": "object"}
    return (response_format.get("json_schema") or {}).get("schema")


def _calls(found: Answer) -> list[dict[str, Json]]:
    return [
        {
            "id": f"call_{uuid4().hex[:12]}",
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
        }
        for call in found.tools
    ]


def _response(found: Answer, kwargs: dict[str, Any]) -> ModelResponse:
    calls = _calls(found)
    message = Message(role="assistant", content=found.text or None, tool_calls=calls or None)
    response = ModelResponse(
        id=f"demo-{uuid4().hex[:16]}",
        created=int(time.time()),
        model=str(kwargs.get("model", "")),
        choices=[Choices(index=0, finish_reason="tool_calls" if calls else "stop", message=message)],
    )
    response.usage = Usage(  # type: ignore[attr-defined]
        prompt_tokens=found.tokens_in,
        completion_tokens=found.tokens_out,
        total_tokens=found.tokens_in + found.tokens_out,
    )
    return response


def _chunks(found: Answer) -> Iterator[GenericStreamingChunk]:
    """The text word by word; the last chunk says why it ended and what it used."""
    for piece in pieces(found.text) if found.text else ():
        yield _chunk(piece, finished=False)
    for index, call in enumerate(_calls(found)):
        yield {**_chunk("", finished=False), "tool_use": {**call, "index": index}}  # type: ignore[typeddict-item]
    last = _chunk("", finished=True)
    last["finish_reason"] = "tool_calls" if found.tools else "stop"
    last["usage"] = {
        "prompt_tokens": found.tokens_in,
        "completion_tokens": found.tokens_out,
        "total_tokens": found.tokens_in + found.tokens_out,
    }
    yield last


def _chunk(text: str, *, finished: bool) -> GenericStreamingChunk:
    return {"text": text, "is_finished": finished, "finish_reason": "", "index": 0, "tool_use": None, "usage": None}

"""Model calls through LiteLLM: `engine.execution.ports.Models`.

LiteLLM gets one attempt at a time and does no retries, routing or logging of its own; policy, keys, tiers and prices
are ours. A model call has no effect but its price, so it may be repeated, until the first piece of text has gone out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from connectors.models.failures import AGENT_FAILURE, mapped
from connectors.models.loader import litellm
from connectors.models.prices import Cost, cost_of
from connectors.models.replies import Answer, collect, whole
from connectors.models.tiers import DEMO_PROVIDER, Resolved, operator_keys, resolve
from connectors.policy import PROFILES, Guard
from engine.errors import AppError, CircuitOpen, ModelError, StepTimeout, TransientError
from engine.execution.ports import ModelReply, ModelRequest, OnDelta
from engine.settings import Settings

Json = Any
# With others LiteLLM turns the schema into a tool that must be called, or the provider refuses both together; the
# schema stands in the instructions anyway.
_SCHEMA_BESIDE_TOOLS = frozenset({"openai", DEMO_PROVIDER})
TenantKeys = Callable[[UUID], Awaitable[Mapping[str, str]]]


class LiteLlmModels:
    """One a process; cheap to make, LiteLLM is loaded by the first call or by `warm_up`."""

    def __init__(
        self, settings: Settings, *, tenant_keys: TenantKeys | None = None, guard: Guard | None = None
    ) -> None:
        self._settings = settings
        self._tenant_keys = tenant_keys
        self._guard = guard or Guard()

    async def warm_up(self) -> None:
        """Load LiteLLM now (some seconds), so that the first call does not wait for it."""
        await litellm()

    async def resolve(self, request: ModelRequest) -> Resolved:
        """The model that would answer; raises ModelError."""
        keys: dict[str, str] = operator_keys(self._settings)
        if self._tenant_keys is not None:
            keys |= await self._tenant_keys(request.tenant_id)
        return resolve(request.model, request.tiers, self._settings, keys)

    async def complete(self, request: ModelRequest, on_delta: OnDelta | None = None) -> ModelReply:
        """See the port. With `on_delta` the text is streamed; the reply then repeats all of it."""
        chosen = await self.resolve(request)
        library = await litellm()
        call = _Call(library, request, chosen, on_delta)
        policy = replace(PROFILES["model"], timeout_s=request.timeout_s)
        try:
            answer = await self._guard.run(
                f"{request.tenant_id}:model:{chosen.provider}",
                policy,
                call.attempt,
                repeatable=True,
                total_s=request.timeout_s,
            )
        except (CircuitOpen, StepTimeout) as error:
            error.details.setdefault("error_type", AGENT_FAILURE)
            if call.streamed:
                error.details["partial"] = True
            raise
        return _reply(answer, chosen, call.cost(answer))


@dataclass(slots=True)
class _Call:
    """One request on its way, over all its attempts."""

    library: Any
    request: ModelRequest
    chosen: Resolved
    on_delta: OnDelta | None
    streamed: bool = False

    async def attempt(self) -> Answer:
        """One try. Once text has gone out, a failure is final: a second try would say everything again."""
        try:
            with mapped(self.library, self.chosen.api_key):
                return await self._ask()
        except AppError as error:
            if self.streamed and error.retryable:
                reason = error.details.get("reason")
                raise ModelError(
                    "The model's answer broke off.", partial=True, reason=reason, error_type=AGENT_FAILURE
                ) from error
            raise

    async def _ask(self) -> Answer:
        response = await self.library.acompletion(**self._arguments())
        answer = whole(response) if self.on_delta is None else await collect(response, self._forward)
        if answer.finish_reason == "content_filter":
            raise ModelError("The model provider withheld the answer (content filter).", error_type=AGENT_FAILURE)
        if not answer.text and not answer.tool_calls:
            if answer.finish_reason == "length":
                raise ModelError("The model used up max_tokens without an answer.", error_type=AGENT_FAILURE)
            raise TransientError("The model gave an empty answer.", error_type=AGENT_FAILURE)
        return answer

    async def _forward(self, text: str) -> None:
        self.streamed = True
        if self.on_delta is not None:
            await self.on_delta(text)

    def _arguments(self) -> dict[str, Json]:
        request, chosen = self.request, self.chosen
        arguments: dict[str, Json] = {
            "model": chosen.model,
            "messages": [dict(message) for message in request.messages],
            "api_key": chosen.api_key,
            "api_base": chosen.api_base,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "timeout": request.timeout_s,
            "num_retries": 0,
            "max_retries": 0,
            # Its hook for MCP gateways imports a package that LiteLLM does not depend on; tools are our own matter.
            "_skip_mcp_handler": True,
        }
        calls = bool(request.tools) and request.may_call
        if request.output_schema and not (calls and chosen.provider not in _SCHEMA_BESIDE_TOOLS):
            arguments["response_format"] = _response_format(request.output_schema)
        if request.tools:
            arguments["tools"] = [dict(tool) for tool in request.tools]
            arguments["tool_choice"] = "auto" if calls else "none"
        if self.on_delta is not None:
            arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        return {name: value for name, value in arguments.items() if value is not None}

    def cost(self, answer: Answer) -> Cost:
        """What the answer cost. Without the provider's usage, tokens are counted here."""
        if answer.usage is not None:
            return cost_of(self.library, self.chosen.model, self.chosen.provider, answer.usage)
        answer.usage = self.library.Usage(
            prompt_tokens=self.library.token_counter(model=self.chosen.model, messages=list(self.request.messages)),
            completion_tokens=self.library.token_counter(model=self.chosen.model, text=answer.text),
        )
        counted = cost_of(self.library, self.chosen.model, self.chosen.provider, answer.usage)
        return replace(counted, note=counted.note or "The provider told no token counts: they are estimated.")


def _response_format(schema: Mapping[str, Json]) -> dict[str, Json]:
    """The OpenAI form; strict where the schema meets the conditions of that mode."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "output", "schema": dict(schema), "strict": _can_be_strict(schema)},
    }


def _can_be_strict(schema: Json) -> bool:
    """Strict mode wants every object closed and every property required."""
    if isinstance(schema, list):
        return all(_can_be_strict(each) for each in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
        return all(_can_be_strict(each) for each in properties.values())
    return all(_can_be_strict(schema[key]) for key in ("items", "anyOf", "$defs") if key in schema)


def _reply(answer: Answer, chosen: Resolved, cost: Cost) -> ModelReply:
    cut = "The answer was cut off at max_tokens." if answer.finish_reason == "length" else None
    notes = [note for note in (chosen.note, cost.note, cut) if note]
    return ModelReply(
        text=answer.text,
        model=chosen.model,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        cost_usd_micros=cost.usd_micros,
        tool_calls=answer.tool_calls,
        demo=chosen.demo,
        note=" ".join(notes) or None,
    )

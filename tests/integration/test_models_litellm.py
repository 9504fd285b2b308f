"""Model calls through LiteLLM's real path, against the scripted provider: answers, costs, every way to fail (A74)."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from connectors.models.client import LiteLlmModels
from connectors.models.keys import VaultKeys
from connectors.policy import Guard
from engine.errors import AuthError, CircuitOpen, ModelError, RateLimited, StepTimeout, TransientError
from engine.execution.ports import ModelRequest
from engine.settings import Settings
from engine.store.access import credentials
from engine.store.session import Database, Scope
from engine.store.vault import Vault
from tests.support.provider import Reply, ScriptedProvider

TENANT = uuid.uuid4()
SCHEMA = {"type": "object", "properties": {"intent": {"enum": ["faq", "order"]}}, "required": ["intent"]}


def request(model: str = "gpt-4o-mini", text: str = "Hello", **more: Any) -> ModelRequest:
    return ModelRequest(TENANT, model, [{"role": "user", "content": text}], "key", **more)


class Pauses:
    """A guard whose waiting takes no time, and what it would have waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.guard = Guard(sleep=self._sleep, jitter=lambda: 1.0)

    async def _sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def with_key(provider: ScriptedProvider, tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, provider_keys={"OPENAI_API_KEY": "sk-operator"}, openai_base_url=provider.url)


@pytest.fixture
def models(with_key: Settings, pauses: Pauses) -> LiteLlmModels:
    return LiteLlmModels(with_key, guard=pauses.guard)


async def test_an_answer_with_tokens_and_price(models: LiteLlmModels, provider: ScriptedProvider) -> None:
    provider.script(Reply("Good day!", tokens_in=1000, tokens_out=500))
    reply = await models.complete(request(temperature=0.1, max_tokens=100))
    assert (reply.text, reply.model, reply.tokens_in, reply.tokens_out) == ("Good day!", "gpt-4o-mini", 1000, 500)
    assert reply.cost_usd_micros == 450  # 1000 * $0.15 + 500 * $0.60 per million
    assert (reply.demo, reply.note) == (False, None)
    sent = provider.requests[-1]
    assert (sent.body["temperature"], sent.body["max_tokens"]) == (0.1, 100)
    assert sent.headers["Authorization"] == "Bearer sk-operator"


async def test_streaming_tells_the_text_as_it_comes(models: LiteLlmModels, provider: ScriptedProvider) -> None:
    provider.script(Reply("A longer answer that comes in pieces.", tokens_in=10, tokens_out=20))
    pieces: list[str] = []

    async def on_delta(text: str) -> None:
        pieces.append(text)

    reply = await models.complete(request(), on_delta)
    assert len(pieces) > 1
    assert "".join(pieces) == reply.text == "A longer answer that comes in pieces."
    assert (reply.tokens_in, reply.tokens_out) == (10, 20)


@pytest.mark.parametrize("stream", [False, True])
async def test_schema_and_tools_go_along(models: LiteLlmModels, provider: ScriptedProvider, stream: bool) -> None:
    async def on_delta(_: str) -> None: ...

    tool = {"type": "function", "function": {"name": "search_order", "parameters": {"type": "object"}}}
    provider.script(Reply(tool_calls=({"id": "c1", "name": "search_order", "arguments": {"order_id": "ORD-1"}},)))
    reply = await models.complete(request(output_schema=SCHEMA, tools=[tool]), on_delta if stream else None)
    assert reply.tool_calls == [{"id": "c1", "name": "search_order", "arguments": {"order_id": "ORD-1"}}]
    sent = provider.requests[-1].body
    assert sent["tools"] == [tool]
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert sent["response_format"]["json_schema"]["strict"] is False


async def test_strict_mode_where_the_schema_allows_it(models: LiteLlmModels, provider: ScriptedProvider) -> None:
    await models.complete(request(output_schema=SCHEMA | {"additionalProperties": False}))
    assert provider.requests[-1].body["response_format"]["json_schema"]["strict"] is True


async def test_429_waits_as_long_as_asked(models: LiteLlmModels, provider: ScriptedProvider, pauses: Pauses) -> None:
    provider.script(Reply(status=429, retry_after_s=7), Reply("now"))
    assert (await models.complete(request())).text == "now"
    assert pauses.seconds == [7.0]


async def test_429_beyond_the_deadline_is_told_at_once(
    models: LiteLlmModels, provider: ScriptedProvider, pauses: Pauses
) -> None:
    provider.script(Reply(status=429, retry_after_s=120))
    with pytest.raises(RateLimited) as caught:
        await models.complete(request(timeout_s=5))
    assert (caught.value.retry_after_s, caught.value.error_type) == (120, "agent_failure")
    assert pauses.seconds == []
    assert len(provider.requests) == 1


async def test_a_hanging_provider_keeps_the_deadline(models: LiteLlmModels, provider: ScriptedProvider) -> None:
    provider.script(Reply(hang=True), Reply(hang=True))
    await models.warm_up()
    started = asyncio.get_running_loop().time()
    with pytest.raises(StepTimeout) as caught:
        await models.complete(request(timeout_s=0.5))
    assert asyncio.get_running_loop().time() - started < 3
    assert (caught.value.code, caught.value.error_type) == ("timeout", "agent_failure")


async def test_a_cut_stream_is_marked_and_not_repeated(models: LiteLlmModels, provider: ScriptedProvider) -> None:
    pieces: list[str] = []

    async def on_delta(text: str) -> None:
        pieces.append(text)

    provider.script(Reply("This sentence will never come to its end.", cut_after=2))
    with pytest.raises(ModelError) as caught:
        await models.complete(request(), on_delta)
    assert pieces
    assert caught.value.to_dict()["details"]["partial"] is True
    assert (caught.value.retryable, len(provider.requests)) == (False, 1)


@pytest.mark.parametrize(
    "broken",
    [
        Reply(status=500),
        Reply(status=503),
        Reply(raw='{"choices": [{"mess'),
        Reply(raw="<html>bad gateway</html>"),
        Reply(raw="{}"),
        Reply(raw='{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}'),
        Reply(raw='{"error": {"message": "overloaded", "type": "server_error"}}'),
        Reply(""),
    ],
    ids=["500", "503", "half json", "html", "empty object", "no choices", "200 with error", "empty text"],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_passing_fault_is_retried_within_bounds(
    models: LiteLlmModels, provider: ScriptedProvider, broken: Reply, stream: bool
) -> None:
    async def on_delta(_: str) -> None: ...

    provider.script(broken, Reply("recovered", tokens_in=100, tokens_out=100))
    reply = await models.complete(request(), on_delta if stream else None)
    assert (reply.text, reply.cost_usd_micros) == ("recovered", 75)  # the good answer is paid for, once
    provider.otherwise(broken)
    provider.requests.clear()
    with pytest.raises((TransientError, CircuitOpen)) as caught:
        await models.complete(request(), on_delta if stream else None)
    assert caught.value.error_type == "agent_failure"
    assert len(provider.requests) == 3


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthError), (403, AuthError), (400, ModelError), (404, ModelError)]
)
async def test_a_refusal_is_final_and_keeps_the_key(
    models: LiteLlmModels, provider: ScriptedProvider, status: int, error: type[Exception]
) -> None:
    provider.script(Reply(status=status, text="no: sk-operator is wrong"))
    with pytest.raises(error) as caught:
        await models.complete(request())
    assert len(provider.requests) == 1
    assert "sk-operator" not in str(caught.value.to_dict())  # type: ignore[attr-defined]


async def test_the_circuit_opens_and_spares_the_provider(models: LiteLlmModels, provider: ScriptedProvider) -> None:
    provider.otherwise(Reply(status=500))
    for _ in range(3):
        with pytest.raises((TransientError, CircuitOpen)):
            await models.complete(request())
    seen = len(provider.requests)
    with pytest.raises(CircuitOpen):
        await models.complete(request())
    assert (seen, len(provider.requests)) == (5, 5)


async def test_the_end_by_length_is_noted_or_an_error(models: LiteLlmModels, provider: ScriptedProvider) -> None:
    provider.script(Reply("half a sen", finish_reason="length"), Reply("", finish_reason="length"))
    assert "max_tokens" in str((await models.complete(request())).note)
    with pytest.raises(ModelError, match="max_tokens"):
        await models.complete(request())


async def test_a_model_without_a_price_is_noted(models: LiteLlmModels) -> None:
    reply = await models.complete(request("openai/house-model"))
    assert (reply.text, reply.cost_usd_micros) == ("ok", 0)
    assert "price of openai/house-model is unknown" in str(reply.note)


async def test_without_a_key_the_demo_model_says_so(tmp_path: Path, provider: ScriptedProvider) -> None:
    models = LiteLlmModels(Settings(data_dir=tmp_path))
    reply = await models.complete(request("gpt-4o", output_schema=SCHEMA))
    assert (reply.demo, reply.model) == (True, "heddle-demo/tier-b")
    assert reply.cost_usd_micros > 0  # a nominal price, so that costs can be seen
    assert "gpt-4o" in str(reply.note)
    pieces: list[str] = []

    async def on_delta(text: str) -> None:
        pieces.append(text)

    spoken = await models.complete(request("tier:A", text="Say hello to the customer."), on_delta)
    assert "".join(pieces) == spoken.text != ""
    assert spoken.note is None
    assert 0 < spoken.cost_usd_micros < 1000
    assert provider.requests == []


async def test_the_tenants_own_key_comes_from_its_vault(
    database: Database, scope: Scope, other_scope: Scope, provider: ScriptedProvider, tmp_path: Path
) -> None:
    vault = Vault("a master key of enough characters")
    async with database.transaction(scope) as tx:
        await credentials.put_credential(tx, vault, name="ours", kind="model:openai", value="sk-of-this-tenant")
    settings = Settings(data_dir=tmp_path, openai_base_url=provider.url)
    models = LiteLlmModels(settings, tenant_keys=VaultKeys(database, vault))
    own = ModelRequest(scope.tenant_id, "tier:A", [{"role": "user", "content": "hi"}], "k")
    assert (await models.complete(own)).model == "gpt-4o-mini"
    assert provider.requests[-1].headers["Authorization"] == "Bearer sk-of-this-tenant"
    foreign = ModelRequest(other_scope.tenant_id, "tier:A", [{"role": "user", "content": "hi"}], "k")
    assert (await models.complete(foreign)).demo is True
    assert len(provider.requests) == 1

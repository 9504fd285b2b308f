"""Which model a tier or an id means, given the keys at hand."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from connectors.models.tiers import DEFAULTS, operator_keys, provider_of, resolve, tier_of
from engine.errors import ModelError
from engine.settings import Settings

PLAIN = Settings(data_dir=Path("data"))
CHOSEN = Settings(data_dir=Path("data"), tier_models={"A": "ollama/llama3", "C": "claude-opus-4-5"})


@pytest.mark.parametrize(
    ("model", "node_tiers", "settings", "keys", "answered_by"),
    [
        ("tier:A", {}, PLAIN, {}, "heddle-demo/tier-a"),
        ("tier:C", {}, PLAIN, {"anthropic": "k"}, "claude-opus-4-5"),
        ("tier:A", {}, PLAIN, {"anthropic": "k", "openai": "k"}, "gpt-4o-mini"),
        ("tier:A", {"A": "gpt-4o"}, CHOSEN, {"openai": "k"}, "gpt-4o"),
        ("tier:A", {}, CHOSEN, {"openai": "k"}, "ollama/llama3"),
        ("tier:C", {}, CHOSEN, {"openai": "k"}, "heddle-demo/tier-c"),
        ("gpt-4o", {}, PLAIN, {}, "heddle-demo/tier-b"),
        ("gpt-4o-mini", {}, PLAIN, {"anthropic": "k"}, "heddle-demo/tier-a"),
        ("gpt-4o-mini", {}, PLAIN, {"openai": "k"}, "gpt-4o-mini"),
        ("gemini-2.5-pro", {}, PLAIN, {"gemini": "k"}, "gemini/gemini-2.5-pro"),
        ("groq/openai/gpt-oss-20b", {}, PLAIN, {"groq": "k"}, "groq/openai/gpt-oss-20b"),
        ("house-model", {}, PLAIN, {}, "heddle-demo/tier-b"),
        ("heddle-demo/tier-c", {}, PLAIN, {"openai": "k"}, "heddle-demo/tier-c"),
    ],
)
def test_who_answers(
    model: str, node_tiers: dict[str, str], settings: Settings, keys: dict[str, str], answered_by: str
) -> None:
    chosen = resolve(model, node_tiers, settings, keys)
    assert chosen.model == answered_by
    assert chosen.demo is answered_by.startswith("heddle-demo/")
    another_was_named = chosen.demo and (settings is CHOSEN or not model.startswith(("tier:", "heddle-demo/")))
    assert ("demo model answered" in str(chosen.note)) is another_was_named


@pytest.mark.parametrize("model", ["ollama/llama3", "bedrock/claude", "vertex_ai/gemini", "custom_openai/x", "foo"])
def test_a_tenant_cannot_reach_a_provider_without_a_key(model: str) -> None:
    with pytest.raises(ModelError):
        resolve(model, {}, PLAIN, {"openai": "k"})
    assert resolve(model, {}, PLAIN, {}).demo
    with pytest.raises(ModelError):
        resolve("tier:A", {"A": model}, PLAIN, {"openai": "k"})


def test_only_the_operators_address_is_used_and_only_for_openai() -> None:
    settings = Settings(data_dir=Path("data"), openai_base_url="http://llm.internal/v1")
    assert resolve("gpt-4o", {}, settings, {"openai": "k"}).api_base == "http://llm.internal/v1"
    assert resolve("claude-opus-4-5", {}, settings, {"anthropic": "k"}).api_base is None


@pytest.mark.parametrize("model", ["tier:D", "tier:", "tier:AB"])
def test_an_unknown_tier_is_an_error(model: str) -> None:
    with pytest.raises(ModelError):
        resolve(model, {}, PLAIN, {})


def test_a_key_does_not_show_in_a_trace() -> None:
    assert "sk-secret" not in repr(resolve("gpt-4o", {}, PLAIN, {"openai": "sk-secret"}))


def test_the_tier_of_a_name() -> None:
    names = {"gpt-4.1-nano": "A", "claude-haiku-4-5": "A", "gpt-4.1": "B", "claude-sonnet-4-5": "B", "o3-pro": "C"}
    assert {name: tier_of(name) for name in names} == names
    assert (tier_of("o3-mini"), tier_of("o3"), tier_of("gpt-4o")) == ("A", "C", "B")


def test_operator_keys_by_provider() -> None:
    settings = Settings(data_dir=Path("data"), provider_keys={"OPENAI_API_KEY": "a", "GROQ_API_KEY": "b"})
    assert operator_keys(settings) == {"openai": "a", "groq": "b"}


def test_every_default_model_has_a_provider_and_a_price() -> None:
    spec = importlib.util.find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    prices = json.loads((Path(spec.origin).parent / "model_prices_and_context_window_backup.json").read_text())
    for provider, tiers in DEFAULTS.items():
        for model in tiers.values():
            assert provider_of(model) == provider
            assert prices[model]["input_cost_per_token"] > 0, model

"""Which model answers: tiers A (small), B (middle), C (large), or a model by its LiteLLM id.

Nothing here needs LiteLLM, so the studio can show what a node would use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import ModelError
from engine.settings import Settings

DEMO_PROVIDER = "heddle-demo"
TIERS = ("A", "B", "C")

# What each provider offers per tier, in the order in which providers are preferred.
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "openai": {"A": "gpt-4o-mini", "B": "gpt-4o", "C": "o3"},
    "anthropic": {"A": "claude-haiku-4-5", "B": "claude-sonnet-4-5", "C": "claude-opus-4-5"},
    "gemini": {"A": "gemini/gemini-2.5-flash-lite", "B": "gemini/gemini-2.5-flash", "C": "gemini/gemini-2.5-pro"},
    "mistral": {
        "A": "mistral/mistral-small-latest",
        "B": "mistral/mistral-large-latest",
        "C": "mistral/magistral-medium-latest",
    },
    "groq": {"A": "groq/openai/gpt-oss-20b", "B": "groq/openai/gpt-oss-120b", "C": "groq/openai/gpt-oss-120b"},
}
_VARIABLES = {f"{provider.upper()}_API_KEY": provider for provider in DEFAULTS}
_FAMILIES = (
    ("openai", re.compile(r"(gpt-|chatgpt-|o[1-9](-|$))")),
    ("anthropic", re.compile(r"claude-")),
    ("gemini", re.compile(r"gemini-")),
    ("mistral", re.compile(r"(mistral|magistral|ministral|codestral|devstral)-")),
)
# Providers whose ids LiteLLM wants with the provider in front.
_PREFIXED = frozenset({"gemini", "mistral"})
_SMALL = re.compile(r"mini|nano|haiku|flash|small|lite|-[1-9]b\b")
_LARGE = re.compile(r"opus|-pro\b|\bo[1-9](?!-mini)|large|magistral")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The model to call, and with what. `note` tells people that another than the one they named answered."""

    model: str
    provider: str
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    note: str | None = None

    @property
    def demo(self) -> bool:
        return self.provider == DEMO_PROVIDER


def operator_keys(settings: Settings) -> dict[str, str]:
    """The installation's keys by provider."""
    return {_VARIABLES[name]: key for name, key in settings.provider_keys.items() if name in _VARIABLES}


def demo_model(tier: str) -> str:
    """Id of the built-in demo model of a tier."""
    return f"{DEMO_PROVIDER}/tier-{tier.lower()}"


def provider_of(model: str) -> str | None:
    """The provider of a model id among those that Heddle knows, or None."""
    prefix, slash, _ = model.partition("/")
    if slash:
        return prefix if prefix in DEFAULTS or prefix == DEMO_PROVIDER else None
    return next((name for name, family in _FAMILIES if family.match(model)), None)


def tier_of(model: str) -> str:
    """The tier that a model id belongs to: by the table above, else judged by its name."""
    for tiers in DEFAULTS.values():
        for tier, known in tiers.items():
            if model in (known, known.partition("/")[2]):
                return tier
    return "A" if _SMALL.search(model) else "C" if _LARGE.search(model) else "B"


def resolve(model: str, node_tiers: Mapping[str, str], settings: Settings, keys: Mapping[str, str]) -> Resolved:
    """The model behind "tier:A" or an id. `keys` are the keys at hand by provider; the tenant's own win.

    A tier is what the node says, else what the operator set, else the offer of the first provider with a key, else the
    demo model. An id whose provider has no key is answered by the demo model of its tier. Raises ModelError for an id
    that nobody can answer.
    """
    if not model.startswith("tier:"):
        return _by_id(model, settings, keys)
    tier = model.removeprefix("tier:").upper()
    if tier not in TIERS:
        raise ModelError(f"There is no tier {tier!r}; the tiers are A, B and C.")
    chosen = node_tiers.get(tier) or settings.tier_models.get(tier)
    if chosen:
        return _by_id(chosen, settings, keys)
    for provider, offers in DEFAULTS.items():
        if provider is not None and provider in keys:
            return _by_id(offers[tier], settings, keys)
    return Resolved(demo_model(tier), DEMO_PROVIDER)


def _by_id(model: str, settings: Settings, keys: Mapping[str, str]) -> Resolved:
    provider = provider_of(model)
    if provider == DEMO_PROVIDER:
        return Resolved(model, DEMO_PROVIDER)
    if provider is not None and provider in keys:
        plain = "/" not in model and provider in _PREFIXED
        base = settings.openai_base_url if provider == "openai" else None
        return Resolved(f"{provider}/{model}" if plain else model, provider, keys[provider], base)
    if provider is None and model in settings.tier_models.values():
        # The operator's own choice may be any model that LiteLLM knows, with credentials of its own.
        return Resolved(model, model.partition("/")[0])
    if provider is None and keys:
        raise ModelError(f"No provider is known for the model {model!r}.", model=model)
    note = f"There is no key for {model}: the built-in demo model answered."
    return Resolved(demo_model(tier_of(model)), DEMO_PROVIDER, note=note)

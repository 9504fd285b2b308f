"""Model names of other editors as the router takes them: `provider/name` where LiteLLM wants the provider."""

from __future__ import annotations

import re

# A word in the foreign provider's name -> LiteLLM's prefix; the first that fits.
_PREFIXES = (
    ("azure", "azure"), ("openrouter", "openrouter"), ("anthropic", ""), ("claude", ""), ("gemini", "gemini"),
    ("google", "gemini"), ("vertex", "vertex_ai"), ("palm", "gemini"), ("mistral", "mistral"), ("groq", "groq"),
    ("ollama", "ollama"), ("deepseek", "deepseek"), ("cohere", "cohere"), ("bedrock", "bedrock"),
    ("hugging", "huggingface"), ("xai", "xai"), ("grok", "xai"), ("together", "together_ai"),
    ("fireworks", "fireworks_ai"), ("perplexity", "perplexity"), ("cerebras", "cerebras"), ("nvidia", "nvidia_nim"),
    ("alibaba", "dashscope"), ("minimax", "minimax"), ("moonshot", "moonshot"),
    ("watsonx", "watsonx"), ("databricks", "databricks"), ("replicate", "replicate"),
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][\w.:/@+-]{0,150}")


def model_name(provider: str, name: str) -> str:
    """`auto` when the file names no model that could be asked for by name."""
    name = name.strip().removeprefix("models/")
    if not _NAME.fullmatch(name):
        return "auto"
    lowered = provider.lower()
    prefix = next((prefix for word, prefix in _PREFIXES if word in lowered), "")
    return f"{prefix}/{name}" if prefix and not name.startswith(f"{prefix}/") else name

"""What a call cost, from the price list that comes with LiteLLM."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cost:
    """In millionths of a dollar; `note` says when the number cannot be trusted."""

    usd_micros: int
    note: str | None = None


def cost_of(library: Any, model: str, provider: str, usage: Any) -> Cost:
    """The price of `usage` (LiteLLM's object, which also tells cached tokens). A model without a price is noted."""
    try:
        parts = library.cost_per_token(
            model=model,
            custom_llm_provider=provider,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            usage_object=usage,
        )
    except Exception as error:  # it raises a bare Exception for a model that it does not know
        _log.error("no price is known for the model %s: %s", model, type(error).__name__)
        return Cost(0, f"The price of {model} is unknown: this call is missing from the costs.")
    total = sum(parts)
    if total <= 0 and usage.prompt_tokens + usage.completion_tokens > 0:
        _log.error("the price of the model %s is given as zero", model)
        return Cost(0, f"The price of {model} is unknown: this call is missing from the costs.")
    return Cost(max(1, round(total * 1_000_000)))  # nothing that costs looks free

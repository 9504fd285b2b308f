"""What a model provider may do wrong -> our errors. Judged by class and status, never by the text."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import AppError, AuthError, ModelError, RateLimited, StepTimeout, TransientError
from engine.execution.ports import retry_after_s

AGENT_FAILURE = "agent_failure"
_LONGEST_REASON = 300


@contextlib.contextmanager
def mapped(library: Any, api_key: str | None) -> Iterator[None]:
    """Turn whatever LiteLLM raises inside the block into an error of ours."""
    try:
        yield
    except AppError:
        raise
    except Exception as error:  # LiteLLM leaks exceptions of any class from its provider code
        raise translate(library, error, api_key) from error


def translate(library: Any, error: Exception, api_key: str | None) -> AppError:
    """The error of ours for one of LiteLLM's; the provider's words go along without the key."""
    known = library.exceptions
    reason = _reason(error, api_key)
    if isinstance(error, known.RateLimitError):
        return RateLimited(
            "The model provider asks to slow down.", retry_after_s=_retry_after(error), error_type=AGENT_FAILURE
        )
    if isinstance(error, (known.Timeout, TimeoutError)):
        return StepTimeout("The model did not answer in time.", error_type=AGENT_FAILURE)
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return AuthError("The model provider refused the key.", error_type=AGENT_FAILURE)
    # 422 is how LiteLLM reports an error that came with status 200.
    refused = isinstance(status, int) and 400 <= status < 500 and status not in (408, 409, 422, 425)
    if refused or isinstance(error, known.UnsupportedParamsError):
        return ModelError("The model provider refused the request.", reason=reason, error_type=AGENT_FAILURE)
    return TransientError("The model provider failed.", reason=reason, error_type=AGENT_FAILURE)


def _reason(error: Exception, api_key: str | None) -> str:
    text = str(getattr(error, "message", None) or error)
    if api_key:
        text = text.replace(api_key, "***")
    return text[:_LONGEST_REASON]


def _retry_after(error: Exception) -> float | None:
    """Seconds the provider asks to wait: Retry-After as a number or a date; None when it does not say."""
    of_response = getattr(getattr(error, "response", None), "headers", None)
    headers: Mapping[str, str] = getattr(error, "litellm_response_headers", None) or of_response or {}
    value = headers.get("retry-after")
    if not value:
        return None
    with contextlib.suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    return retry_after_s({"retry-after": value})

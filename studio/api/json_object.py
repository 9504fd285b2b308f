"""JSON objects in requests, as the journal keeps them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator


def _is_json(value: dict[str, Any]) -> dict[str, Any]:
    """What Python reads as JSON may be none: NaN, infinity, half of a character. Raises ValueError."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text holds half of a character (a lone surrogate)") from error
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_is_json)]

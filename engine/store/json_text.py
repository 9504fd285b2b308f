"""JSON text that PostgreSQL's jsonb takes."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields, is_dataclass
from typing import Any

import orjson

_MOST_BITS = 10_000  # of a whole number; Python itself writes no longer ones
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def json_bytes(value: Any) -> bytes:
    """`value` as JSON. What jsonb refuses is replaced: NUL and lone surrogates by U+FFFD, NaN and infinity by null.

    Dataclasses become objects, other types their text.
    """
    try:
        text = orjson.dumps(value, default=str)
    except TypeError:  # orjson refuses lone surrogates, keys that are no text, and numbers beyond 64 bits
        return _plainly(_clean(value))
    return _plainly(_clean(value)) if b"\\u0000" in text else text


def _plainly(value: Any) -> bytes:
    """By the standard library, which writes whole numbers of any size; jsonb keeps them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, dict):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _clean(getattr(value, field.name)) for field in fields(value)}
    return None if _is_no_number(value) else value


def _is_no_number(value: Any) -> bool:
    """Whether jsonb has no number for it."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and value.bit_length() > _MOST_BITS

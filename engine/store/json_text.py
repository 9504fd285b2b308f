"""JSON text that PostgreSQL's jsonb takes."""

from __future__ import annotations

import re
from typing import Any

import orjson

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def json_bytes(value: Any) -> bytes:
    """`value` as JSON. NUL and lone surrogates, which jsonb refuses, become U+FFFD; other types become their text."""
    try:
        text = orjson.dumps(value, default=str)
    except TypeError:  # orjson refuses lone surrogates, and keys that are no text
        return orjson.dumps(_clean(value), default=str)
    return orjson.dumps(_clean(value), default=str) if b"\\u0000" in text else text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, dict):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value

"""Reading a model's answer as data: tolerant about its wrapping, strict about its content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from engine.execution.schema_check import problems

Json = Any
_FENCE = re.compile(r"```[a-zA-Z]*\s*\n?(.*?)```", re.DOTALL)
_MAX_SCANNED = 200_000
_TRUE, _FALSE, _NULL = ("true", "yes"), ("false", "no"), ("null", "none", "unknown", "n/a", "")


def read_answer(text: str, schema: Mapping[str, Json]) -> tuple[Json, list[str]]:
    """The value that the answer holds, and what is wrong with it (empty: nothing).

    Code fences and talk around the JSON are ignored, `"true"` counts as true where the schema wants a boolean, the case
    of an enum's value is mended, a field that is left out is null where null is allowed, and a bare word will do where
    the schema asks for one enum only.
    """
    found, value = _find_json(text)
    if not found:
        value = _bare_word(text, schema)
        if value is None:
            return None, ["the answer is not JSON"]
    value = _mend(value, schema, 0)
    return value, problems(schema, value)


def _find_json(text: str) -> tuple[bool, Json]:
    text = text[:_MAX_SCANNED]
    fenced = _FENCE.search(text)
    for candidate in (text, fenced[1] if fenced else ""):
        try:
            return True, json.loads(candidate.strip())
        except (ValueError, RecursionError):
            continue
    decoder = json.JSONDecoder()
    start = -1
    for _ in range(20):  # the first brackets that begin a JSON value
        start = min((i for i in (text.find("{", start + 1), text.find("[", start + 1)) if i >= 0), default=-1)
        if start < 0:
            return False, None
        try:
            return True, decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
    return False, None


def _bare_word(text: str, schema: Mapping[str, Json]) -> dict[str, Json] | None:
    """`faq` as an answer to a schema that asks for one enum and nothing else."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or len(properties) != 1:
        return None
    name, wanted = next(iter(properties.items()))
    word = text.strip().strip("\"'`.").lower()
    values = wanted.get("enum") if isinstance(wanted, dict) else None
    match = next((v for v in values or () if isinstance(v, str) and v.lower() == word), None)
    return {name: match} if match is not None else None


def _mend(value: Json, schema: Json, depth: int) -> Json:
    if not isinstance(schema, dict) or depth > 16:
        return value
    if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
        wanted = schema["properties"]
        mended = {key: _mend(item, wanted[key], depth + 1) if key in wanted else item for key, item in value.items()}
        left_out = {key: None for key, item in wanted.items() if key not in value and _may_be_null(item)}
        return mended | left_out
    if isinstance(value, list) and "items" in schema:
        return [_mend(item, schema["items"], depth + 1) for item in value]
    return _mend_text(value, schema) if isinstance(value, str) else value


def _mend_text(value: str, schema: Mapping[str, Json]) -> Json:  # noqa: PLR0911  (one return per type)
    word = value.strip().lower()
    enum = schema.get("enum")
    if isinstance(enum, list):
        if value in enum:
            return value
        return next((v for v in enum if _same_word(v, word)), value)
    types = schema.get("type")
    allowed = types if isinstance(types, list) else [types]
    if "null" in allowed and word in (_NULL if "string" not in allowed else ("null",)):
        return None
    if "string" in allowed:
        return value
    if "boolean" in allowed and word in _TRUE + _FALSE:
        return word in _TRUE
    if "number" in allowed or "integer" in allowed:
        return _number(word, value)
    return value


def _may_be_null(schema: Json) -> bool:
    types = schema.get("type") if isinstance(schema, dict) else None
    return isinstance(types, list) and "null" in types


def _same_word(allowed: Json, word: str) -> bool:
    return allowed.lower() == word if isinstance(allowed, str) else allowed is None and word in _NULL


def _number(word: str, otherwise: Json) -> Json:
    if re.fullmatch(r"[-+]?\d{1,18}", word):
        return int(word)
    return float(word) if re.fullmatch(r"[-+]?\d{1,18}\.\d{1,18}", word) else otherwise

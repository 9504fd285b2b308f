"""JSON Schemas for what other editors describe in their own ways: examples, lists of fields."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from engine.errors import InputError
from engine.execution.schema_check import problems
from engine.importers import values as v

Json = Any
MAX_DEPTH = 6
TYPES = {
    "string": "string", "str": "string", "text": "string", "date": "string", "datetime": "string", "file": "string",
    "secret": "string", "select": "string", "number": "number", "float": "number", "int": "integer",
    "integer": "integer", "boolean": "boolean", "bool": "boolean", "object": "object", "dict": "object",
    "array": "array", "list": "array",
}  # fmt: skip


def of_fields(fields: Iterable[tuple[str, str, str, bool]]) -> dict[str, Json] | None:
    """The schema of an object with these (name, type, description, required)."""
    properties: dict[str, Json] = {}
    required = []
    for name, kind, description, is_required in fields:
        if not name:
            continue
        shape: dict[str, Json] = {"type": _type(kind)}
        if description:
            shape["description"] = " ".join(description.split())[:300]
        properties[name[:100]] = shape
        if is_required:
            required.append(name[:100])
    if not properties:
        return None
    schema: dict[str, Json] = {"type": "object", "properties": properties}
    return schema | ({"required": list(dict.fromkeys(required))} if required else {})


def _type(kind: str) -> str:
    kind = kind.lower()
    if kind.startswith("array") or kind.endswith("[]"):
        return "array"
    return TYPES.get(kind, "string")


def of_example(example: Json, depth: int = 0) -> dict[str, Json]:
    """The schema that the example follows."""
    if isinstance(example, dict):
        if depth >= MAX_DEPTH or not example:
            return {"type": "object"}
        properties = {str(key)[:100]: of_example(item, depth + 1) for key, item in list(example.items())[:100]}
        return {"type": "object", "properties": properties}
    if isinstance(example, list):
        return (
            {"type": "array", "items": of_example(example[0], depth + 1)}
            if example and depth < MAX_DEPTH
            else {"type": "array"}
        )
    if isinstance(example, bool):
        return {"type": "boolean"}
    if isinstance(example, int | float):
        return {"type": "number"}
    return {"type": "string"}


def usable(schema: Json) -> dict[str, Json] | None:
    """The schema when answers can be checked against it."""
    if not isinstance(schema, dict) or not schema:
        return None
    try:
        problems(schema, None)
    except (InputError, RecursionError, TypeError, ValueError, KeyError, AttributeError):
        return None
    return schema


def parsed(text: str) -> Json:
    """JSON in a text, None when it is none."""
    try:
        return json.loads(text, strict=False, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):
        return None


def as_object(schema: Json) -> dict[str, Json] | None:
    """A usable schema of an object; a list's schema becomes that of an object with `items`."""
    found = usable(schema)
    if found is None:
        return None
    if found.get("type", "object") != "object":
        found = {"type": "object", "properties": {"items": found}, "required": ["items"]}
    return found if v.mapping(found, "properties") else None

"""Parameters of a tool call: what a workflow hands over, made ready for the action or refused.

Values come out of templates, expressions and model answers, so a reference that leads nowhere arrives as null or an
empty text, and a number may arrive as text. Both are understood; everything else that the schema does not allow is
refused with the parameter's name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from engine.errors import PermanentError
from engine.execution.schema_check import bounded
from engine.execution.schema_keywords import MAX_WORK, TooMuchWork, work_left

Json = Any


def prepare(tool: str, schema: Mapping[str, Json], given: Mapping[str, Json], error_type: str) -> dict[str, Json]:
    """A checked copy of `given`: empty optional values dropped, defaults filled in, number texts turned to numbers.

    Raises PermanentError with `details.parameter`.
    """
    ready = _object(schema, given)
    problem = _first_problem(schema, ready)
    if problem:
        parameter, reason = problem
        where = f"{tool}: {parameter}" if parameter else tool
        raise PermanentError(f"{where} {reason}", error_type=error_type, parameter=parameter or None)
    return ready


def _object(schema: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
    properties: Mapping[str, Json] = schema.get("properties", {})
    ready: dict[str, Json] = {}
    for name, value in given.items():
        if _empty(value) and name in properties:
            continue
        ready[name] = _value(properties.get(name, {}), value)
    for name, inner in properties.items():
        if name not in ready and "default" in inner:
            ready[name] = inner["default"]
    return ready


def _empty(value: Json) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _value(schema: Mapping[str, Json], value: Json) -> Json:
    kind = schema.get("type")
    if kind == "object" and isinstance(value, Mapping):
        return _object(schema, value)
    if kind == "array" and isinstance(value, list):
        return [_value(schema.get("items", {}), each) for each in value]
    if kind in ("integer", "number"):
        return _number(value, whole=kind == "integer")
    if isinstance(value, str):
        return _clean(value)
    if kind == "string" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value


def _number(value: Json, *, whole: bool) -> Json:
    """The number that a text writes, or what was given; the schema then judges it. 2.0 is a whole number."""
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        return value
    if isinstance(number, float) and not math.isfinite(number):
        return str(value)  # no JSON number: let the schema refuse it
    return int(number) if whole and isinstance(number, float) and number.is_integer() else number


def _clean(text: str) -> str:
    """Without what PostgreSQL cannot store: NUL and lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode().strip()


def _first_problem(schema: Mapping[str, Json], ready: Mapping[str, Json]) -> tuple[str, str] | None:
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - heavy, and only a call needs it

    work_left.set(MAX_WORK)
    try:
        error = best_match(_validator(_Frozen(schema)).iter_errors(ready))
    except TooMuchWork:
        return "", "is given more than can be checked"
    if error is None:
        return None
    path = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "required":
        missing = next((name for name in error.validator_value if name not in error.instance), "")
        return f"{path}.{missing}".strip("."), "is missing"
    if error.validator == "additionalProperties":
        unknown = sorted(error.instance.keys() - error.schema.get("properties", {}).keys())
        return f"{path}.{unknown[0]}".strip("."), "is not a parameter of this tool"
    return path, f"is wrong: {error.message[:200]}"


class _Frozen:
    """Lets a schema be a cache key by identity: schemas belong to manifests, which are read once."""

    __slots__ = ("schema",)

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and other.schema is self.schema


@lru_cache(maxsize=256)
def _validator(frozen: _Frozen) -> Any:
    return bounded(frozen.schema)

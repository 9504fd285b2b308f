"""Keywords of JSON Schema as we check them: with a bound on the work, and patterns in linear time.

The library's own take patterns to Python's `re` in some places, compare all items with each other, and follow
references that double at each step (`allOf` of the same `$ref` twice, thirty deep) for days.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from engine.language import patterns

Json = Any
Check = Callable[[Any, Any, Json, Any], Any]
MAX_WORK = 200_000  # keywords looked at for one value
_WORK = {"$ref": 4, "$dynamicRef": 4}  # what following one costs
_PER_WORK = 20  # entries of a list or a mapping that cost as much as a keyword
work_left: ContextVar[int] = ContextVar("work_left", default=MAX_WORK)


class TooMuchWork(Exception):
    """The value cannot be checked within the bound."""


def checks(known: Mapping[str, Check]) -> dict[str, Check]:
    """The library's keywords, ours in place of some, all of them counted."""
    return {name: _counted(check, _WORK.get(name, 1)) for name, check in {**known, **_OWN}.items()}


def _counted(check: Check, work: int) -> Check:
    def run(validator: Any, wanted: Any, instance: Json, schema: Any) -> Any:
        spend(work + (len(wanted) // _PER_WORK if isinstance(wanted, list) else 0))
        return check(validator, wanted, instance, schema)

    return run


def spend(work: int) -> None:
    """Raises TooMuchWork when there is none left."""
    left = work_left.get() - work
    if left < 0:
        raise TooMuchWork
    work_left.set(left)


def _pattern(_validator: Any, pattern: str, instance: Json, _schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not patterns.compile_pattern(pattern).search(instance):
        yield _error(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, properties: Mapping[str, Any], instance: Json, _schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in properties.items():
        compiled = patterns.compile_pattern(pattern)
        spend(len(instance) // _PER_WORK)
        for key, item in instance.items():
            if compiled.search(key):
                yield from validator.descend(item, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Json, schema: Mapping[str, Any]) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    named = schema.get("properties", {})
    fitting = [patterns.compile_pattern(pattern) for pattern in schema.get("patternProperties", {})]
    spend(len(instance) * len(fitting) // _PER_WORK)
    extras = [key for key in instance if key not in named and not any(one.search(key) for one in fitting)]
    if isinstance(allowed, dict):
        for extra in extras:
            yield from validator.descend(instance[extra], allowed, path=extra)
    elif not allowed and extras:
        told = ", ".join(repr(extra) for extra in sorted(extras)[:20])
        were = "was" if len(extras) == 1 else "were"
        yield _error(f"Additional properties are not allowed ({told} {were} unexpected)")


def _unique_items(_validator: Any, wanted: Any, instance: Json, _schema: Any) -> Iterator[Any]:
    if wanted and isinstance(instance, list):
        spend(len(instance) // _PER_WORK)
        if len({json.dumps(_alike(item), sort_keys=True) for item in instance}) < len(instance):
            yield _error("has non-unique elements")


def _alike(value: Json) -> Json:
    """The same for values that JSON Schema takes to be equal: 1.0 is 1, true is neither."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_alike(item) for item in value]
    if isinstance(value, dict):
        return {key: _alike(item) for key, item in value.items()}
    return value


def _error(message: str) -> Exception:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415  (heavy: only where a schema is met)

    return ValidationError(message)


_OWN: Mapping[str, Check] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}

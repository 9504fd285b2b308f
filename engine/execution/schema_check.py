"""Checking JSON data against a JSON Schema that a tenant wrote.

A schema is compiled once (bounded cache). It never reaches the network (an unknown `$ref` is a fault of the schema),
and its patterns run in time linear in the text, so no schema can hang a worker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from engine.errors import InputError
from engine.language import patterns

Json = Any
MAX_PROBLEMS = 5


def problems(schema: Mapping[str, Json], value: Json) -> list[str]:
    """What is wrong with `value`, in words that name the field; empty when it fits. At most 5 are listed.

    Raises InputError when the schema itself cannot be used.
    """
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415  (heavy: only where a schema is met)
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    try:
        validator = _validator(json.dumps(schema, sort_keys=True))
        found = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
    except (SchemaError, Unresolvable, patterns.PatternError, RecursionError) as err:
        raise InputError(f"the schema cannot be used: {str(err).splitlines()[0][:200]}") from err
    return [_say(error) for error in found[:MAX_PROBLEMS]]


@lru_cache(maxsize=512)
def _validator(text: str) -> Any:
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    extend: Any = validators.extend
    linear = extend(Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties})
    return linear(schema, registry=Registry())


def _pattern(_validator: Any, pattern: str, instance: Json, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    if isinstance(instance, str) and not patterns.compile_pattern(pattern).search(instance):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, properties: Mapping[str, Any], instance: Json, _schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in properties.items():
        compiled = patterns.compile_pattern(pattern)
        for key, item in instance.items():
            if compiled.search(key):
                yield from validator.descend(item, subschema, path=key, schema_path=pattern)


def _say(error: Any) -> str:
    where = ".".join(map(str, error.absolute_path))
    message = str(error.message)
    if len(message) > 160:
        message = message[:159] + "…"
    return f"{where}: {message}" if where else message

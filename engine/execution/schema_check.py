"""Checking JSON data against a JSON Schema that a tenant wrote.

A schema is compiled once (bounded cache). It never reaches the network (an unknown `$ref` is a fault of the schema),
its patterns run in time linear in the text, and the work is bounded (schema_keywords.py): no schema can hang a worker.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from engine.errors import InputError
from engine.execution.schema_keywords import MAX_WORK, TooMuchWork, checks, work_left
from engine.language import form_words, patterns

Json = Any
Path = tuple[str | int, ...]
MAX_PROBLEMS = 5
_LOOKED_AT = 50  # problems that are found, before the first ones by their place are told


def problems(schema: Mapping[str, Json], value: Json) -> list[str]:
    """What is wrong with `value`, in words that name the field; empty when it fits. At most 5 are listed.

    Raises InputError when the schema itself cannot be used.
    """
    return [_say(error) for error in _errors(schema, value)[:MAX_PROBLEMS]]


def faults(schema: Mapping[str, Json], value: Json) -> list[tuple[Path, str]]:
    """The same for a form: the place of each field, and what is said beside it; at most 50, one a field."""
    found: dict[Path, str] = {}
    for error in _errors(schema, value):
        for place, words in _beside(error):
            found.setdefault(place, words)
    return list(found.items())


def _errors(schema: Mapping[str, Json], value: Json) -> list[Any]:
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415  (heavy: only where a schema is met)
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    work_left.set(MAX_WORK)
    try:
        validator = _validator(json.dumps(schema, sort_keys=True))
        return sorted(
            islice(validator.iter_errors(value), _LOOKED_AT), key=lambda error: list(map(str, error.absolute_path))
        )
    except TooMuchWork:
        raise InputError("the value is too much work to check against the schema") from None
    except (SchemaError, Unresolvable, patterns.PatternError, RecursionError) as err:
        raise InputError(f"the schema cannot be used: {str(err).splitlines()[0][:200]}") from err


@lru_cache(maxsize=512)
def _validator(text: str) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    if '"unevaluatedProperties"' in text and '"patternProperties"' in text:
        raise patterns.PatternError("unevaluatedProperties cannot be used with patternProperties")
    return bounded(schema)


def bounded(schema: Mapping[str, Json]) -> Any:
    """A validator of the library that raises TooMuchWork; whoever uses it sets `work_left` before."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    extend: Any = validators.extend
    return extend(Draft202012Validator, checks(Draft202012Validator.VALIDATORS))(schema, registry=Registry())


def _say(error: Any) -> str:
    where = ".".join(map(str, error.absolute_path))
    message = _shortened(str(error.message))
    return f"{where}: {message}" if where else message


def _shortened(message: str) -> str:
    return message[:159] + "…" if len(message) > 160 else message


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "type": form_words.wrong_type,
    "enum": form_words.one_of,
    "const": lambda value: form_words.one_of([value]),
    "minimum": form_words.at_least,
    "maximum": form_words.at_most,
    "exclusiveMinimum": lambda least: f"More than {least:g}.",
    "exclusiveMaximum": lambda most: f"Less than {most:g}.",
    "multipleOf": lambda step: f"A multiple of {step:g}.",
    "minLength": lambda least: form_words.at_least(least, " characters"),
    "maxLength": lambda most: form_words.at_most(most, " characters"),
    "minItems": lambda least: form_words.at_least(least, " entries"),
    "maxItems": lambda most: form_words.at_most(most, " entries"),
    "uniqueItems": lambda _: "Each entry once.",
    "pattern": lambda _: form_words.UNFIT,
}


def _beside(error: Any) -> list[tuple[Path, str]]:
    """What is missing is said at the field that misses, not at the object around it."""
    place = tuple(error.absolute_path)
    if error.validator == "required" and isinstance(error.instance, dict):
        missing = [name for name in error.validator_value if name not in error.instance]
        return [((*place, name), form_words.MISSING) for name in missing]
    words = _WORDS.get(error.validator)
    return [(place, words(error.validator_value) if words else _shortened(str(error.message)))]

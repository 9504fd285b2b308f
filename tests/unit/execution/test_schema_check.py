"""Schemas that tenants write: faults are named by field, and no schema can hang or call out."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.errors import InputError
from engine.execution.schema_check import problems


def test_problems_name_the_field_and_are_few() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"b": {"type": "array", "items": {"type": "number"}}}}
    assert problems(schema, {"a": 1, "b": [1]}) == []
    assert problems(schema, {"b": [1, "x"]}) == ["'a' is a required property", "b.1: 'x' is not of type 'number'"]
    assert len(problems({"items": {"type": "null"}}, list(range(50)))) == 5


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "numbr"},
        {"type": "object", "properties": []},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "#/$defs/absent"},
        {"pattern": "("},
    ],
)
def test_a_schema_that_cannot_be_used_is_an_input_error(schema: Any) -> None:
    with pytest.raises(InputError, match="schema cannot be used"):
        problems(schema, "x")


def test_a_schema_in_a_circle_is_an_input_error() -> None:
    with pytest.raises(InputError):
        problems({"$ref": "#"}, {})


def test_patterns_take_linear_time() -> None:
    before = time.process_time()
    assert problems({"pattern": "^(a+)+$"}, "a" * 40 + "!") != []
    assert problems({"patternProperties": {"^(a+)+$": {"type": "null"}}}, {"a" * 40 + "!": 1}) == []
    assert time.process_time() - before < 2


def test_patterns_mean_what_they_say() -> None:
    schema = {"pattern": "^ORD-[0-9]{8}$"}
    assert problems(schema, "ORD-10000007") == []
    assert problems(schema, "ORD-1") == ["does not match '^ORD-[0-9]{8}$'"]
    assert problems({"patternProperties": {"^x": {"type": "null"}}}, {"x1": 2}) == ["x1: 2 is not of type 'null'"]

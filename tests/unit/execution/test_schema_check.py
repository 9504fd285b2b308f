"""Schemas that tenants write: faults are named by field, and no schema can hang or call out."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from engine.errors import InputError
from engine.execution.schema_check import faults, problems


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


def doubling(levels: int) -> dict[str, Any]:
    """Each definition asks for the next one twice."""
    links = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**links, f"d{levels}": {"type": "integer"}}, "$ref": "#/$defs/d0"}


HOSTILE: list[tuple[Any, Any]] = [
    (doubling(40), 1),
    (doubling(40), "x"),
    ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 60 + "!": 1}),
    ({"allOf": [{"patternProperties": {"^(a+)+$": {}}}], "unevaluatedProperties": False}, {"a" * 60 + "!": 1}),
    ({"uniqueItems": True}, [{"n": n} for n in range(5_000)]),
    ({"items": {"type": "string"}}, list(range(50_000))),
    ({"items": {"enum": [[n] for n in range(2_000)]}}, [[-n] for n in range(1, 3_000)]),
    ({"items": {"anyOf": [{"const": n} for n in range(300)]}}, list(range(1_000, 9_000))),
]


@pytest.mark.parametrize(("schema", "value"), HOSTILE)
def test_no_schema_and_no_value_take_long(schema: Any, value: Any) -> None:
    began = time.process_time()
    with contextlib.suppress(InputError):
        problems(schema, value)
    assert time.process_time() - began < 20  # days and hours, before


def test_what_is_bounded_still_means_the_same() -> None:
    closed = {"properties": {"a": {}}, "patternProperties": {"^x-": {}}, "additionalProperties": False}
    assert problems(closed, {"a": 1, "x-b": 2}) == []
    assert problems(closed, {"c": 1}) == ["Additional properties are not allowed ('c' was unexpected)"]
    assert problems({"additionalProperties": {"type": "null"}}, {"c": 1}) == ["c: 1 is not of type 'null'"]
    unique = {"uniqueItems": True}
    assert problems(unique, [1, True, "1", [1], {"a": 1}, {"a": 2}, None, 0, False, 1.5]) == []
    for twice in ([1, 1.0], [{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], ["x", "x"]):
        assert problems(unique, twice) == ["has non-unique elements"]
    assert problems({"type": "array", "items": {"type": "integer"}}, list(range(50_000))) == []


def test_a_form_is_told_what_is_wrong_beside_which_field() -> None:
    schema = {
        "type": "object",
        "required": ["name", "people"],
        "properties": {
            "name": {},
            "people": {"type": "integer", "minimum": 1, "maximum": 8},
            "kind": {"enum": ["a", "b"]},
            "code": {"type": "string", "pattern": "^[A-Z]{3}$", "maxLength": 2},
            "ways": {"type": "array", "items": {"type": "number"}, "minItems": 3},
            "who": {"type": ["object", "null"], "required": ["mail"], "properties": {"mail": {"type": "string"}}},
        },
        "additionalProperties": False,
    }
    given = {"people": 9, "kind": "c", "code": "abc", "ways": [1, "x"], "who": {}, "odd": 1}
    said = dict(faults(schema, given))
    assert said[("name",)] == "Please fill this in."
    assert said[("people",)] == "At most 8."
    assert said[("kind",)] == "Please choose one of these: a, b."
    assert said[("code",)] in ("This does not have the right form.", "At most 2 characters.")
    assert said[("ways",)] == "At least 3 entries."
    assert said[("ways", 1)] == "Please write a number."
    assert said[("who", "mail")] == "Please fill this in."
    assert "odd" in said[()]
    assert faults(schema, {"name": "x", "people": 2, "who": None}) == []
    assert dict(faults({"properties": {"n": {"type": "integer"}}}, {"n": "3"})) == {
        ("n",): "Please write a whole number."
    }
    with pytest.raises(InputError, match="schema cannot be used"):
        faults({"type": "numbr"}, {})

"""Parameters as workflows hand them over: what is understood, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.parameters import prepare
from engine.errors import PermanentError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "count": {"type": "integer", "minimum": 1, "default": 1},
        "price": {"type": "number"},
        "note": {},
        "items": {
            "type": "array",
            "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        },
    },
}


def ready(**given: Any) -> dict[str, Any]:
    return prepare("tool", SCHEMA, given, "tool_error")


def test_what_is_missing_gets_its_default_and_nothing_else() -> None:
    assert ready(name="x") == {"name": "x", "count": 1}


def test_empty_references_count_as_missing() -> None:
    assert ready(name="x", count=None, price="  ", note=None) == {"name": "x", "count": 1}


@pytest.mark.parametrize(("given", "understood"), [("2", 2), (" 2 ", 2), (2.0, 2), ("2.0", 2)])
def test_whole_numbers_may_be_written_as_text(given: Any, understood: int) -> None:
    assert ready(name="x", count=given)["count"] == understood


def test_numbers_may_stand_for_text() -> None:
    assert ready(name=10000007)["name"] == "10000007"


def test_text_is_made_storable() -> None:
    assert ready(name=" a\x00b\ud800 ", note=["\x00"])["name"] == "ab"


def test_lists_of_objects_are_prepared_too() -> None:
    assert ready(name="x", items=[{"id": 7}])["items"] == [{"id": "7"}]


@pytest.mark.parametrize(
    ("given", "parameter", "reason"),
    [
        ({}, "name", "is missing"),
        ({"name": None}, "name", "is missing"),
        ({"name": ""}, "name", "is missing"),
        ({"name": True}, "name", "is wrong"),
        ({"name": ["x"]}, "name", "is wrong"),
        ({"name": "x", "count": "two"}, "count", "is wrong"),
        ({"name": "x", "count": 2.5}, "count", "is wrong"),
        ({"name": "x", "count": True}, "count", "is wrong"),
        ({"name": "x", "count": 0}, "count", "is wrong"),
        ({"name": "x", "price": "NaN"}, "price", "is wrong"),
        ({"name": "x", "price": float("inf")}, "price", "is wrong"),
        ({"name": "x", "colour": "red"}, "colour", "is not a parameter"),
        ({"name": "x", "items": [{}]}, "items.0.id", "is missing"),
    ],
)
def test_the_rest_is_refused_by_name(given: dict[str, Any], parameter: str, reason: str) -> None:
    with pytest.raises(PermanentError, match=reason) as caught:
        ready(**given)
    assert (caught.value.details["parameter"], caught.value.error_type) == (parameter, "tool_error")


def test_the_given_values_are_left_alone() -> None:
    given = {"name": "x", "items": [{"id": 7}]}
    prepare("tool", SCHEMA, given, "tool_error")
    assert given == {"name": "x", "items": [{"id": 7}]}


def test_what_cannot_be_checked_in_time_is_refused() -> None:
    schema = {"properties": {"rows": {"type": "array", "items": {"anyOf": [{"const": n} for n in range(300)]}}}}
    with pytest.raises(PermanentError, match="more than can be checked"):
        prepare("put_rows", schema, {"rows": list(range(1_000, 9_000))}, "tool_failure")
    unique = {"properties": {"rows": {"type": "array", "uniqueItems": True}}}
    rows = {"rows": [{"n": n} for n in range(5_000)]}
    assert prepare("put_rows", unique, rows, "tool_failure") == rows

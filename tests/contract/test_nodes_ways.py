"""The ways on that nodes are known to have, each with a condition that holds for exactly what it is named after."""

from __future__ import annotations

from typing import Any

import pytest

import engine.nodes
from engine.language import node_types
from engine.language.expressions import compile_expression
from engine.language.ways import LONGEST, Way, one_of


def ways(kind: str, **config: Any) -> tuple[Way, ...]:
    engine.nodes.load()
    found = node_types.get(kind)
    assert found is not None
    return found.ways(config)


def taken(ways: tuple[Way, ...], context: dict[str, Any]) -> list[str]:
    """The names of the ways whose conditions are true."""
    return [
        way.label for way in ways if way.condition and compile_expression(way.condition).evaluate({"context": context})
    ]


CLASSES = [{"name": "order"}, {"name": "it's \\ odd\n"}, {"name": 5}, "no class", {"name": "order"}]


@pytest.mark.parametrize(
    ("kind", "config", "context", "expected"),
    [
        ("human", {}, {"approved": True}, "approved"),
        ("human", {"mode": "approval"}, {"approved": False}, "rejected"),
        ("human", {"output_key": "answer"}, {"answer": {"approved": False}, "approved": True}, "rejected"),
        ("human", {"mode": "choice", "choices": ["red", "blue"]}, {"decision": "blue"}, "blue"),
        ("classifier", {"classes": CLASSES}, {"class": "order"}, "order"),
        ("classifier", {"classes": CLASSES}, {"class": "it's \\ odd\n"}, "it's \\ odd\n"),
        ("classifier", {"classes": CLASSES, "fallback_class": "other"}, {"class": "other"}, "other"),
        ("judge", {}, {"passed": False}, "not passed"),
        ("guardrail", {"on_violation": "flag"}, {"passed": True}, "passed"),
        ("wait", {"event": {"name": "paid"}, "seconds": 5}, {"timed_out": True}, "too late"),
    ],
)
def test_exactly_the_way_of_the_outcome_is_taken(
    kind: str, config: dict[str, Any], context: dict[str, Any], expected: str
) -> None:
    assert taken(ways(kind, **config), context) == [expected]


def test_ways_for_what_goes_wrong() -> None:
    assert [(way.label, way.on) for way in ways("human", timeout_seconds=5)][-1] == ("timeout", "timeout")
    assert all(way.on == "success" for way in ways("human", timeout_seconds=5, on_timeout="reject"))
    assert ways("guardrail") == (Way("blocked", on="error"),)
    assert ways("handoff", resume_on="resolved", timeout_seconds=5) == (Way("timeout", on="timeout"),)


@pytest.mark.parametrize("kind", ["human", "classifier", "judge", "guardrail", "wait", "handoff", "agent", "condition"])
@pytest.mark.parametrize("value", [None, 5, "text", [], [None], {}, {"a": 1}])
def test_a_config_may_say_anything(kind: str, value: Any) -> None:
    keys = ("mode", "choices", "classes", "fallback_class", "on_violation", "event", "seconds", "output_key")
    for way in ways(kind, **dict.fromkeys(keys, value)):
        assert way.label


def test_what_is_too_long_makes_no_name() -> None:
    assert one_of({}, "class", ["a" * LONGEST, "b" * (LONGEST + 1), ""]) == one_of({}, "class", ["a" * LONGEST])

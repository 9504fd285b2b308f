"""The evaluator of golden sets: what it reads, what it refuses, and what each assertion means."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import SchemaError, YamlError
from engine.evals.golden import Assertion, GoldenCase, check_run, load_golden, run_view, value_at

STEPS = [
    {"path": "start", "node_type": "start", "status": "succeeded", "input": None, "tier": None},
    {"path": "find", "node_type": "tool", "status": "failed", "input": {"tool": "search"}, "tier": None},
    {"path": "sub/find", "node_type": "tool", "status": "succeeded", "input": {"tool": "lookup"}, "tier": None},
    {"path": "write", "node_type": "agent", "status": "succeeded", "input": {"messages": []}, "tier": "B"},
]
VIEW = run_view({"reply": "Within 30 Days", "n": 3, "ok": True, "list": [{"a": 1}]}, STEPS, cost_usd=0.002)


def passes(type_: Any, field: str, value: Any = None) -> bool:
    return not check_run(GoldenCase("x", {}, (Assertion(type_, field, value),)), VIEW)


@pytest.mark.parametrize(
    ("type_", "field", "value", "holds"),
    [
        ("equals", "output.n", 3, True),
        ("equals", "output.n", 4, False),
        ("equals", "output.none", None, True),
        ("not_equals", "output.n", 4, True),
        ("not_equals", "output.n", 3, False),
        ("contains", "output.reply", "30 days", True),
        ("contains", "output.reply", "31", False),
        ("contains", "output.none", "x", False),
        ("contains", "output.n", "3", False),
        ("contains", "run.tools", "lookup", True),
        ("contains", "run.tools", "search", False),  # its call failed
        ("not_contains", "output.reply", "31", True),
        ("not_contains", "output.reply", "30", False),
        ("not_contains", "output.none", "x", False),
        ("less_than", "run.cost_usd", 0.01, True),
        ("less_than", "run.cost_usd", 0.001, False),
        ("less_than", "output.reply", 1, False),
        ("less_than", "output.ok", 5, False),
        ("greater_than", "output.n", 2, True),
        ("greater_than", "output.n", 3, False),
        ("greater_than", "output.none", 0, False),
        ("exists", "output.list.0.a", None, True),
        ("exists", "output.list.1", None, False),
        ("path", "run.path", ["start", "write"], True),
        ("path", "run.path", ["sub/find", "write"], True),
        ("path", "run.path", ["write", "start"], False),
        ("path", "run.path", ["find"], False),
        ("path", "output.none", ["start"], False),
    ],
)
def test_assertions(type_: str, field: str, value: Any, holds: bool) -> None:
    assert passes(type_, field, value) is holds


def test_the_view_counts_only_steps_that_succeeded() -> None:
    assert VIEW["run"]["steps"] == 3
    assert VIEW["run"]["tiers"] == ["B"]
    assert value_at(VIEW, "run.path") == ["start", "sub/find", "write"]


def test_expected_is_short_for_assertions() -> None:
    (case,) = load_golden(
        "- {task_id: a, input: {message: hi}, expected: {intent: faq, tools: [lookup], path: [start], response: text}}"
    )
    assert case.assertions == (
        Assertion("equals", "run.status", "succeeded"),
        Assertion("equals", "output.intent", "faq"),
        Assertion("contains", "run.tools", "lookup"),
        Assertion("path", "run.path", ["start"]),
    )
    (finding,) = check_run(case, VIEW)
    assert str(finding) == "output.intent equals 'faq', but it is None"


def test_a_failed_run_fails_its_case() -> None:
    (case,) = load_golden("- {task_id: a, input: {}}")
    assert check_run(case, run_view(None, [], status="failed"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "list of"),
        ("{}", "list of"),
        ("[]", "list of"),
        ("- 3", "case 1 .* task_id"),
        ("- {task_id: a}", "'a' needs an input"),
        ("- {task_id: a, input: []}", "'a' needs an input"),
        ("- {task_id: a, input: {}, typo: 1}", "unknown keys: typo"),
        ("- {task_id: a, input: {}, difficulty: silly}", "difficulty"),
        ("- {task_id: a, input: {}, expected: [x]}", "mapping"),
        ("- {task_id: a, input: {}, assertions: [{type: magic, field: x}]}", "one of equals"),
        ("- {task_id: a, input: {}, assertions: [{type: equals}]}", "needs a field"),
        ("- {task_id: a, input: {}, assertions: [{type: path, field: run.path, value: x}]}", "list of steps"),
        ("- {task_id: a, input: {}}\n- {task_id: a, input: {}}", "stands twice"),
    ],
)
def test_a_broken_set_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises((SchemaError, YamlError), match=said):
        load_golden(text)


@pytest.mark.parametrize("text", ["- {task_id: a", "- &a [*a, *a]", "- !!python/object:os.system {}", "[" * 5000])
def test_hostile_yaml_is_refused(text: str) -> None:
    with pytest.raises((YamlError, SchemaError)):
        load_golden(text)

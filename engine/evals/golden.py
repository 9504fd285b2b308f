"""Golden sets: messages with what a run on them must do, and the check of a run against that.

    - task_id: "faq_001"
      category: "faq"
      difficulty: "easy"                      # easy | medium | hard | expert
      input: {message: "What is your return policy?"}
      expected: {intent: "faq", tools: ["search_knowledge_base"], path: ["faq_workflow"]}
      assertions:
        - {type: "contains", field: "output.reply", value: "30 days"}
        - {type: "less_than", field: "run.cost_usd", value: 0.01}

A field is a path into the run's view (`run_view`): `output.<key>`, `run.status`, `run.path` (paths of the steps in
order), `run.tools`, `run.tiers`, `run.cost_usd`, `run.duration_ms`, `run.steps`. `expected.intent` is short for an
equal output.intent, `expected.tools` for tools that were all called, `expected.path` for steps taken in that order;
`expected.response` and `expected.tier` are for the judge and the router and assert nothing by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import yaml

from engine.errors import SchemaError
from engine.language.guard import check_bounds

Json = Any
AssertionType = Literal[
    "equals", "not_equals", "contains", "not_contains", "less_than", "greater_than", "exists", "path"
]  # fmt: skip
DIFFICULTIES = ("easy", "medium", "hard", "expert")
MAX_CASES = 1_000
_KEYS = frozenset(
    {"task_id", "name", "description", "category", "difficulty", "input", "expected", "assertions", "judge"}
    | {"timeout_seconds", "max_retries", "metadata"}
)


@dataclass(frozen=True, slots=True)
class Assertion:
    """One thing that must hold of a run; `value` is unused by `exists`."""

    type: AssertionType
    field: str
    value: Json = None


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """One message with its assertions, those from `expected` included."""

    task_id: str
    input: Mapping[str, Json]
    assertions: tuple[Assertion, ...]
    category: str = ""
    difficulty: str = "easy"
    expected: Mapping[str, Json] = field(default_factory=dict)
    judge: Mapping[str, Json] | None = None
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """An assertion that does not hold, with what was there instead."""

    assertion: Assertion
    actual: Json

    def __str__(self) -> str:
        wanted = f" {self.assertion.value!r}" if self.assertion.type != "exists" else ""
        return f"{self.assertion.field} {self.assertion.type}{wanted}, but it is {self.actual!r}"


def load_golden(text: str) -> tuple[GoldenCase, ...]:
    """The cases of a golden set, in order. Raises YamlError, or SchemaError that names the case and the fault."""
    check_bounds(text)
    data = yaml.safe_load(text)
    if not isinstance(data, list) or not 0 < len(data) <= MAX_CASES:
        raise SchemaError(f"a golden set is a list of 1 to {MAX_CASES:,} cases")
    cases = tuple(_case(entry, number) for number, entry in enumerate(data, 1))
    ids = [case.task_id for case in cases]
    if len(set(ids)) < len(ids):
        double = next(each for each in ids if ids.count(each) > 1)
        raise SchemaError(f"task_id {double!r} stands twice in the golden set")
    return cases


def check_run(case: GoldenCase, view: Mapping[str, Json]) -> list[Finding]:
    """The assertions of `case` that do not hold of the run; an empty list means that it passed."""
    return [
        Finding(assertion, actual)
        for assertion in case.assertions
        if not _CHECKS[assertion.type](actual := value_at(view, assertion.field), assertion.value)
    ]


def run_view(
    output: Json,
    steps: Iterable[Mapping[str, Json]],
    *,
    status: str = "succeeded",
    cost_usd: float = 0.0,
    duration_ms: float | None = None,
) -> dict[str, Json]:
    """What assertions look at. `steps` are attempts in order: mappings with path, node_type, status, input, tier."""
    done = [step for step in steps if step.get("status") == "succeeded"]
    tools = [step["input"].get("tool") for step in done if isinstance(step.get("input"), Mapping)]
    return {
        "output": output,
        "run": {
            "status": status,
            "path": [step["path"] for step in done],
            "tools": [tool for tool in tools if tool],
            "tiers": sorted({step["tier"] for step in done if step.get("tier")}),
            "cost_usd": cost_usd,
            "duration_ms": duration_ms,
            "steps": len(done),
        },
    }


def value_at(view: Json, path: str) -> Json:
    """The value at a dotted path; a number steps into a list; None where there is nothing."""
    for step in path.split("."):
        if isinstance(view, Mapping):
            view = view.get(step)
        elif isinstance(view, Sequence) and not isinstance(view, str) and step.isdecimal() and int(step) < len(view):
            view = view[int(step)]
        else:
            return None
    return view


def _case(entry: Json, number: int) -> GoldenCase:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("task_id"), str):
        raise SchemaError(f"case {number} of the golden set needs a task_id")
    name = f"case {entry['task_id']!r}"
    unknown = sorted(str(key) for key in entry.keys() - _KEYS)
    if unknown:
        raise SchemaError(f"{name} has unknown keys: {', '.join(unknown)}")
    if not isinstance(entry.get("input"), Mapping):
        raise SchemaError(f"{name} needs an input, a mapping such as {{message: ...}}")
    difficulty = entry.get("difficulty", "easy")
    if difficulty not in DIFFICULTIES:
        raise SchemaError(f"{name}: difficulty must be one of {', '.join(DIFFICULTIES)}")
    expected = entry.get("expected") or {}
    written = entry.get("assertions") or []
    if not isinstance(expected, Mapping) or not isinstance(written, list):
        raise SchemaError(f"{name}: expected is a mapping, assertions a list")
    return GoldenCase(
        task_id=entry["task_id"],
        input=entry["input"],
        assertions=(*_expected(expected), *(_assertion(each, name) for each in written)),
        category=str(entry.get("category") or ""),
        difficulty=difficulty,
        expected=expected,
        judge=entry.get("judge"),
        timeout_s=float(entry.get("timeout_seconds") or 30.0),
    )


def _expected(expected: Mapping[str, Json]) -> Iterable[Assertion]:
    """The assertions that `expected` is short for; a run that did not succeed fails all of them."""
    yield Assertion("equals", "run.status", expected.get("status", "succeeded"))
    if "intent" in expected:
        yield Assertion("equals", "output.intent", expected["intent"])
    for tool in expected.get("tools") or ():
        yield Assertion("contains", "run.tools", tool)
    if expected.get("path"):
        yield Assertion("path", "run.path", expected["path"])


def _assertion(entry: Json, name: str) -> Assertion:
    kinds = get_args(AssertionType)
    if not isinstance(entry, Mapping) or entry.get("type") not in kinds or not isinstance(entry.get("field"), str):
        raise SchemaError(f"{name}: an assertion needs a field and a type, one of {', '.join(kinds)}")
    if entry["type"] == "path" and not isinstance(entry.get("value"), list):
        raise SchemaError(f"{name}: the value of a path assertion is a list of steps")
    return Assertion(entry["type"], entry["field"], entry.get("value"))


def _contains(actual: Json, value: Json) -> bool:
    """A part of a text, whatever its case; an entry of a list; a key of a mapping."""
    if isinstance(actual, str):
        return str(value).casefold() in actual.casefold()
    return isinstance(actual, Sequence | Mapping) and value in actual


def _compares(actual: Json, value: Json, holds: Callable[[float, float], bool]) -> bool:
    numbers = [n for n in (actual, value) if isinstance(n, int | float) and not isinstance(n, bool)]
    return len(numbers) == 2 and holds(*numbers)


def _in_order(actual: Json, value: Json) -> bool:
    """Whether the steps of `value` were taken in that order, with others between them."""
    steps = iter(actual or ())
    return all(wanted in steps for wanted in value)


_CHECKS: Mapping[AssertionType, Callable[[Json, Json], bool]] = {
    "equals": lambda actual, value: bool(actual == value),
    "not_equals": lambda actual, value: bool(actual != value),
    "contains": _contains,
    "not_contains": lambda actual, value: actual is not None and not _contains(actual, value),
    "less_than": lambda actual, value: _compares(actual, value, lambda a, b: a < b),
    "greater_than": lambda actual, value: _compares(actual, value, lambda a, b: a > b),
    "exists": lambda actual, _: actual is not None,
    "path": _in_order,
}

"""Plans: what a text becomes, what is refused, and the cache."""

from __future__ import annotations

import pytest

import engine.nodes
from engine.errors import DefinitionError, GraphError, SchemaError, YamlError
from engine.execution import plan as plans
from engine.execution.plan import compile_plan, plan_of
from engine.language.document import Document
from tests.support.ports import FakeTools, definition, plan, workflow

TEXT = workflow("""\
config: {max_retries: 2, retry_delay_seconds: 3}
nodes:
  - {name: start, type: start}
  - {name: fork, type: condition}
  - {name: a, type: tool, timeout_seconds: 5, config: {tool_name: t}, on_error: {action: goto, node: b}}
  - {name: b, type: message, config: {text: b}, retry: {max_attempts: 4}}
  - {name: remark, type: note, config: {text: hello}}
  - {name: end, type: end}
edges:
  - {from: start, to: fork}
  - {from: fork, to: a, condition: context.x}
  - {from: fork, to: end}
  - {from: a, to: end}
  - {from: a, to: b, on: timeout}
  - {from: b, to: end}
error_handling:
  - {error_type: "*", action: fallback, fallback_node: b}
  - {error_type: x, action: escalate, fallback_node: no}
""")


def test_the_files_breaker_holds_for_calls_without_their_own() -> None:
    found = plan(
        workflow("""\
config: {circuit_breaker: {failure_threshold: 2, recovery_timeout: 7}}
nodes:
  - {name: start, type: start}
  - {name: a, type: tool, config: {tool_name: t, policy: {retries: 1}}}
  - {name: b, type: http, config: {url: "https://x.example", policy: {breaker: {failure_threshold: 9}}}}
edges: [{from: start, to: a}, {from: a, to: b}]
""")
    )
    with pytest.raises(SchemaError, match="policy"):
        plan(
            workflow("""\
config: {circuit_breaker: {failure_threshold: 2}}
nodes: [{name: start, type: start}, {name: a, type: tool, config: {tool_name: t, policy: fast}}]
edges: [{from: start, to: a}]
""")
        )
    policies = {name: found.nodes[name].config.model_dump()["policy"] for name in "ab"}
    breaker = {"failure_threshold": 2, "recovery_timeout": 7}
    assert policies == {"a": {"breaker": breaker, "retries": 1}, "b": {"breaker": {"failure_threshold": 9}}}


def reached(found: plans.Plan, name: str) -> set[str]:
    return {other for other, bit in found.bits.items() if found.reach[name] & bit}


def test_a_plan_holds_edges_retries_reach_and_no_notes() -> None:
    found = plan(TEXT)
    assert found.start == "start"
    assert set(found.nodes) == {"start", "fork", "a", "b", "end"}
    a, b = found.nodes["a"], found.nodes["b"]
    assert ([e.target for e in a.edges], [e.target for e in a.error_edges]) == (["end"], ["b"])
    assert (a.retry.max_attempts, a.retry.initial_s, a.retry.backoff) == (3, 3, "fixed")
    assert (b.retry.max_attempts, b.retry.backoff) == (4, "exponential")
    assert (a.timeout_s, b.timeout_s) == (5, plans.DEFAULT_STEP_TIMEOUT_S)
    assert reached(found, "fork") == {"a", "b", "end"}
    assert reached(found, "end") == set()
    assert found.rule_targets == {"b"}


def test_reach_follows_cycles() -> None:
    found = plan(
        TEXT.replace("  - {from: b, to: end}", "  - {from: b, to: end}\n  - {from: b, to: fork, condition: context.y}")
    )
    assert reached(found, "b") == {"fork", "a", "b", "end"}
    assert reached(found, "a") == {"fork", "a", "b", "end"}
    assert reached(found, "start") == {"fork", "a", "b", "end"}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("type: message", "type: massage", SchemaError),
        ("tool_name: t", "tool_nam: t", SchemaError),
        ("condition: context.x", "condition: context.x ==", SchemaError),
        ("to: fork}", "to: nowhere}", GraphError),
        ("type: start}", "type: condition}", GraphError),
        ("to: fork}", "to: remark}", GraphError),
        ("nodes:", "nodes: [", YamlError),
        ("name: main", "nam: main", SchemaError),
    ],
)
def test_what_cannot_run_is_refused_with_a_typed_error(old: str, new: str, error: type[DefinitionError]) -> None:
    with pytest.raises(error) as caught:
        plan(TEXT.replace(old, new, 1))
    assert caught.value.public_message


def test_plans_are_cached_by_hash_and_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_cache", plans._Cache())
    texts = [TEXT + f"# {i}\n" for i in range(3)]
    first = plan(texts[0])
    monkeypatch.setattr(plans, "MOST_NODES", 2 * len(first.nodes))
    second = plan(texts[1])
    assert plan(texts[0]) is first
    plan(texts[2])
    assert plan(texts[0]) is first
    assert plan(texts[1]) is not second  # used longest ago
    assert plans._cache.nodes == 2 * len(first.nodes)
    monkeypatch.setattr(plans, "MOST_NODES", 1)
    assert plan(TEXT) is plan(TEXT)  # what is larger than all room is kept until the next one


def test_a_parsed_workflow_gives_the_same_plan_as_its_text() -> None:
    engine.nodes.load()
    document = Document.parse(TEXT + "# own\n")
    assert compile_plan(document.runnable(), document.hash) is plan_of(definition(TEXT + "# own\n"))


def test_tools_that_are_known_sharpen_inferred_schemas() -> None:
    text = workflow("""\
nodes:
  - {name: start, type: start}
  - {name: look, type: tool, config: {tool_name: t}}
  - {name: judge, type: agent, config: {agent_type: classifier}}
  - {name: end, type: end}
edges:
  - {from: start, to: look}
  - {from: look, to: judge}
  - {from: judge, to: end, condition: "context.grade == 'A'"}
  - {from: judge, to: end}
""")
    schema = plan_of(definition(text), FakeTools({"t": {}})).nodes["judge"].inferred_schema
    assert schema is not None
    assert set(schema["properties"]) >= {"grade"}

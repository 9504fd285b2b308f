"""Frames: what a called workflow sees, what comes back, how its failures surface, and its limits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from engine.errors import BudgetExceeded, DefinitionMissing, InputError, PermanentError, TransientError
from engine.execution.events import RunStatus
from engine.execution.ports import ChildRun
from tests.support.ports import RUN_ID, FakeChildRuns, FakeDefinitions, FakeModels, FakeTools, World, workflow


def parent(config: str = "", *, node: str = "", rules: str = "", name: str = "main", calls: str = "child") -> str:
    return workflow(
        f"""\
nodes:
  - {{name: start, type: start}}
  - name: ask
    type: sub_workflow
    config: {{workflow_name: {calls}{config}}}
{node}
  - {{name: help, type: message, config: {{text: "Plan B"}}}}
  - {{name: end, type: end}}
edges: [{{from: start, to: ask}}, {{from: ask, to: end}}, {{from: help, to: end}}]
{rules}
""",
        name,
    )


def child(*nodes: str, end: str = "{}", extra: str = "", name: str = "child") -> str:
    names = ["start", *[f"c{i}" for i in range(len(nodes))], "end"]
    body = "nodes:\n  - {name: start, type: start}\n" + "".join(
        f"  - {{name: c{i}, {n}}}\n" for i, n in enumerate(nodes)
    )
    body += f"  - {{name: end, type: end, config: {end}}}\nedges:\n"
    body += "".join(f"  - {{from: {a}, to: {b}}}\n" for a, b in pairwise(names))
    return workflow(body + extra, name)


def world(text: str, **tools: Any) -> World:
    return World(FakeModels(), FakeTools(tools), definitions=FakeDefinitions({"child": text}))


SAY = "type: message, config: {text: 'About {message}'}"
CALL = "type: tool, config: {tool_name: t}"


async def test_without_input_the_child_sees_the_callers_context() -> None:
    w = world(child(SAY))
    result = await w.run(parent(), {"message": "shoes"})
    assert result.output == {"reply": "About shoes"}
    assert "ask/c0" in w.sink.seen("step.succeeded")


async def test_with_input_the_child_sees_that_map_only() -> None:
    w = world(child("type: message, config: {text: '{q} {message | nothing}'}"))
    result = await w.run(parent(", input: {q: context.message}"), {"message": "shoes"})
    assert result.output == {"reply": "shoes nothing"}


async def test_what_the_child_produced_comes_back_and_nothing_it_was_given() -> None:
    w = world(child(CALL), t={"found": 1})
    result = await w.run(parent(), {"message": "x", "secret": "y"})
    assert result.output == {"reply": None, "found": 1}
    ask = next(r for r in w.journal.attempts if r.path == "ask" and r.status == "succeeded")
    assert ask.outcome["output"] == {"found": 1}


async def test_an_output_map_of_the_child_is_all_that_comes_back_besides_its_reply() -> None:
    w = world(child(CALL, SAY, end="{output: {count: context.found}}"), t={"found": 1, "noise": 2})
    result = await w.run(parent(), {"message": "x"})
    assert result.output == {"reply": "About x", "count": 1}


async def test_a_reply_key_in_the_childs_output_is_the_callers_reply_text() -> None:
    w = world(child(end="{output: {reply: 'From ${context.message}'}}"))
    text = parent().replace(
        "{name: end, type: end}", "{name: end, type: end, config: {output: {r: context.reply_text}}}"
    )
    assert (await w.run(text, {"message": "x"})).output == {"r": "From x"}


async def test_an_error_of_the_child_is_the_calling_steps_after_the_childs_own_handling() -> None:
    failing = child(CALL)
    handled = failing + "error_handling: [{error_type: odd, action: custom_response, response: Handled inside}]\n"
    rules = "error_handling: [{error_type: odd, action: fallback, fallback_node: help}]"
    broken = PermanentError("x", error_type="odd")
    assert (await world(failing, t=broken).run(parent(rules=rules), {})).output == {"reply": "Plan B"}
    assert (await world(handled, t=broken).run(parent(rules=rules), {})).output == {"reply": "Handled inside"}


async def test_an_unhandled_error_of_the_child_names_where_it_came_from() -> None:
    w = world(child(CALL), t=PermanentError("x", error_type="odd"))
    result = await w.run(parent(), {})
    assert result.error is not None
    assert result.error["type"] == "odd"
    assert result.error["details"]["path"] == "ask/c0"
    assert w.sink.seen("step.failed") == ["ask/c0", "ask"]


async def test_general_types_of_an_inner_failure_match_outside() -> None:
    rules = "error_handling: [{error_type: tool_failure, action: fallback, fallback_node: help}]"
    w = world(child(CALL), t=PermanentError("x", error_type="odd"))
    assert (await w.run(parent(rules=rules), {})).status is RunStatus.SUCCEEDED


async def test_the_child_retries_its_own_step_and_the_caller_does_not_again() -> None:
    w = world(child(CALL, extra="config: {max_retries: 1}\n"), t=TransientError("x"))
    await w.run(parent(rules="config: {max_retries: 5}"), {})
    assert len(w.tools.calls) == 2


async def test_a_retried_call_repeats_the_childs_effects_with_the_same_keys() -> None:
    w = world(child(CALL, "type: tool, config: {tool_name: u}"), t={"a": 1}, u=[TransientError("x"), {"b": 2}])
    result = await w.run(parent(node="    retry: {max_attempts: 2, on: [tool_failure], initial_seconds: 1}"), {})
    assert result.output == {"reply": None, "a": 1, "b": 2}
    assert len(w.tools.calls) == 4
    assert len(w.tools.effects) == 2


async def test_a_missing_workflow_fails_the_step_that_calls_it() -> None:
    w = world(child())
    result = await w.run(parent(calls="nobody"), {})
    assert result.error is not None
    assert result.error["type"] == "definition_missing"
    assert result.error["details"]["node"] == "ask"


async def test_a_workflow_that_does_not_hold_up_fails_the_step_that_calls_it() -> None:
    for broken in (
        "nodes: [",
        child().replace("type: end", "type: ende"),
        child().replace("from: start", "from: nobody"),
    ):
        result = await world(broken).run(parent(), {})
        assert result.status is RunStatus.FAILED
        assert result.error is not None
        assert result.error["details"]["node"] == "ask"


async def test_the_childs_inputs_are_checked() -> None:
    w = world(child(extra="inputs: {type: object, required: [order_id]}\n"))
    result = await w.run(parent(", input: {q: 1}"), {})
    assert result.error is not None
    assert result.error["type"] == "validation_error"
    assert "order_id" in result.error["message"]


async def test_a_workflow_cannot_call_itself_through_others() -> None:
    definitions = FakeDefinitions({"a": parent(name="a", calls="b"), "b": parent(name="b", calls="a")})
    result = await World(definitions=definitions).run(parent(calls="a"), {})
    assert result.error is not None
    assert result.error["type"] == "budget_exceeded"
    assert "a -> b -> a" in result.error["message"]


async def test_calls_nest_at_most_eight_deep() -> None:
    chain = {f"w{i}": parent(name=f"w{i}", calls=f"w{i + 1}") for i in range(12)}
    result = await World(definitions=FakeDefinitions(chain)).run(parent(calls="w0"), {})
    assert result.error is not None
    assert result.error["details"]["limit"] == "depth"
    eight = {**{f"w{i}": chain[f"w{i}"] for i in range(7)}, "w7": child(name="w7")}
    assert (await World(definitions=FakeDefinitions(eight)).run(parent(calls="w0"), {})).status is RunStatus.SUCCEEDED


async def test_the_childs_own_step_limit_fails_the_call_only() -> None:
    w = world(child(SAY, SAY, SAY, extra="config: {max_steps: 2}\n"))
    rules = "error_handling: [{error_type: budget_exceeded, action: fallback, fallback_node: help}]"
    result = await w.run(parent(rules=rules), {"message": "x"})
    assert result.output["reply"] == "Plan B"


async def test_steps_of_the_child_count_for_the_caller() -> None:
    w = world(child(SAY, SAY, SAY))
    result = await w.run(parent(rules="config: {max_steps: 3}"), {"message": "x"})
    assert result.error is not None
    assert result.error["details"]["limit"] == "max_steps"


async def test_the_calls_timeout_is_the_childs() -> None:
    w = World(definitions=FakeDefinitions({"child": child(CALL, CALL)}))

    def slow(_: Any) -> Any:
        w.clock.time += 5
        return {}

    w.tools = FakeTools({"t": slow})
    rules = "error_handling: [{error_type: timeout, action: fallback, fallback_node: help}]"
    result = await w.run(parent(", timeout_seconds: 4", rules=rules), {})
    assert result.output["reply"] == "Plan B"
    assert len(w.tools.calls) == 1


async def test_nodes_of_a_child_are_skipped_under_their_own_path() -> None:
    forked = workflow(
        """\
nodes:
  - {name: start, type: start}
  - {name: fork, type: condition}
  - {name: a, type: message, config: {text: A}}
  - {name: b, type: message, config: {text: B}}
  - {name: end, type: end}
edges:
  - {from: start, to: fork}
  - {from: fork, to: a, condition: context.yes}
  - {from: fork, to: b}
  - {from: a, to: end}
  - {from: b, to: end}
""",
        "child",
    )
    w = world(forked)
    await w.run(parent(), {"yes": True})
    assert w.sink.seen("step.skipped") == ["ask/b", "help"]


async def test_async_starts_a_run_of_its_own_and_goes_on() -> None:
    w = World()
    result = await w.run(parent(", mode: async, version: ^1.0, input: {q: context.message}"), {"message": "shoes"})
    key = f"{RUN_ID}:ask:0:start"
    assert result.output["run_id"] == f"run of {key}"
    assert w.runs.asked == [ChildRun("child", "^1.0", {"q": "shoes"}, key)]
    assert w.sink.seen("step.succeeded") == ["start", "ask", "end"]


async def test_async_without_input_gives_the_whole_context_and_is_recorded_once() -> None:
    w = World()
    text = parent(", mode: async")
    await w.run(text, {"message": "shoes"})
    assert next(iter(w.runs.started.values())).input == {"message": "shoes"}
    for kept in range(len(w.journal.records)):  # a crash after each record
        again = World(runs=w.runs)
        again.journal.records = list(w.journal.records[:kept])
        assert (await again.run(text, {"message": "shoes"}, records=tuple(again.journal.records))).output
    assert len(w.runs.started) == 1
    recorded = next(n for n, record in enumerate(w.journal.records) if record.status == "effect")
    assert len(w.runs.asked) == 1 + recorded + 1  # asked for again only while its end was not recorded


async def test_async_that_cannot_start_is_a_failure_of_the_step() -> None:
    for error in (DefinitionMissing("gone"), InputError("no q"), BudgetExceeded("too many", limit="chain")):
        result = await World(runs=FakeChildRuns(error)).run(parent(", mode: async"))
        assert (result.status, result.error["code"]) == (RunStatus.FAILED, error.code)  # type: ignore[index]

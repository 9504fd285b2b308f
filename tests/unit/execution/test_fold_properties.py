"""For any small workflow and any outcomes of its steps: the journal is enough to have the run back.

A run is driven twice: once through, and once from every prefix of its journal as a crash would leave it. Both end in
the same state, and no step whose record is there is done again.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import PermanentError, StepTimeout, TransientError
from engine.execution.machine import Interrupt, apply, commands, fold, initial
from engine.execution.ports import StepRecord
from engine.execution.state import State
from tests.support.ports import FakeDefinitions, FakeTools, World, plan, workflow

ERRORS = {
    "flaky": TransientError("flaky"),
    "broken": PermanentError("broken", error_type="odd"),
    "late": StepTimeout("late"),
}
OUTCOMES = st.sampled_from([{"n": 1}, {"n": 2, "reply_text": "x"}, {"deep": {"a": [1, None]}}, "text", None, *ERRORS])
ON_ERROR = [
    "",
    "on_error: {action: continue, output: {n: 9}}",
    "on_error: {action: goto, node: help}",
    "on_error: {action: retry}",
]
RULES = [
    "",
    "error_handling: [{error_type: odd, action: retry, max_retries: 1, fallback_node: help}]",
    "error_handling: [{error_type: '*', action: log_and_continue}]",
    "error_handling: [{error_type: timeout, action: custom_response, response: late}]",
    "error_handling: [{error_type: '*', action: escalate, fallback_node: nobody}]",
]
CONDITIONS = [
    "",
    ", condition: context.n == 1",
    ", condition: context.n > 1",
    ", condition: \"'x' in context.reply_text\"",
]


@st.composite
def bodies(draw: st.DrawFn, calls: tuple[str, ...]) -> str:
    """A workflow of tools (and calls, at most one level) between start and end, with forks, a helper and rules."""
    size = draw(st.integers(1, 4))
    names = [f"n{i}" for i in range(size)]
    lines = [f"config: {{max_steps: 25, max_retries: {draw(st.integers(0, 1))}, retry_delay_seconds: 0}}", "nodes:"]
    lines.append("  - {name: start, type: start}")
    for name in names:
        kind = draw(st.sampled_from(["tool", "tool", *(["call"] if calls else [])]))
        on_error = draw(st.sampled_from(ON_ERROR))
        config = f"{{tool_name: {draw(st.sampled_from(['t', 'u']))}}}"
        if kind == "call":
            config = f"{{workflow_name: {draw(st.sampled_from(calls))}}}"
        node_type = "tool" if kind == "tool" else "sub_workflow"
        lines.append(f"  - {{name: {name}, type: {node_type}, config: {config}{', ' + on_error if on_error else ''}}}")
    lines += ["  - {name: help, type: message, config: {text: help}}", "  - {name: end, type: end}", "edges:"]
    lines.append("  - {from: start, to: n0}")
    for index, name in enumerate(names):
        for _ in range(draw(st.integers(0, 2))):
            target = draw(st.sampled_from([*names, "end", "help"]))
            lines.append(f"  - {{from: {name}, to: {target}{draw(st.sampled_from(CONDITIONS))}}}")
        if draw(st.booleans()):
            lines.append(f"  - {{from: {name}, to: help, on: error}}")
        following = names[index + 1] if index + 1 < size else "end"
        lines.append(f"  - {{from: {name}, to: {following}}}")
    lines.append("  - {from: help, to: end}")
    lines.append(draw(st.sampled_from(RULES)))
    return "\n".join(lines) + "\n"


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, dict[str, list[Any]]]:
    scripts = {tool: draw(st.lists(OUTCOMES, min_size=1, max_size=6)) for tool in ("t", "u")}
    return workflow(draw(bodies(("child",)))), workflow(draw(bodies(())), "child"), scripts


def world(child: str, scripts: dict[str, list[Any]], done: dict[str, Any]) -> World:
    """Tools answer by idempotency key, so that the same step gets the same answer in every life of the run."""

    def answer(tool: str) -> Any:
        def run(call: Any) -> Any:
            attempt = done.setdefault(call.idempotency_key, {"tries": 0})
            attempt["tries"] += 1
            script = scripts[tool]
            value = script[(sum(map(ord, call.idempotency_key[37:])) + attempt["tries"]) % len(script)]
            return ERRORS[value] if isinstance(value, str) and value in ERRORS else value

        return run

    return World(tools=FakeTools({t: answer(t) for t in scripts}), definitions=FakeDefinitions({"child": child}))


def rest(record: StepRecord) -> tuple[Any, ...]:
    return (record.path, record.iteration, record.attempt, record.status, record.outcome)


def essence(state: State) -> tuple[Any, ...]:
    """A state without what compares by identity only."""
    frames = {
        path: (f.plan.hash, f.context, f.inputs, f.outputs, list(f.produced), f.visited, f.visits_before, f.ending)
        for path, f in state.frames.items()
    }
    spent = {path: (s.steps, s.used_ms) for path, s in state.spent.items()}
    return frames, spent, dict(state.active), dict(state.visits), state.seq


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
async def test_the_journal_gives_the_run_back(case: tuple[str, str, dict[str, list[Any]]]) -> None:
    text, child, scripts = case
    live = world(child, scripts, {})
    executor = live.executor(text, {"message": "m"})
    result = await executor.run()
    records = live.journal.records
    plans = {p.hash: p for p in (plan(text), plan(child, "child"))}
    start = initial(plan(text), {"message": "m"}, executor.state.constants)
    folded = fold(start, records, plans)
    state = start
    for record in records:
        before, after = essence(state), apply(state, record, plans)
        assert essence(state) == before, "a state stays as it is"
        state = after
    assert essence(state) == essence(folded)
    if folded.root.ending is None:  # the run ran out of steps: found again from the state, not written down
        assert any(isinstance(command, Interrupt) for command in commands(folded))
    else:
        assert essence(folded) == essence(executor.state)
    assert [r.seq for r in records] == list(range(len(records)))
    for cut in range(len(records)):
        state = fold(start, records[:cut], plans)
        assert commands(state), "a run that is not over has something to do"
        again = world(child, scripts, tries_until(records[:cut]))
        again.journal.records = list(records[:cut])
        resumed = await again.run(text, {"message": "m"}, records=tuple(records[:cut]))
        assert (resumed.status, resumed.output, resumed.error) == (result.status, result.output, result.error)
        assert again.journal.durable == len(again.journal.records)
        assert [rest(r) for r in again.journal.attempts] == [rest(r) for r in live.journal.attempts]


def tries_until(records: list[StepRecord]) -> dict[str, Any]:
    """How often each key was tried by the records that survived."""
    tries: dict[str, Any] = {}
    for record in records:
        if record.node_type == "tool" and record.status != "requested":
            key = f"00000000-0000-7000-8000-000000000001:{record.path}:{record.iteration}"
            tries.setdefault(key, {"tries": 0})["tries"] += 1
    return tries


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
async def test_equal_runs_decide_equally(case: tuple[str, str, dict[str, list[Any]]]) -> None:
    text, child, scripts = case
    one, two = world(child, scripts, {}), world(child, scripts, {})
    await one.run(text)
    await two.run(text)
    assert [rest(r) for r in one.journal.records] == [rest(r) for r in two.journal.records]

"""YAML in, events and output out: branches, data rules, skipped nodes, cancellation, hand-over, limits."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from engine.errors import LeaseLost, PermanentError, RunCancelled, ShutdownRequested
from engine.execution.events import RunStatus
from tests.support.ports import FakeModels, FakeTools, World, workflow

ROUTER = workflow("""\
nodes:
  - {name: start, type: start}
  - {name: classify, type: agent, config: {agent_type: classifier}}
  - {name: route, type: condition}
  - {name: faq, type: message, config: {text: "FAQ about {topic | nothing}"}}
  - {name: order, type: tool, config: {tool_name: find_order, parameters: {id: context.order_id, note: fixed}}}
  - {name: tell, type: message, config: {text: "Order {order.status}"}}
  - {name: other, type: message, config: {text: Hello}}
  - {name: end, type: end}
edges:
  - {from: start, to: classify}
  - {from: classify, to: route}
  - {from: route, to: faq, condition: "context.intent == 'faq'"}
  - {from: route, to: order, condition: "context.intent == 'order'"}
  - {from: route, to: other, condition: "true"}
  - {from: faq, to: end}
  - {from: order, to: tell}
  - {from: tell, to: end}
  - {from: other, to: end}
""")


def line(*nodes: str, edges: str = "", extra: str = "") -> str:
    """start -> the given nodes (YAML of each, named n0, n1, ...) -> end."""
    names = ["start", *[f"n{i}" for i in range(len(nodes))], "end"]
    body = "nodes:\n  - {name: start, type: start}\n"
    body += "".join(f"  - {{name: n{i}, {node}}}\n" for i, node in enumerate(nodes))
    body += "  - {name: end, type: end}\nedges:\n"
    body += "".join(f"  - {{from: {a}, to: {b}}}\n" for a, b in pairwise(names)) + edges + extra
    return workflow(body)


@pytest.mark.parametrize(
    ("intent", "taken", "skipped"),
    [
        ("faq", ["start", "classify", "route", "faq", "end"], ["order", "tell", "other"]),
        ("order", ["start", "classify", "route", "order", "tell", "end"], ["faq", "other"]),
        ("other", ["start", "classify", "route", "other", "end"], ["faq", "order", "tell"]),
    ],
)
async def test_a_branch_runs_and_the_others_are_skipped(intent: str, taken: list[str], skipped: list[str]) -> None:
    w = World(
        FakeModels({"classify": f'{{"intent": "{intent}"}}'}), FakeTools({"find_order": {"order": {"status": "sent"}}})
    )
    result = await w.run(ROUTER, {"message": "hi", "order_id": "ORD-1"})
    assert result.status is RunStatus.SUCCEEDED
    assert w.sink.seen("step.succeeded") == taken
    assert w.sink.seen("step.skipped") == skipped
    assert w.sink.events[0].type == "run.started"
    assert w.sink.events[-1].type == "run.succeeded"
    assert w.sink.data("step.succeeded", "route")[0]["edges"] == [["route", taken[3]]]


async def test_skips_are_told_when_the_branch_is_taken_not_at_the_end() -> None:
    w = World(FakeModels({"classify": '{"intent": "faq"}'}), FakeTools({"find_order": {}}))
    await w.run(ROUTER, {"message": "hi"})
    order = [(e.type, e.path) for e in w.sink.events]
    assert order.index(("step.skipped", "tell")) < order.index(("step.started", "faq"))


async def test_the_events_of_an_agent_tell_model_tier_reason_and_cost() -> None:
    w = World(FakeModels({"classify": '{"intent": "faq"}'}))
    result = await w.run(ROUTER, {"message": "hi"})
    data = w.sink.data("step.succeeded", "classify")[0]
    assert data["model"] == "fake-model"
    assert data["tier"] == "A"
    assert data["reason"] == "2 fields to fill in from a short text"
    assert (data["tokens_in"], data["tokens_out"], data["cost_usd_micros"]) == (10, 5, 100)
    assert (result.tokens_in, result.tokens_out, result.cost_usd_micros) == (10, 5, 100)
    assert w.sink.data("run.succeeded")[0]["cost_usd_micros"] == 100


async def test_a_steps_input_is_shown() -> None:
    w = World(FakeModels({"classify": '{"intent": "order"}'}), FakeTools({"find_order": {"order": {"status": "sent"}}}))
    await w.run(ROUTER, {"message": "hi", "order_id": "ORD-1"})
    shown = {"tool": "find_order", "parameters": {"id": "ORD-1", "note": "fixed"}}
    assert w.sink.data("step.started", "order")[0]["input"] == shown
    assert next(r.input for r in w.journal.attempts if r.path == "order") == shown


async def test_free_text_is_streamed_and_data_is_not() -> None:
    w = World(FakeModels({"classify": '{"intent": "faq"}', "n0": "good day"}))
    await w.run(ROUTER, {"message": "hi"})
    assert w.sink.seen("step.delta") == ["faq"]
    await w.run(line("type: agent"), {"message": "hi"})
    assert [e.data["text"] for e in w.sink.events if e.path == "n0" and e.type == "step.delta"] == ["good", "day"]


# -- data ------------------------------------------------------------------------------------------------------------


async def test_mappings_merge_into_context_and_output_key_keeps_them_apart() -> None:
    w = World(tools=FakeTools({"t": {"a": 1, "b": 2}}))
    merged = await w.run(line("type: tool, config: {tool_name: t}"))
    assert merged.output == {"reply": None, "a": 1, "b": 2}
    apart = await w.run(line("type: tool, config: {tool_name: t, output_key: found}"))
    assert apart.output == {"reply": None, "found": {"a": 1, "b": 2}}


async def test_an_output_map_says_what_the_run_answers() -> None:
    text = line("type: message, config: {text: Hi}").replace(
        "type: end}",
        "type: end, config: {output: {reply: context.reply_text, said: '${nodes.n0.output.reply_text}!'}}}",
    )
    assert (await World().run(text)).output == {"reply": "Hi", "said": "Hi!"}


async def test_a_later_step_reads_outputs_inputs_variables_and_run() -> None:
    node = 'type: transform, config: {set: {x: "inputs.a + variables.b", w: run.workflow, t: run.trigger}}'
    result = await World().run(line(node, extra="variables: [{name: b, default: 2}]\n"), {"a": 1})
    assert result.output == {"reply": None, "x": 3, "w": "main", "t": "manual"}


async def test_large_default_output_keeps_the_plain_values() -> None:
    w = World(tools=FakeTools({"t": {"rows": ["x" * 1000] * 600}, "u": {"more": ["x" * 1000] * 600, "n": 3}}))
    result = await w.run(line("type: tool, config: {tool_name: t}", "type: tool, config: {tool_name: u}"))
    assert result.status is RunStatus.SUCCEEDED
    assert result.output == {"reply": None, "n": 3}


async def test_a_disabled_node_is_passed_through() -> None:
    w = World()
    result = await w.run(
        line("type: message, disabled: true, config: {text: no}", "type: message, config: {text: yes}")
    )
    assert result.output["reply"] == "yes"
    assert w.sink.seen("step.skipped") == ["n0"]


async def test_a_cycle_visits_a_node_again_with_its_own_iteration() -> None:
    text = workflow("""\
nodes:
  - {name: start, type: start}
  - {name: count, type: tool, config: {tool_name: count}}
  - {name: end, type: end}
edges:
  - {from: start, to: count}
  - {from: count, to: end, condition: "context.n >= 3"}
  - {from: count, to: count}
""")
    w = World(tools=FakeTools({"count": [{"n": 1}, {"n": 2}, {"n": 3}]}))
    await w.run(text)
    assert [r.iteration for r in w.journal.attempts if r.path == "count"] == [0, 1, 2]
    assert [key.rpartition(":")[2] for key in w.tools.effects] == ["0", "1", "2"]


# -- bad conditions and limits ---------------------------------------------------------------------------------------


async def test_no_true_edge_is_a_failure_that_names_the_node() -> None:
    text = workflow("""\
nodes: [{name: start, type: start}, {name: fork, type: condition}, {name: end, type: end}]
edges:
  - {from: start, to: fork}
  - {from: fork, to: end, condition: context.yes}
""")
    result = await World().run(text)
    assert result.error is not None
    assert result.error["type"] == "no_branch"
    assert result.error["details"]["node"] == "fork"


async def test_a_condition_over_wrong_types_names_node_edge_and_expression() -> None:
    text = workflow("""\
nodes: [{name: start, type: start}, {name: check, type: condition}, {name: end, type: end}]
edges:
  - {from: start, to: check}
  - {from: check, to: end, condition: "context.amount > 3"}
""")
    result = await World().run(text, {"amount": "many"})
    assert result.status is RunStatus.FAILED
    assert result.error is not None
    assert result.error["type"] == "expression_error"
    assert "check -> end" in result.error["message"]
    assert "context.amount > 3" in result.error["message"]
    assert result.error["details"]["node"] == "check"


async def test_max_steps_ends_a_cycle() -> None:
    text = workflow("""\
config: {max_steps: 7}
nodes: [{name: start, type: start}, {name: a, type: condition}, {name: end, type: end}]
edges:
  - {from: start, to: a}
  - {from: a, to: end, condition: "context.never"}
  - {from: a, to: a}
""")
    w = World()
    result = await w.run(text)
    assert result.error is not None
    assert result.error["type"] == "budget_exceeded"
    assert result.error["details"]["limit"] == "max_steps"
    assert len(w.journal.records) == 7


async def test_max_cost_stops_before_the_next_step_and_keeps_a_finished_result() -> None:
    models = FakeModels({"*": "text"})
    two = line("type: agent", "type: agent", extra="config: {max_cost_usd: 0.00005}\n")
    result = await World(models).run(two, {"message": "x"})
    assert result.error is not None
    assert result.error["details"]["limit"] == "max_cost_usd"
    assert len(models.requests) == 1
    enough = await World(models).run(two.replace("0.00005", "0.0002"), {"message": "x"})
    assert enough.status is RunStatus.SUCCEEDED


async def test_a_custom_response_speaks_for_a_run_that_ran_out_of_budget() -> None:
    rules = "error_handling: [{error_type: budget_exceeded, action: custom_response, response: Too dear.}]\n"
    text = line("type: agent", "type: agent", extra="config: {max_cost_usd: 0.00005}\n" + rules)
    assert (await World(FakeModels({"*": "t"})).run(text, {"message": "x"})).output == {"reply": "Too dear."}


async def test_a_step_that_hangs_times_out() -> None:
    async def hang(_: Any) -> Any:
        await asyncio.sleep(60)

    w = World(tools=FakeTools({"t": hang}))
    result = await w.run(line("type: tool, timeout_seconds: 0.05, config: {tool_name: t}"))
    assert result.error is not None
    assert result.error["type"] == "timeout"
    assert result.error["details"]["node"] == "n0"


async def test_the_run_as_a_whole_times_out_in_a_hanging_step() -> None:
    class RealClock:
        def now(self) -> float:
            return asyncio.get_running_loop().time()

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    async def hang(_: Any) -> Any:
        await asyncio.sleep(60)

    w = World(tools=FakeTools({"t": hang}))
    w.clock = RealClock()  # type: ignore[assignment]
    extra = "config: {timeout_seconds: 0.1}\nerror_handling: [{error_type: timeout, action: retry, max_retries: 5}]\n"
    result = await w.run(line("type: tool, config: {tool_name: t}", extra=extra))
    assert result.error is not None
    assert "main took longer than 0.1 s" in result.error["message"]


async def test_time_waiting_for_a_worker_does_not_count() -> None:
    w = World(tools=FakeTools({"t": {"ok": True}}))
    text = line("type: tool, config: {tool_name: t}", extra="config: {timeout_seconds: 10}\n")
    await w.executor(text, inline=True, deadline=0).run()
    w.clock.time += 100_000
    result = await w.run(text, records=tuple(w.journal.records))
    assert result.status is RunStatus.SUCCEEDED


async def test_the_files_input_schema_is_checked_before_anything_runs() -> None:
    text = line(extra="inputs: {type: object, required: [message], properties: {message: {type: string}}}\n")
    w = World()
    result = await w.run(text, {"message": 5})
    assert result.error is not None
    assert result.error["type"] == "validation_error"
    assert "message" in result.error["message"]
    assert w.journal.records == []


# -- stopping --------------------------------------------------------------------------------------------------------


async def stop_during_step(signal: BaseException) -> tuple[World, Any]:
    started = asyncio.Event()

    async def hang(_: Any) -> Any:
        started.set()
        await asyncio.sleep(60)

    w = World(tools=FakeTools({"t": hang}))
    executor = w.executor(line("type: tool, config: {tool_name: t}"))
    task = asyncio.create_task(executor.run())
    await asyncio.wait_for(started.wait(), 5)
    executor.stop(signal)  # type: ignore[arg-type]
    return w, await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 1)


async def test_cancelling_ends_a_step_in_flight_at_once() -> None:
    w, (result,) = await stop_during_step(RunCancelled())
    assert result.status is RunStatus.CANCELLED
    assert w.journal.ends == [("cancelled", None, None)]
    assert w.sink.events[-1].type == "run.cancelled"
    assert "n0" not in [r.path for r in w.journal.attempts]


async def test_a_lost_lease_ends_the_run_without_writing() -> None:
    w, (result,) = await stop_during_step(LeaseLost())
    assert isinstance(result, LeaseLost)
    assert w.journal.ends == []
    assert not w.journal.handed_over


async def test_shutdown_waits_for_the_step_and_hands_the_run_over() -> None:
    release = asyncio.Event()
    started = asyncio.Event()

    async def slow(_: Any) -> Any:
        started.set()
        await release.wait()
        return {"ok": True}

    w = World(tools=FakeTools({"t": slow}))
    executor = w.executor(line("type: tool, config: {tool_name: t}"))
    task = asyncio.create_task(executor.run())
    await asyncio.wait_for(started.wait(), 5)
    executor.stop(ShutdownRequested())
    await asyncio.sleep(0)
    release.set()
    result = await asyncio.wait_for(task, 5)
    assert result.status is RunStatus.QUEUED
    assert w.journal.handed_over
    assert w.journal.attempts[-1].path == "n0"


async def test_shutdown_does_not_wait_for_a_pause_between_retries() -> None:
    class StuckClock:
        def now(self) -> float:
            return 1.0

        async def sleep(self, _: float) -> None:
            waiting.set()
            await asyncio.sleep(60)

    waiting = asyncio.Event()
    w = World(tools=FakeTools({"t": PermanentError("x", error_type="odd")}))
    w.clock = StuckClock()  # type: ignore[assignment]
    rules = "error_handling: [{error_type: odd, action: wait, wait_seconds: 20}]\n"
    executor = w.executor(line("type: tool, config: {tool_name: t}", extra=rules))
    task = asyncio.create_task(executor.run())
    await asyncio.wait_for(waiting.wait(), 5)
    executor.stop(ShutdownRequested())
    assert (await asyncio.wait_for(task, 1)).status is RunStatus.QUEUED


async def test_a_lease_lost_in_the_journal_is_raised() -> None:
    w = World()
    w.journal._lose_at = 1
    with pytest.raises(LeaseLost):
        await w.run(line("type: message, config: {text: x}"))


# -- inline ----------------------------------------------------------------------------------------------------------


async def test_inline_hands_over_before_the_first_long_node_and_a_worker_goes_on() -> None:
    w = World(FakeModels({"classify": '{"intent": "faq"}'}))
    first = await w.run(ROUTER, {"message": "hi"}, inline=True)
    assert first.status is RunStatus.QUEUED
    assert [r.path for r in w.journal.attempts] == ["start"]
    assert w.models.requests == []
    second = await w.run(ROUTER, {"message": "hi"}, records=tuple(w.journal.records))
    assert second.status is RunStatus.SUCCEEDED
    assert [r.path for r in w.journal.attempts] == ["start", "classify", "route", "faq", "end"]


async def test_a_run_without_long_nodes_ends_inline() -> None:
    result = await World().run(line("type: message, config: {text: Hi}"), inline=True, deadline=2_000.0)
    assert result.status is RunStatus.SUCCEEDED


async def test_the_deadline_hands_over_at_the_next_boundary() -> None:
    w = World()

    def tick(_: Any) -> Any:
        w.clock.time += 10
        return {}

    w.tools = FakeTools({"t": tick})
    text = line("type: tool, config: {tool_name: t}", "type: tool, config: {tool_name: t}")
    result = await w.run(text, inline=True, deadline=1_005.0)
    assert result.status is RunStatus.QUEUED
    assert [r.path for r in w.journal.attempts] == ["start", "n0"]


# -- durability ------------------------------------------------------------------------------------------------------


async def test_everything_is_committed_before_an_effect_and_at_the_end() -> None:
    w = World()
    durable: list[int] = []

    def effect(_: Any) -> Any:
        durable.append(w.journal.durable)
        return {}

    w.tools = FakeTools({"t": effect})
    await w.run(line("type: transform, config: {set: {a: '1'}}", "type: tool, config: {tool_name: t}"))
    assert durable == [3]  # the two steps before, and that the effect is asked for
    assert w.journal.barriers == 2

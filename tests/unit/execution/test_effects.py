"""Effects within a step: asked for before, recorded after, and never done again."""

from __future__ import annotations

from typing import Any

from engine.errors import PermanentError, TransientError
from engine.execution.events import RunStatus
from engine.execution.ports import StepRecord
from tests.support.ports import FakeTools, World, workflow

SAGA = workflow("""\
nodes:
  - {name: start, type: start}
  - name: order
    type: saga
    config:
      steps:
        - {name: hold, tool_name: hold, parameters: {id: context.id}}
        - {name: take, tool_name: take, parameters: {hold: steps.hold.id}}
        - {name: send, tool_name: send, parameters: {}}
  - {name: end, type: end}
edges:
  - {from: start, to: order}
  - {from: order, to: end}
""")


def tools(**answers: Any) -> FakeTools:
    return FakeTools({"hold": {"id": "h1"}, "take": {"ok": True}, "send": {"ok": True}} | answers)


async def test_each_effect_is_asked_for_before_and_recorded_after() -> None:
    w = World(tools=tools())
    result = await w.run(SAGA, {"id": 7})
    assert result.status is RunStatus.SUCCEEDED
    story = [(r.status, r.outcome.get("effect", "")) for r in w.journal.records if r.path == "order"]
    assert [(status, name.partition("#")[0]) for status, name in story] == [
        ("requested", ""),
        *((status, f"saga:{step}:do") for step in ("hold", "take", "send") for status in ("requested", "effect")),
        ("succeeded", ""),
    ]
    asked = next(r for r in w.journal.records if r.outcome.get("effect") == "saga:take:do")
    assert asked.input["request"] == {"tool": "take", "parameters": {"hold": "h1"}}


async def test_what_is_asked_for_is_durable_before_it_is_done() -> None:
    w = World()
    seen: list[tuple[int, int]] = []

    def look(_: Any) -> Any:
        seen.append((w.journal.durable, len(w.journal.records)))
        return {"id": "h1"}

    w.tools = tools(hold=look, take=look, send=look)
    await w.run(SAGA, {"id": 7})
    assert seen
    assert all(durable == written for durable, written in seen)


async def test_after_a_crash_anywhere_no_recorded_effect_is_done_again() -> None:
    whole = World(tools=tools())
    await whole.run(SAGA, {"id": 7})
    records = whole.journal.records
    for cut in range(len(records)):
        again = World(tools=tools())
        result = await again.run(SAGA, {"id": 7}, records=tuple(records[:cut]))
        assert result.status is RunStatus.SUCCEEDED
        done = sum(record.status == "effect" for record in records[:cut])
        over = any(r.path == "order" and r.status == "succeeded" for r in records[:cut])
        assert [c.tool for c in again.tools.calls] == ([] if over else ["hold", "take", "send"][done:])


async def test_a_later_attempt_does_not_do_it_again() -> None:
    text = SAGA.replace("type: saga", "type: saga\n    retry: {max_attempts: 2, initial_seconds: 0}")
    w = World(tools=tools(take=[TransientError("gone"), {"ok": True}]))
    result = await w.run(text, {"id": 7})
    assert [call.tool for call in w.tools.calls].count("hold") == 1, [c.tool for c in w.tools.calls]
    assert result.status in (RunStatus.SUCCEEDED, RunStatus.FAILED)


async def test_a_failed_effect_is_not_recorded_as_done() -> None:
    w = World(tools=FakeTools({"t": PermanentError("no")}))
    text = workflow(
        "nodes: [{name: start, type: start}, {name: t, type: tool, config: {tool_name: t}}, {name: end, type: end}]\n"
        "edges: [{from: start, to: t}, {from: t, to: end}]\n"
    )
    await w.run(text)
    assert [r.status for r in w.journal.records if r.path == "t"] == ["requested", "failed"]


async def test_records_of_a_step_are_in_the_order_of_their_numbers() -> None:
    text = SAGA.replace("config:\n", "config:\n      parallel: true\n").replace("{hold: steps.hold.id}", "{}")
    w = World(tools=tools())
    await w.run(text, {"id": 7})
    numbers = [record.seq for record in w.journal.records]
    assert numbers == list(range(len(numbers)))
    assert all(isinstance(record, StepRecord) for record in w.journal.records)

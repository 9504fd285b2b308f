"""loop: over lists and until conditions, one by one and side by side, and what a failing iteration does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import PermanentError, TransientError
from engine.execution.events import RunStatus
from engine.language.document import Document
from engine.language.validate import validate
from tests.support.ports import FakeTools, World, paths, workflow


def loop(config: str, *, body: str = "", retry: str = "") -> str:
    """start -> each -> end, with a body of one tool `work` (or the given nodes and edges)."""
    nodes = body or (
        "  - {name: work, type: tool, config: {tool_name: work, parameters: {item: '${item}', index: '${index}'}}}\n"
    )
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - {{name: each, type: loop, config: {{body: work, {config}}}{retry}}}
{nodes}  - {{name: end, type: end, config: {{output: {{results: context.results, count: context.count,
      complete: context.complete, left: context.left}}}}}}
edges:
  - {{from: start, to: each}}
  - {{from: work, to: each}}
  - {{from: each, to: end}}
""")


def doubled(call: Any) -> Any:
    return {"twice": call.parameters["item"] * 2}


async def test_each_item_is_worked_on_in_order_and_results_are_kept() -> None:
    w = World(tools=FakeTools({"work": doubled}))
    result = await w.run(loop("over: context.items, collect: context.twice"), {"items": [1, 2, 3]})
    assert result.output == {"results": [2, 4, 6], "count": 3, "complete": True, "left": None}
    assert paths(w.journal.records) == ["start", "each[0]/work", "each[1]/work", "each[2]/work", "each", "end"]
    assert [c.parameters for c in w.tools.calls] == [{"item": i + 1, "index": i} for i in range(3)]
    assert len({c.idempotency_key for c in w.tools.calls}) == 3
    assert w.sink.seen("step.skipped") == []


async def test_without_collect_the_output_of_the_last_node_is_kept() -> None:
    result = await World(tools=FakeTools({"work": doubled})).run(loop("over: context.items"), {"items": [5]})
    assert result.output["results"] == [{"twice": 10}]


async def test_items_run_side_by_side_up_to_the_limit() -> None:
    now = most = 0

    async def work(call: Any) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01 * (9 - call.parameters["index"]))  # later ones are done first
        now -= 1
        return {"twice": call.parameters["item"] * 2}

    w = World(tools=FakeTools({"work": work}))
    items = list(range(9))
    result = await w.run(loop("over: context.items, concurrency: 4, collect: context.twice"), {"items": items})
    assert result.output["results"] == [item * 2 for item in items]
    assert most == 4


async def test_what_an_item_writes_stays_inside() -> None:
    result = await World(tools=FakeTools({"work": {"left": 1}})).run(loop("over: context.items"), {"items": [1, 2]})
    assert result.output["left"] is None


@pytest.mark.parametrize("items", [[], None])
async def test_an_empty_list_is_done_at_once(items: Any) -> None:
    result = await World().run(loop("over: context.items"), {"items": items})
    assert result.output == {"results": [], "count": 0, "complete": True, "left": None}


COUNT_UP = "  - {name: work, type: transform, config: {set: {left: 'default(context.left, 5) - 1'}}}\n"


async def test_until_carries_on_what_the_last_iteration_wrote() -> None:
    result = await World().run(loop('until: "context.left <= 2"', body=COUNT_UP))
    assert result.output == {
        "results": [{"left": 4}, {"left": 3}, {"left": 2}],
        "count": 3,
        "complete": True,
        "left": 2,
    }


async def test_max_iterations_ends_a_loop_that_never_would() -> None:
    result = await World().run(loop("until: context.never, max_iterations: 4", body=COUNT_UP))
    assert (result.output["count"], result.output["complete"], result.output["left"]) == (4, False, 1)


async def test_until_stops_a_list_early() -> None:
    w = World(tools=FakeTools({"work": doubled}))
    result = await w.run(loop('over: context.items, until: "context.twice > 3"'), {"items": [1, 2, 3]})
    assert result.output["count"] == 2


async def test_too_long_a_list_fails_before_anything_is_done() -> None:
    w = World(tools=FakeTools({"work": {}}))
    result = await w.run(loop("over: context.items, max_iterations: 2"), {"items": [1, 2, 3]})
    assert result.error["type"] == "budget_exceeded"
    assert w.tools.calls == []


@pytest.mark.parametrize("items", ["text", {"a": 1}, 7])
async def test_only_lists_can_be_looped_over(items: Any) -> None:
    result = await World().run(loop("over: context.items"), {"items": items})
    assert result.error["code"] == "validation_error"
    assert result.error["details"]["node"] == "each"


async def test_a_failed_item_fails_the_loop_and_says_which_one() -> None:
    answers = [{"twice": 1}, PermanentError("no stock", error_type="inventory_error")]
    w = World(tools=FakeTools({"work": answers}))
    result = await w.run(loop("over: context.items"), {"items": [1, 2, 3]})
    assert result.status is RunStatus.FAILED
    assert result.error["type"] == "inventory_error"
    assert result.error["details"]["path"] == "each[1]/work"
    assert len(w.tools.calls) == 2


async def test_failed_items_may_be_skipped() -> None:
    answers = [{"twice": 1}, PermanentError("no stock", error_type="inventory_error"), {"twice": 3}]
    w = World(tools=FakeTools({"work": answers}))
    text = loop("over: context.items, on_item_error: skip, collect: context.twice")
    result = await w.run(text, {"items": [1, 2, 3]})
    assert result.output["results"][0::2] == [1, 3]
    assert result.output["results"][1]["error"]["type"] == "inventory_error"


async def test_a_retry_of_the_loop_repeats_the_keys() -> None:
    w = World(tools=FakeTools({"work": [{"n": 1}, PermanentError("late", error_type="odd"), {"n": 1}, {"n": 2}]}))
    retry = ", retry: {max_attempts: 2, on: [odd], initial_seconds: 0}"
    result = await w.run(loop("over: context.items", retry=retry), {"items": [1, 2]})
    assert result.status is RunStatus.SUCCEEDED
    keys = [call.idempotency_key for call in w.tools.calls]
    assert keys[:2] == keys[2:]


async def test_a_loop_within_a_loop_and_a_second_visit_have_paths_of_their_own() -> None:
    text = (
        workflow("""\
nodes:
  - {name: start, type: start}
  - {name: outer, type: loop, config: {over: context.rows, body: inner}}
  - {name: inner, type: loop, config: {over: item, body: work, collect: context.twice}}
  - {name: work, type: tool, config: {tool_name: work, parameters: {item: "${item}"}}}
  - {name: again, type: condition}
  - {name: end, type: end, config: {output: {results: context.results}}}
edges:
  - {from: start, to: outer}
  - {from: work, to: inner}
  - {from: inner, to: outer}
  - {from: outer, to: again}
  - {from: again, to: outer, condition: "len(nodes.again.output) == 7 or context.times == null"}
  - {from: again, to: end}
""")
        .replace("{name: again, type: condition}", "{name: again, type: transform, config: {set: {times: '1'}}}")
        .replace("len(nodes.again.output) == 7 or context.times == null", "context.results == null")
    )
    w = World(tools=FakeTools({"work": doubled}))
    result = await w.run(text, {"rows": [[1, 2], [3]]})
    assert [row["results"] for row in result.output["results"]] == [[2, 4], [6]]
    called = [call.idempotency_key.split(":")[1] for call in w.tools.calls]
    assert called == ["outer[0]/inner[0]/work", "outer[0]/inner[1]/work", "outer[1]/inner[0]/work"]


async def test_another_worker_goes_on_with_the_items_that_are_left() -> None:
    first = World(tools=FakeTools({"work": doubled}))
    text = loop("over: context.items, collect: context.twice")
    await first.run(text, {"items": [1, 2, 3]})
    whole = first.journal.records
    for cut in range(len(whole)):
        second = World(tools=FakeTools({"work": doubled}))
        result = await second.run(text, {"items": [1, 2, 3]}, records=tuple(whole[:cut]))
        assert result.output["results"] == [2, 4, 6]
        done = {r.path for r in whole[:cut] if r.status == "succeeded"}
        assert done.isdisjoint({c.idempotency_key.split(":")[1] for c in second.tools.calls})


async def test_many_items_cost_no_more_than_they_must() -> None:
    text = loop("over: context.items, max_iterations: 10000, concurrency: 50, collect: index", body=COUNT_UP)
    text = text.replace("nodes:\n", "config: {max_steps: 100000}\nnodes:\n", 1)
    result = await World().run(text, {"items": [0] * 3_000})
    assert result.output["results"] == list(range(3_000))


async def test_results_that_are_too_large_together_are_refused_by_name() -> None:
    w = World(tools=FakeTools({"work": {"text": "x" * 400_000}}))
    result = await w.run(loop("over: context.items"), {"items": [1, 2, 3]})
    assert result.error["code"] == "output_too_large"
    assert result.error["details"]["node"] == "each"


async def test_results_that_are_far_too_large_stop_the_loop_at_once() -> None:
    w = World(tools=FakeTools({"work": {"text": "x" * 900_000}}))
    result = await w.run(loop("over: context.items, concurrency: 2"), {"items": list(range(100))})
    assert (result.error["code"], result.error["details"]["node"]) == ("output_too_large", "each")
    assert len(w.tools.calls) <= 6


async def test_a_transient_failure_inside_is_retried_inside() -> None:
    text = loop("over: context.items").replace(
        "type: tool, config: {tool_name: work,",
        "type: tool, retry: {max_attempts: 2, initial_seconds: 0}, config: {tool_name: work,",
    )
    w = World(tools=FakeTools({"work": [TransientError("busy"), {"n": 1}]}))
    result = await w.run(text, {"items": [1]})
    assert result.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("over: context.items, concurrency: 0", "concurrency"),
        ("concurrency: 3", "concurrency goes with over"),
        ("over: 'context.('", "condition"),
        ("max_iterations: 20000", "max_iterations"),
        ("body: nowhere", "nowhere"),
    ],
)
def test_bad_loops_are_diagnostics_at_their_line(config: str, words: str) -> None:
    text = loop(config) if "body" not in config else loop("over: context.x").replace("body: work", "body: nowhere")
    found = [d for d in validate(Document.parse(text)) if d.is_error]
    assert found
    assert {d.line for d in found if words in d.message or words in str(d.path)} == {8} or words == "condition"

"""parallel and join: branches run at the same time, are gathered, and are cut off when they are no longer wanted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import PermanentError
from engine.execution.events import RunStatus
from engine.language.document import Document
from engine.language.validate import validate
from tests.support.ports import FakeTools, World, paths, workflow


def fork(join: str = "", *, b: str = "", extra: str = "", edges: str = "") -> str:
    """start -> fork -> a, b, c -> gather -> end; each branch is a tool of its name."""
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - {{name: fork, type: parallel}}
  - {{name: a, type: tool, config: {{tool_name: a}}}}
  - {{name: b, type: tool, config: {{tool_name: b{b}}}}}
  - {{name: c, type: tool, config: {{tool_name: c}}}}
  - {{name: gather, type: join, config: {{{join}}}}}
  - {{name: end, type: end, config: {{output: {{branches: context.branches, arrived: context.arrived}}}}}}
{extra}edges:
  - {{from: start, to: fork}}
  - {{from: fork, to: a}}
  - {{from: fork, to: b, condition: "context.b != false"}}
  - {{from: fork, to: c}}
  - {{from: a, to: gather}}
  - {{from: b, to: gather}}
  - {{from: c, to: gather}}
  - {{from: gather, to: end}}
{edges}""")


def meeting(count: int) -> Any:
    """A tool's answer that comes only when `count` calls are under way at once."""
    barrier = asyncio.Barrier(count)

    async def answer(call: Any) -> Any:
        await asyncio.wait_for(barrier.wait(), 5)
        return {call.tool: call.tool.upper()}

    return answer


async def hang(_: Any) -> Any:
    await asyncio.sleep(60)


async def test_all_branches_are_under_way_at_once_and_their_outputs_gathered() -> None:
    meet = meeting(3)
    result = await World(tools=FakeTools({"a": meet, "b": meet, "c": meet})).run(fork())
    assert result.output["branches"] == {"a": {"a": "A"}, "b": {"b": "B"}, "c": {"c": "C"}}
    assert sorted(result.output["arrived"]) == ["a", "b", "c"]


async def test_branches_share_the_context() -> None:
    text = fork(extra="").replace("branches: context.branches", "both: context.a + context.b")
    meet = meeting(3)
    result = await World(tools=FakeTools({"a": meet, "b": meet, "c": meet})).run(text)
    assert result.output["both"] == "AB"


async def test_an_edge_that_is_not_true_gives_no_branch_and_is_not_waited_for() -> None:
    w = World(tools=FakeTools({"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}))
    result = await w.run(fork("merge: list"), {"b": False})
    assert result.output["branches"] == [{"x": 1}, {"x": 3}]
    assert w.sink.seen("step.skipped") == ["b"]


async def test_a_branch_that_ends_elsewhere_is_not_waited_for() -> None:
    edges = "  - {from: b, to: gather}\n"
    text = fork().replace(edges, '  - {from: b, to: end, condition: "context.leave"}\n' + edges)
    w = World(tools=FakeTools({"a": {"x": 1}, "b": {"leave": True}, "c": {"x": 3}}))
    result = await w.run(text)
    assert result.status is RunStatus.SUCCEEDED
    assert sorted(result.output["arrived"]) == ["a", "c"]


@pytest.mark.parametrize(
    ("join", "hangs"), [("mode: any, merge: first", "bc"), ("mode: n, count: 2, merge: list", "c")]
)
async def test_any_and_n_go_on_at_once_and_cut_off_the_others(join: str, hangs: str) -> None:
    tools: dict[str, Any] = {name: hang if name in hangs else {"is": name} for name in "abc"}
    w = World(tools=FakeTools(tools))
    result = await w.run(fork(join))
    assert result.status is RunStatus.SUCCEEDED
    assert result.output["arrived"] == [name for name in "abc" if name not in hangs]
    assert result.output["branches"] in ({"is": "a"}, [{"is": "a"}, {"is": "b"}])
    assert sorted(w.sink.seen("step.skipped")) == sorted(hangs)
    assert w.journal.ends[0][0] == "succeeded"


async def test_n_goes_on_with_fewer_when_no_more_can_come() -> None:
    w = World(tools=FakeTools({"a": {}, "b": {}, "c": {}}))
    result = await w.run(fork("mode: n, count: 3"), {"b": False})
    assert result.status is RunStatus.SUCCEEDED
    assert sorted(result.output["arrived"]) == ["a", "c"]


async def test_a_branch_that_fails_ends_the_run_and_the_others() -> None:
    broken = PermanentError("broken")
    w = World(tools=FakeTools({"a": hang, "b": broken, "c": hang}))
    result = await w.run(fork())
    assert result.status is RunStatus.FAILED
    assert result.error["details"]["node"] == "b"


async def test_a_failed_branch_may_be_handled_and_joins_all_the_same() -> None:
    text = fork().replace(
        "{name: b, type: tool, config: {tool_name: b}}",
        "{name: b, type: tool, config: {tool_name: b}, on_error: {action: continue, output: {b: none}}}",
    )
    w = World(tools=FakeTools({"a": {}, "b": PermanentError("broken"), "c": {}}))
    result = await w.run(text)
    assert result.output["branches"]["b"] == {"b": "none"}


async def test_without_a_join_the_last_branch_ends_the_workflow() -> None:
    text = workflow("""\
nodes:
  - {name: start, type: start}
  - {name: fork, type: parallel}
  - {name: a, type: tool, config: {tool_name: a}}
  - {name: b, type: tool, config: {tool_name: b}}
  - {name: end, type: end}
edges:
  - {from: start, to: fork}
  - {from: fork, to: a}
  - {from: fork, to: b}
  - {from: a, to: end}
  - {from: b, to: end}
""")
    meet = meeting(2)
    result = await World(tools=FakeTools({"a": meet, "b": meet})).run(text)
    assert result.status is RunStatus.SUCCEEDED
    assert {"a": "A", "b": "B"}.items() <= result.output.items()


async def test_joins_that_wait_for_each_other_go_on_all_the_same() -> None:
    """Each of two joins can be reached from the other: the one that gathered first goes on."""
    text = workflow("""\
config: {max_steps: 40}
nodes:
  - {name: start, type: start}
  - {name: fork, type: parallel}
  - {name: one, type: join}
  - {name: two, type: join}
  - {name: choose, type: condition}
  - {name: end, type: end}
edges:
  - {from: start, to: fork}
  - {from: fork, to: one}
  - {from: fork, to: two}
  - {from: one, to: two}
  - {from: two, to: choose}
  - {from: choose, to: one, condition: "context.again"}
  - {from: choose, to: end}
""")
    result = await World().run(text)
    assert result.status is RunStatus.SUCCEEDED


async def test_branches_of_a_run_that_is_carried_on_by_another_worker() -> None:
    """One branch was recorded, the others are started again with their keys."""
    release = asyncio.Event()

    async def slow(_: Any) -> Any:
        await release.wait()
        return {"slow": True}

    first = World(tools=FakeTools({"a": {"x": 1}, "b": slow, "c": slow}))
    task = asyncio.create_task(first.executor(fork()).run())
    while "a" not in paths(first.journal.records):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    second = World(tools=FakeTools({"a": PermanentError("again"), "b": {"x": 2}, "c": {"x": 3}}))
    result = await second.run(fork(), records=tuple(first.journal.records))
    assert result.status is RunStatus.SUCCEEDED
    assert [call.tool for call in second.tools.calls] == ["b", "c"]
    assert {c.idempotency_key for c in second.tools.calls} <= {c.idempotency_key for c in first.tools.calls}


async def test_inline_hands_over_before_a_long_branch_once_the_short_ones_are_done() -> None:
    text = fork().replace("type: tool, config: {tool_name: b}", "type: agent")
    w = World(tools=FakeTools({"a": {"x": 1}, "c": {"x": 3}}))
    result = await w.run(text, inline=True)
    assert result.status is RunStatus.QUEUED
    assert {"a", "c"} <= set(paths(w.journal.records))
    assert w.journal.handed_over


async def test_time_used_side_by_side_counts_once() -> None:
    w = World()

    def takes(seconds: float) -> Any:
        def answer(_: Any) -> Any:
            w.clock.time = max(w.clock.time, 1_000 + seconds)
            return {}

        return answer

    w.tools = FakeTools({"a": takes(10), "b": takes(10), "c": takes(10)})
    executor = w.executor(fork())
    await executor.run()
    assert executor.state.spent[""].used_ms == 10_000


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("mode: n", "count"),
        ("count: 2", "count"),
        ("mode: some", "mode"),
        ("mode: n, count: 0", "count"),
        ("merge: sum", "merge"),
    ],
)
def test_bad_joins_are_diagnostics_at_their_line(config: str, words: str) -> None:
    found = [d for d in validate(Document.parse(fork(config))) if d.is_error]
    assert found
    assert all(d.line == 12 for d in found), found
    assert any(words in d.message or words in str(d.path) for d in found), found

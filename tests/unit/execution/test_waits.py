"""Suspending: timers, signals, events; what is written down, and that a wait ends once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from engine.errors import ShutdownRequested
from engine.execution.events import RunStatus
from engine.execution.ports import Signal
from engine.language.document import Document
from engine.language.validate import validate
from tests.support.ports import FakeTools, World, paths, workflow


def waiting(config: str, *more: str) -> str:
    """start -> one wait after the other -> end."""
    configs = [config, *more]
    nodes = "".join(f"  - {{name: w{i}, type: wait, config: {{{c}}}}}\n" for i, c in enumerate(configs))
    names = ["start", *(f"w{i}" for i in range(len(configs))), "end"]
    edges = "".join(f"  - {{from: {a}, to: {b}}}\n" for a, b in pairwise(names))
    output = "{event: context.event, timed_out: context.timed_out}"
    return workflow(
        f"nodes:\n  - {{name: start, type: start}}\n{nodes}  - {{name: end, type: end, config: {{output: {output}}}}}\n"
        f"edges:\n{edges}"
    )


async def go_on(w: World, text: str, *signals: Signal, given: Any = None) -> Any:
    w.journal.wake_at = None
    return await w.run(text, given, records=tuple(w.journal.records), signals=signals)


async def test_a_long_wait_leaves_the_worker_and_ends_by_time() -> None:
    w = World()
    text = waiting("seconds: 3600")
    first = await w.run(text)
    assert first.status is RunStatus.SUSPENDED
    assert w.journal.wake_at == 1_000 + 3600
    assert w.sink.data("step.suspended", "w0") == [
        {"reason": "wait", "data": {}, "until": 4_600.0, "signal": None},
    ]
    early = await go_on(w, text)
    assert early.status is RunStatus.SUSPENDED
    assert w.journal.wake_at == 4_600  # the moment stays, however often the run is woken
    w.clock.time = 4_600
    assert (await go_on(w, text)).output == {"event": None, "timed_out": False}
    assert [r.status for r in w.journal.records if r.path == "w0"] == ["suspended", "resumed", "succeeded"]


async def test_a_run_took_as_long_as_it_took_with_its_waits() -> None:
    w = World()
    w.info = replace(w.info, started_at=999.5)
    text = waiting("seconds: 3600")
    await w.run(text)
    w.clock.time = 4_700
    await go_on(w, text)
    assert w.sink.data("run.succeeded")[0]["duration_ms"] == 3_700_500
    started = [(e.at, e.data["resumed"]) for e in w.sink.events if e.type == "run.started"]
    assert started == [(999.5, False), (4_700, True)]


async def test_what_the_journal_keeps_is_told_with_the_journals_time() -> None:
    w = World()
    await w.run(waiting("seconds: 1", "seconds: 3600"))
    kept = {(r.path, r.status): r for r in w.journal.records}
    told = {(e.path, e.type): e.at for e in w.sink.events}
    assert told["w0", "step.started"] == kept["w0", "succeeded"].started_at
    assert told["w0", "step.succeeded"] == kept["w0", "succeeded"].ended_at
    assert told["w1", "step.suspended"] == kept["w1", "suspended"].ended_at


async def test_a_short_wait_is_waited_for_here() -> None:
    w = World()
    assert (await w.run(waiting("seconds: 1.5"))).status is RunStatus.SUCCEEDED
    assert w.clock.slept == [1.5]


async def test_a_moment_that_is_over_is_not_waited_for() -> None:
    result = await World().run(waiting("until: '1970-01-01T00:10:00Z'"))
    assert result.status is RunStatus.SUCCEEDED


async def test_until_may_come_from_the_data() -> None:
    w = World()
    await w.run(waiting("until: '{when}'"), {"when": "1970-01-01T02:00:00+01:00"})
    assert w.journal.wake_at == 3600


@pytest.mark.parametrize("when", ["tomorrow", "", "2026-13-01", "9999-01-01T00:00:00Z"])
async def test_what_is_no_moment_fails_the_step(when: str) -> None:
    result = await World().run(waiting("until: '{when | }x'".replace("x", "")), {"when": when})
    assert result.error["type"] == "validation_error"


PAID = "event: {name: paid, match: {order: context.order}}"


async def test_an_event_ends_the_wait_with_its_data() -> None:
    w = World()
    text = waiting(PAID)
    first = await w.run(text, {"order": 7})
    assert (first.status, w.journal.wake_at, w.journal.signals_seen) == (RunStatus.SUSPENDED, None, 0)
    other = Signal("s1", "paid", {"order": 8})
    assert (await go_on(w, text, other, given={"order": 7})).status is RunStatus.SUSPENDED
    assert w.journal.signals_seen == 1
    signals = (other, Signal("s2", "other", {"order": 7}), Signal("s3", "paid", {"order": 7, "by": "card"}))
    result = await go_on(w, text, *signals, given={"order": 7})
    assert result.output["event"] == {"name": "paid", "data": {"order": 7, "by": "card"}}


async def test_an_event_that_came_before_the_wait_counts() -> None:
    result = await World().run(waiting("event: {name: paid}"), signals=(Signal("s1", "paid", {}),))
    assert result.status is RunStatus.SUCCEEDED


async def test_an_event_that_does_not_come_times_out() -> None:
    w = World()
    text = waiting(f"{PAID}, seconds: 60")
    await w.run(text, {"order": 7})
    await go_on(w, text, Signal("s1", "paid", {"order": 8}), given={"order": 7})
    assert w.journal.wake_at == 1_060  # another event does not put the end off
    w.clock.time = 1_060
    result = await go_on(w, text, Signal("s1", "paid", {"order": 8}), given={"order": 7})
    assert result.output == {"event": None, "timed_out": True}


async def test_a_signal_ends_one_wait_only() -> None:
    w = World()
    text = waiting("event: {name: paid}", "event: {name: paid}")
    signals = (Signal("s1", "paid", {"n": 1}),)
    assert (await w.run(text, signals=signals)).status is RunStatus.SUSPENDED
    assert paths(w.journal.records) == ["start", "w0"]
    result = await go_on(w, text, *signals, Signal("s2", "paid", {"n": 2}))
    assert result.output["event"]["data"] == {"n": 2}


ORDERS = workflow("""\
nodes:
  - {name: start, type: start}
  - {name: each, type: loop, config: {over: context.orders, body: paid, concurrency: 3, collect: context.event.data.by}}
  - {name: paid, type: wait, config: {event: {name: paid, match: {order: "${item}"}}}}
  - {name: end, type: end}
edges:
  - {from: start, to: each}
  - {from: paid, to: each}
  - {from: each, to: end}
""")


async def test_an_event_is_left_for_the_branch_that_waits_for_it() -> None:
    """All three wait for the same name; what fits the last one must not be used up by the first."""
    w, given = World(), {"orders": [1, 2, True]}
    assert (await w.run(ORDERS, given)).status is RunStatus.SUSPENDED
    signals = tuple(Signal(f"s{n}", "paid", {"order": n, "by": f"by {n}"}) for n in (True, 2, 1))
    for number in (1, 2):
        assert (await go_on(w, ORDERS, *signals[:number], given=given)).status is RunStatus.SUSPENDED
    result = await go_on(w, ORDERS, *signals, given=given)
    assert (result.status, result.output["results"]) == (RunStatus.SUCCEEDED, ["by 1", "by 2", "by True"])
    assert [r.status for r in w.journal.records if r.path == "each[0]/paid"] == ["suspended", "resumed", "succeeded"]


async def test_a_signal_reaches_a_run_that_is_busy_elsewhere() -> None:
    text = workflow("""\
nodes:
  - {name: start, type: start}
  - {name: fork, type: parallel}
  - {name: work, type: tool, config: {tool_name: work}}
  - {name: paid, type: wait, config: {event: {name: paid}}}
  - {name: tell, type: tool, config: {tool_name: tell}}
  - {name: gather, type: join}
  - {name: end, type: end}
edges:
  - {from: start, to: fork}
  - {from: fork, to: work}
  - {from: fork, to: paid}
  - {from: work, to: gather}
  - {from: paid, to: tell}
  - {from: tell, to: gather}
  - {from: gather, to: end}
""")
    told = asyncio.Event()

    async def work(_: Any) -> Any:
        await asyncio.wait_for(told.wait(), 5)
        return {}

    def tell(_: Any) -> Any:
        told.set()
        return {}

    w = World(tools=FakeTools({"work": work, "tell": tell}))
    executor = w.executor(text)
    task = asyncio.create_task(executor.run())
    while not w.sink.seen("step.suspended"):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    executor.deliver([Signal("s1", "paid", {})])
    assert (await asyncio.wait_for(task, 10)).status is RunStatus.SUCCEEDED


async def test_a_wait_beside_a_running_step_does_not_suspend_the_run() -> None:
    w = World()

    async def work(_: Any) -> Any:
        await asyncio.sleep(0.05)
        return {}

    text = workflow("""\
nodes:
  - {name: start, type: start}
  - {name: fork, type: parallel}
  - {name: work, type: tool, config: {tool_name: work}}
  - {name: paid, type: wait, config: {event: {name: paid}}}
  - {name: gather, type: join, config: {mode: any}}
  - {name: end, type: end}
edges:
  - {from: start, to: fork}
  - {from: fork, to: work}
  - {from: fork, to: paid}
  - {from: work, to: gather}
  - {from: paid, to: gather}
  - {from: gather, to: end}
""")
    w.tools = FakeTools({"work": work})
    assert (await w.run(text)).status is RunStatus.SUCCEEDED
    assert w.journal.signals_seen is None


async def test_a_shutdown_suspends_a_run_that_only_waits() -> None:
    w = World()
    executor = w.executor(waiting("seconds: 3600"))
    executor.stop(ShutdownRequested())
    result = await executor.run()
    assert result.status is RunStatus.QUEUED  # the first step had not begun
    again = w.executor(waiting("seconds: 3600"), records=tuple(w.journal.records))
    assert (await again.run()).status is RunStatus.SUSPENDED
    third = w.executor(waiting("seconds: 3600"), records=tuple(w.journal.records))
    third.stop(ShutdownRequested())
    assert (await third.run()).status is RunStatus.SUSPENDED


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", "say what to wait for"),
        ("seconds: -1", "seconds"),
        ("seconds: 1, until: '2026-01-01'", "exclude"),
        ("event: {match: {}}", "name"),
        ("event: paid", "event"),
        ("seconds: soon", "seconds"),
    ],
)
def test_bad_waits_are_diagnostics_at_their_line(config: str, words: str) -> None:
    found = [d for d in validate(Document.parse(waiting(config))) if d.is_error]
    assert found
    assert all(d.line == 8 for d in found), found
    assert any(words in d.message or words in str(d.path) for d in found), found

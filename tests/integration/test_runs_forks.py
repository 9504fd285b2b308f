"""Going on with a run that failed, with other data if need be, and running parts of a workflow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from engine.errors import Conflict, InputError, NotFound
from engine.execution.context import RunPart
from engine.settings import Settings
from engine.store.access import workflows
from engine.store.session import Database, Scope
from runners.client import ByName, ByText, RunRequest, RunView
from runners.connections import Connections
from runners.runtime import Runtime
from tests.support.counting import chain, counting_world, effects_of, until, workflow_text


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


def guarded(name: str = "guarded", call: str = "count") -> str:
    """A call, and then a condition that only holds when context.ok is true."""
    nodes = [
        "- {name: start, type: start, config: {}}",
        f"- {{name: call, type: tool, config: {{tool_name: {call}, parameters: {{}}}}}}",
        "- {name: check, type: condition, config: {}}",
        "- {name: again, type: tool, config: {tool_name: count, parameters: {}}}",
        "- {name: end, type: end, config: {output: {reply: context.ok, counted: context.counted}}}",
    ]
    edges = [
        "- {from: start, to: call}",
        "- {from: call, to: check}",
        '- {from: check, to: again, condition: "context.ok"}',
        "- {from: again, to: end}",
    ]
    return workflow_text(name, nodes, edges)


def calling() -> str:
    nodes = [
        "- {name: start, type: start, config: {}}",
        "- {name: sub, type: sub_workflow, config: {workflow_name: guarded}}",
        "- {name: end, type: end, config: {}}",
    ]
    return workflow_text("calling", nodes, ["- {from: start, to: sub}", "- {from: sub, to: end}"])


async def done(runtime: Runtime, scope: Scope, run_id: UUID) -> RunView:
    await runtime.host.execute(scope.tenant_id, run_id)
    return await runtime.client.get(scope, run_id)


def calls(tmp_path: Path) -> list[str]:
    return [effect["key"] for effect in effects_of(tmp_path / "effects")]


@pytest.mark.parametrize("text", [guarded(), calling()], ids=["one workflow", "a workflow within"])
async def test_a_failed_run_goes_on_with_other_data_and_repeats_nothing(
    runtime: Runtime, scope: Scope, tmp_path: Path, text: str
) -> None:
    source = ByText(text, siblings={"guarded": guarded()})
    first = await done(runtime, scope, await runtime.client.submit(scope, RunRequest(source, {"ok": False})))
    assert first.status == "failed"
    assert first.error is not None
    assert first.error["type"] == "no_branch"

    same = await done(runtime, scope, await runtime.client.retry(scope, first.run_id))
    assert same.status == "failed"  # with the same data it fails in the same way

    new = await done(runtime, scope, await runtime.client.retry(scope, first.run_id, {"ok": True}))
    assert new.status == "succeeded", new.error
    steps = {step.path for step in await runtime.client.steps(scope, new.run_id)}
    assert {path.rpartition("/")[2] for path in steps} >= {"start", "call", "check", "again", "end"}
    prefix = "sub/" if "sub" in text.split("nodes:")[1].split("type: end", maxsplit=1)[0] else ""
    assert calls(tmp_path) == [f"{first.run_id}:{prefix}call:0", f"{first.run_id}:{prefix}again:0"]
    assert (await runtime.client.get(scope, first.run_id)).status == "failed"


async def test_an_effect_of_unknown_outcome_keeps_its_key_over_all_retries(
    runtime: Runtime, scope: Scope, tmp_path: Path
) -> None:
    request = RunRequest(ByText(guarded(call="fail")), {"ok": True})
    first = await done(runtime, scope, await runtime.client.submit(scope, request))
    second = await done(runtime, scope, await runtime.client.retry(scope, first.run_id))
    third = await done(runtime, scope, await runtime.client.retry(scope, second.run_id))
    assert {first.status, second.status, third.status} == {"failed"}
    assert set(calls(tmp_path)) == {f"{first.run_id}:call:0"}
    assert len(calls(tmp_path)) == 3


async def test_costs_are_not_counted_twice(runtime: Runtime, scope: Scope) -> None:
    nodes = [
        "- {name: start, type: start, config: {}}",
        "- {name: ask, type: agent, config: {prompt_template: hello, output_key: said}}",
        "- {name: check, type: condition, config: {}}",
        "- {name: end, type: end, config: {}}",
    ]
    edges = [
        "- {from: start, to: ask}",
        "- {from: ask, to: check}",
        '- {from: check, to: end, condition: "context.ok"}',
    ]
    request = RunRequest(ByText(workflow_text("costly", nodes, edges)), {})
    first = await done(runtime, scope, await runtime.client.submit(scope, request))
    assert first.cost_usd_micros == 50
    new = await done(runtime, scope, await runtime.client.retry(scope, first.run_id, {"ok": True}))
    assert (new.status, new.cost_usd_micros) == ("succeeded", 0)


def limited(text: str, limits: str) -> str:
    return text.replace("timeout_seconds: 300, ", f"{limits}, ")


ASKING = workflow_text(
    "asking",
    [
        "- {name: start, type: start, config: {}}",
        "- {name: ask, type: agent, config: {prompt_template: hello, output_key: said}}",
        "- {name: tell, type: message, config: {text: done}}",
        "- {name: end, type: end, config: {}}",
    ],
    ["- {from: start, to: ask}", "- {from: ask, to: tell}", "- {from: tell, to: end}"],
)
HURRIED = calling().replace("{workflow_name: guarded}", "{workflow_name: chain, timeout_seconds: 1}")


@pytest.mark.parametrize(
    "case",
    [
        (limited(chain(2, 0.7), "timeout_seconds: 1"), "timeout", ["call_0", "call_1", "call_1"]),
        (limited(chain(3, 0), "max_steps: 4"), "budget_exceeded", ["call_0", "call_1", "call_2"]),
        (limited(ASKING, "max_cost_usd: 0.00004"), "budget_exceeded", []),
        (HURRIED, "timeout", ["sub/call_0", "sub/call_1", "sub/call_1"]),
    ],
    ids=["time", "steps", "money", "time of a workflow within"],
)
async def test_a_run_that_used_up_what_it_may_take_goes_on_with_as_much_again(
    runtime: Runtime, scope: Scope, tmp_path: Path, case: tuple[str, str, list[str]]
) -> None:
    text, what, called = case
    source = ByText(text, siblings={"chain": chain(2, 0.7)})
    first = await done(runtime, scope, await runtime.client.submit(scope, RunRequest(source, {})))
    assert (first.status, (first.error or {}).get("type")) == ("failed", what)
    again = await done(runtime, scope, await runtime.client.retry(scope, first.run_id))
    assert again.status == "succeeded", again.error
    assert calls(tmp_path) == [f"{first.run_id}:{path}:0" for path in called]


async def test_a_run_that_failed_before_its_first_step_is_not_gone_on_with(runtime: Runtime, scope: Scope) -> None:
    text = chain(1, 0) + "inputs: {type: object, required: [message]}\n"
    view = await done(runtime, scope, await runtime.client.submit(scope, RunRequest(ByText(text), {})))
    assert (view.status, (view.error or {}).get("code")) == ("failed", "input_mismatch")
    with pytest.raises(Conflict, match="before its first step"):
        await runtime.client.retry(scope, view.run_id)


async def test_a_cancelled_run_that_waited_waits_again(runtime: Runtime, scope: Scope) -> None:
    nodes = [
        "- {name: start, type: start, config: {}}",
        "- {name: pause, type: wait, config: {event: {name: paid}}}",
        "- {name: end, type: end, config: {}}",
    ]
    text = workflow_text("pausing", nodes, ["- {from: start, to: pause}", "- {from: pause, to: end}"])
    run_id = await runtime.client.submit(scope, RunRequest(ByText(text), {}))
    assert (await done(runtime, scope, run_id)).status == "suspended"
    await runtime.client.cancel(scope, run_id)
    again = await runtime.client.retry(scope, run_id)
    assert (await done(runtime, scope, again)).status == "suspended"
    await runtime.client.signal(scope, again, "paid", {})
    assert (await done(runtime, scope, again)).status == "succeeded"


FORKED = workflow_text(
    "forked",
    [
        "- {name: start, type: start, config: {}}",
        "- {name: fork, type: parallel, config: {}}",
        "- {name: paid, type: wait, config: {event: {name: paid}}}",
        "- {name: call, type: tool, config: {tool_name: count, parameters: {}}}",
        "- {name: gather, type: join, config: {}}",
        "- {name: end, type: end, config: {output: {reply: context.ok}}}",
    ],
    [
        "- {from: start, to: fork}",
        "- {from: fork, to: paid}",
        "- {from: fork, to: call}",
        "- {from: paid, to: gather}",
        "- {from: call, to: gather}",
        "- {from: gather, to: end}",
    ],
)


async def test_a_cancelled_run_goes_on_with_other_data_where_the_last_step_was_over(
    runtime: Runtime, scope: Scope, tmp_path: Path
) -> None:
    """The branch that ended last is not the one that the run goes on with."""
    run_id = await runtime.client.submit(scope, RunRequest(ByText(FORKED), {"ok": False}))
    assert (await done(runtime, scope, run_id)).status == "suspended"
    await runtime.client.cancel(scope, run_id)
    again = await runtime.client.retry(scope, run_id, {"ok": "yes"})
    assert (await done(runtime, scope, again)).status == "suspended"
    seen = await runtime.client.scope_before(scope, again, "call", after=True)
    assert seen["context"]["ok"] is False
    await runtime.client.signal(scope, again, "paid", {})
    view = await done(runtime, scope, again)
    assert (view.status, view.output) == ("succeeded", {"reply": "yes"})
    assert calls(tmp_path) == [f"{run_id}:call:0"]


async def test_a_run_that_was_cancelled_before_it_began_begins_with_other_data(runtime: Runtime, scope: Scope) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(guarded()), {"ok": False}))
    await runtime.client.cancel(scope, run_id)
    again = await runtime.client.retry(scope, run_id, {"ok": True})
    assert (await done(runtime, scope, again)).status == "succeeded"


async def test_of_two_who_go_on_with_a_run_at_once_one_does(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    first = await done(runtime, scope, await runtime.client.submit(scope, RunRequest(ByText(guarded()), {"ok": False})))
    again = await asyncio.gather(
        *(runtime.client.retry(scope, first.run_id, {"ok": True}) for _ in range(8)), return_exceptions=True
    )
    (new,) = [run_id for run_id in again if isinstance(run_id, UUID)]
    refused = [error for error in again if isinstance(error, Conflict)]
    assert len(refused) == 7
    assert {error.details["run_id"] for error in refused} == {str(new)}
    assert (await done(runtime, scope, new)).status == "succeeded"
    assert calls(tmp_path) == [f"{first.run_id}:call:0", f"{first.run_id}:again:0"]
    once_more = await done(runtime, scope, await runtime.client.retry(scope, first.run_id, {"ok": True}))
    assert once_more.status == "succeeded"  # nobody is at it any more; what is repeated has its key


async def test_what_cannot_be_gone_on_with_is_refused(runtime: Runtime, scope: Scope, other_scope: Scope) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(1, 0)), {}))
    with pytest.raises(Conflict):
        await runtime.client.retry(scope, run_id)
    assert (await done(runtime, scope, run_id)).status == "succeeded"
    with pytest.raises(Conflict):
        await runtime.client.retry(scope, run_id)
    with pytest.raises(NotFound):
        await runtime.client.retry(other_scope, run_id)


async def part(runtime: Runtime, scope: Scope, given: dict[str, Any], **options: Any) -> RunView:
    request = RunRequest(ByText(guarded()), given, part=RunPart(**options))
    return await done(runtime, scope, await runtime.client.submit(scope, request))


async def test_one_node_alone(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    view = await part(runtime, scope, {}, entry="again", only=True)
    assert (view.status, view.output) == ("succeeded", {"reply": None, "counted": True})
    assert [key.partition(":")[2] for key in calls(tmp_path)] == ["again:0"]


async def test_from_a_node_on_with_the_data_that_came_before(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    view = await part(runtime, scope, {"ok": False}, entry="check", context={"ok": True})
    assert (view.status, view.output) == ("succeeded", {"reply": True, "counted": True})
    assert [key.partition(":")[2] for key in calls(tmp_path)] == ["again:0"]


async def test_pinned_outputs_are_taken_and_nothing_is_called(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    view = await part(runtime, scope, {"ok": True}, pins={"call": {"counted": "pinned"}, "again": {}})
    assert (view.status, view.output) == ("succeeded", {"reply": True, "counted": "pinned"})
    assert calls(tmp_path) == []


async def test_a_node_that_is_not_there_begins_no_run(runtime: Runtime, scope: Scope) -> None:
    with pytest.raises(InputError, match="nowhere"):
        await part(runtime, scope, {}, entry="nowhere")


async def test_a_pin_of_a_node_that_is_not_there_is_refused_by_name(
    runtime: Runtime, database: Database, scope: Scope
) -> None:
    with pytest.raises(InputError, match="'cal'") as refused:
        await part(runtime, scope, {"ok": True}, pins={"call": {}, "cal": {}})
    assert refused.value.to_dict()["details"]["node"] == "cal"
    async with database.transaction(scope) as tx:
        kept = await workflows.create(tx, guarded())
        await workflows.publish(tx, kept.workflow_id)
    for pins, fits in (({"cal": {}}, False), ({"call[0]": {}, "call/inner": {}, "again": {}}, True)):
        request = RunRequest(ByName(kept.name), {"ok": True}, part=RunPart(pins=pins))
        if fits:
            await runtime.client.submit(scope, request)
        else:
            with pytest.raises(InputError, match="'cal'"):
                await runtime.client.submit(scope, request)


async def test_a_saga_that_is_cancelled_takes_nothing_back_and_can_be_gone_on_with(
    runtime: Runtime, scope: Scope, tmp_path: Path
) -> None:
    steps = [f"{{name: s{i}, tool_name: count, parameters: {{seconds: {i}}}}}" for i in range(3)]
    nodes = [
        "- {name: start, type: start, config: {}}",
        f"- {{name: order, type: saga, config: {{steps: [{', '.join(steps)}]}}}}",
        "- {name: end, type: end, config: {}}",
    ]
    text = workflow_text("ordering", nodes, ["- {from: start, to: order}", "- {from: order, to: end}"])
    run_id = await runtime.client.submit(scope, RunRequest(ByText(text), {}))
    executing = asyncio.create_task(runtime.host.execute(scope.tenant_id, run_id))
    await until(lambda: len(calls(tmp_path)) == 2)  # the second is under way, for a second
    await runtime.client.cancel(scope, run_id)
    assert await executing == "cancelled"
    first = calls(tmp_path)
    assert len(first) == 2

    new = await done(runtime, scope, await runtime.client.retry(scope, run_id))
    assert new.status == "succeeded", new.error
    assert calls(tmp_path) == [*first, first[1], calls(tmp_path)[-1]]  # what was cut off keeps its key
    assert len(set(calls(tmp_path))) == 3

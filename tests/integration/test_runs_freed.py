"""What a run had in memory is freed when it leaves the process, not when a garbage collector comes by.

Workers look for garbage seldom (engine/garbage.py), so a run that ends in a ring of references would keep its data.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from engine.execution.executor import Executor
from engine.settings import Settings
from engine.store.session import Scope
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.runtime import Runtime
from tests.support.counting import chain, counting_world, effects_of, until, workflow_text

NODES = {  # what is in the middle of the run, and its status after that, or its error's type
    "agent": ("type: agent, config: {system_prompt: 'Say {message}'}", "succeeded"),
    "failing tool": ("type: tool, config: {tool_name: fail, parameters: {}}", "tool_failure"),
    "retried tool": (
        "type: tool, config: {tool_name: fail, parameters: {}}, retry: {max_attempts: 2, initial_seconds: 0.05}",
        "tool_failure",
    ),
    "failing expression": ("type: transform, config: {set: {x: context.message + 1}}", "expression_error"),
    "waiting": ("type: wait, config: {seconds: 3600}", "suspended"),
    "asking": ("type: human, config: {message: Go on?}", "suspended"),
    "late": ("type: tool, config: {tool_name: count, parameters: {seconds: 5}, timeout_seconds: 0.1}", "timeout"),
    "calling": ("type: sub_workflow, config: {workflow_name: nowhere}", "definition_missing"),
}


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def executors(run_id: UUID) -> int:
    return sum(type(found) is Executor and found.info.run_id == run_id for found in gc.get_objects())


def around(node: str) -> str:
    nodes = [
        "- {name: start, type: start, config: {}}",
        f"- {{name: work, {node}}}",
        "- {name: end, type: end, config: {output: {}}}",
    ]
    return workflow_text("freed", nodes, ["- {from: start, to: work}", "- {from: work, to: end}"])


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("kind", NODES)
async def test_a_run_is_freed_when_it_leaves(kind: str, runtime: Runtime, scope: Scope) -> None:
    node, how = NODES[kind]
    run_id = await runtime.client.submit(scope, RunRequest(ByText(around(node)), {"message": "hello"}))
    status = await runtime.host.execute(scope.tenant_id, run_id)
    error = (await runtime.client.get(scope, run_id)).error
    assert how == (error["type"] if error else status)
    await until(lambda: executors(run_id) == 0, 2.0)


@pytest.mark.usefixtures("uncollected")
async def test_a_cancelled_run_is_freed(runtime: Runtime, scope: Scope, tmp_path: Path) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(chain(1, 30.0)), {}))
    running = asyncio.create_task(runtime.host.execute(scope.tenant_id, run_id))
    await until(lambda: len(effects_of(tmp_path / "effects")) == 1)
    assert executors(run_id) == 1
    await runtime.client.cancel(scope, run_id)
    assert await running == "cancelled"
    await until(lambda: executors(run_id) == 0, 2.0)

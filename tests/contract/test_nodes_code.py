"""The code node: what the program gets, what becomes of its result, and what the node refuses."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import CodeFailed, StepTimeout
from engine.execution.absent import NoSandbox
from engine.execution.events import RunStatus
from engine.execution.ports import CodeResult
from engine.language.document import Document
from engine.language.validate import validate
from engine.nodes.code import CodeConfig, CodeNode
from tests.contract.test_nodes_data import one
from tests.support.ports import FakeSandbox, World

NODE = "type: code, config: {{source: 'result = a', {more}}}"


async def run(sandbox: FakeSandbox | NoSandbox, more: str = "", **given: Any) -> tuple[World, Any]:
    w = World(sandbox=sandbox)
    return w, await w.run(one(NODE.format(more=more)), given)


async def test_the_program_gets_its_inputs_and_limits_and_nothing_else() -> None:
    sandbox = FakeSandbox({"b": 2})
    more = "inputs: {a: context.x, list: [context.x, 1], word: 'n ${context.x}'}, limits: {seconds: 2, memory_mb: 32}"
    _, result = await run(sandbox, more, x=7, secret="s")
    (task,) = sandbox.tasks
    assert (task.source, task.inputs) == ("result = a", {"a": 7, "list": [7, 1], "word": "n 7"})
    assert (task.seconds, task.memory_mb) == (2, 32)
    assert result.output == {"reply": None, "b": 2}


async def test_a_result_that_is_no_mapping_stands_under_the_node_and_the_output_key() -> None:
    w, result = await run(FakeSandbox([1, 2]), "output_key: numbers")
    assert result.output == {"reply": None, "numbers": [1, 2]}
    assert w.journal.attempts[1].outcome["output"] == [1, 2]


async def test_what_it_printed_is_shown_with_the_step() -> None:
    w, _ = await run(FakeSandbox(CodeResult(1, "x" * 900)))
    assert w.journal.attempts[1].usage.reason == f"printed: {'x' * 500}"
    assert w.journal.attempts[1].usage.model is None


@pytest.mark.parametrize(
    ("error", "type_"), [(CodeFailed("line 1: no"), "code_error"), (StepTimeout("too long"), "timeout")]
)
async def test_failures_have_types_that_workflows_can_handle(error: Any, type_: str) -> None:
    _, result = await run(FakeSandbox(error))
    assert (result.status, result.error["type"]) == (RunStatus.FAILED, type_)


async def test_without_the_operators_leave_nothing_runs() -> None:
    _, result = await run(NoSandbox())
    assert (result.error["type"], "HEDDLE_CODE=on" in result.error["message"]) == ("config_error", True)


async def test_inputs_that_are_too_large_never_reach_the_sandbox() -> None:
    sandbox = FakeSandbox(1)
    _, result = await run(sandbox, "inputs: {a: context.x, b: context.x}", x="x" * 600_000)
    assert (result.error["type"], sandbox.tasks) == ("validation_error", [])


@pytest.mark.parametrize(
    "config",
    [
        "{}",
        "{source: ''}",
        "{source: x, language: javascript}",
        "{source: x, inputs: {a b: 1}}",
        "{source: x, inputs: {class: 1}}",
        "{source: x, inputs: {'': 1}}",
        "{source: x, limits: {seconds: 0}}",
        "{source: x, limits: {seconds: 61}}",
        "{source: x, limits: {memory_mb: 100000}}",
        "{source: x, limits: {cpus: 4}}",
    ],
)
def test_configs_that_make_no_sense_are_diagnostics(config: str) -> None:
    assert [d for d in validate(Document.parse(one(f"type: code, config: {config}"))) if d.is_error]


def test_a_published_call_leaves_code_to_a_worker() -> None:
    assert CodeNode().takes_long(CodeConfig(source="result = 1"))
    assert not CodeNode().has_effect(CodeConfig(source="result = 1"))

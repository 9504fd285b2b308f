"""A world for tests of runs: a tool whose every call is written to a file, and which takes as long as it is told.

The file is opened for appending and written with one call a line, so that several processes, also killed ones, can
write to it: what stands there has happened.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import TransientError
from engine.execution.context import Ports
from engine.execution.ports import HttpReply, HttpRequest, ModelReply, ModelRequest, OnDelta, ToolCall, ToolSpec
from engine.router.rules import RuleRouter
from runners.clocks import WallClock

SPECS = {
    name: ToolSpec(name, name, "", "test", {"type": "object"}, {"type": "object"}, writes=True)
    for name in ("count", "crash", "fail")
}


class CountingTools:
    """`count` notes the call and sleeps; `crash` kills the process; `fail` fails in a way that may pass."""

    def __init__(self, effects: Path) -> None:
        self._effects = effects

    def spec(self, name: str) -> ToolSpec | None:
        return SPECS.get(name)

    async def call(self, call: ToolCall) -> Any:
        line = json.dumps({"key": call.idempotency_key, "run": str(call.run_id), "pid": os.getpid()}) + "\n"
        descriptor = os.open(self._effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line.encode())
        os.close(descriptor)
        if call.tool == "crash":
            os._exit(9)
        if call.tool == "fail":
            raise TransientError("not now")
        await asyncio.sleep(float(call.parameters.get("seconds", 0)))
        return {"counted": True}


class EchoModels:
    """Answers with the last message, word by word."""

    async def complete(self, request: ModelRequest, on_delta: OnDelta | None = None) -> ModelReply:
        text = str(request.messages[-1]["content"])
        if on_delta is not None:
            for word in text.split():
                await on_delta(word + " ")
        return ModelReply(text, "echo", 3, 2, 50)


class NoHttp:
    async def request(self, request: HttpRequest) -> HttpReply:
        raise AssertionError("no test here calls out")


def counting_world(effects: Path) -> Ports:
    return Ports(
        models=EchoModels(), tools=CountingTools(effects), http=NoHttp(), router=RuleRouter(), clock=WallClock()
    )


def effects_of(path: Path) -> list[dict[str, Any]]:
    """The calls so far, in order; a torn last line is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def chain(steps: int, seconds: float, *, tool: str = "count", name: str = "chain") -> str:
    """A workflow of `steps` tool calls one after the other, with a pure step between them."""
    names = [f"call_{i}" for i in range(steps)]
    nodes = ["- {name: start, type: start, config: {}}"]
    for node in names:
        nodes.append(
            f"- {{name: {node}, type: tool, config: {{tool_name: {tool}, parameters: {{seconds: {seconds}}}}}}}"
        )
        nodes.append(f"- {{name: note_{node}, type: transform, config: {{set: {{last: \"'{node}'\"}}}}}}")
    nodes.append("- {name: end, type: end, config: {output: {reply: context.last}}}")
    order = ["start", *[n for node in names for n in (node, f"note_{node}")], "end"]
    edges = [f"- {{from: {a}, to: {b}, condition: null}}" for a, b in itertools.pairwise(order)]
    return workflow_text(name, nodes, edges)


def workflow_text(name: str, nodes: list[str], edges: list[str]) -> str:
    head = [
        f"name: {name}",
        'version: "1.0.0"',
        "description: a test",
        "category: system",
        "priority: low",
        "config: {timeout_seconds: 300, max_retries: 0}",
    ]
    return "\n".join([*head, "nodes:", *(f"  {n}" for n in nodes), "edges:", *(f"  {e}" for e in edges)]) + "\n"


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for something that has no event of its own."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)

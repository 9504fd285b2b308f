"""A Heddle runtime in a load's process, with a world outside that costs nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine import garbage
from engine.execution.context import Ports
from engine.execution.ports import HttpReply, HttpRequest, ModelReply, ModelRequest, OnDelta, ToolCall, ToolSpec
from engine.router.rules import RuleRouter
from engine.settings import Settings
from runners.clocks import WallClock
from runners.connections import Connections, Secrets
from runners.runtime import Runtime


class SlowModels:
    """Answers "yes" after the same time, as a model would that never fails."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def complete(self, request: ModelRequest, on_delta: OnDelta | None = None) -> ModelReply:  # noqa: ARG002
        await asyncio.sleep(self._seconds)
        return ModelReply("yes", request.model, 20, 1, 5)


class NoTools:
    def spec(self, name: str) -> ToolSpec | None:  # noqa: ARG002
        return None

    async def call(self, call: ToolCall) -> Any:
        raise NotImplementedError(call.tool)


class NoHttp:
    async def request(self, request: HttpRequest) -> HttpReply:
        raise NotImplementedError(request.url)


def ports(model_s: float = 0.0) -> Ports:
    """A world with models that take `model_s`, and nothing else."""
    return Ports(models=SlowModels(model_s), tools=NoTools(), http=NoHttp(), router=RuleRouter(), clock=WallClock())


def given() -> dict[str, Any]:
    """The first line of the load's input."""
    found: dict[str, Any] = json.loads(sys.stdin.readline())
    return found


def connections_of(config: dict[str, Any]) -> Connections:
    """What `World.given` said."""
    urls = [config[name] for name in ("database_url", "app_database_url", "redis_url")]
    return Connections(*urls, Secrets(**config["secrets"]))


@asynccontextmanager
async def opened(config: dict[str, Any], model_s: float = 0.0) -> AsyncIterator[Runtime]:
    """A runtime on the benchmark's servers."""
    settings = Settings(data_dir=Path(config["data_dir"]))
    runtime = await Runtime.open(settings, connections_of(config), with_models=False, ports=ports(model_s))
    await runtime.warm_up()  # as the roles do
    garbage.settle()
    try:
        yield runtime
    finally:
        await runtime.close()


def run_loop(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """As the roles run theirs: on uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not on Windows
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())

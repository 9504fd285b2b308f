"""Ports of an installation that lacks what stands behind them: each use fails at once and says what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

from engine.errors import ConfigError
from engine.execution.ports import (
    BusEvent,
    ChildRun,
    CodeResult,
    CodeTask,
    Definition,
    McpServer,
    MemoryPlace,
    PromptText,
    ToolSpec,
)

Json = Any


def _missing(what: str) -> NoReturn:
    raise ConfigError(f"this installation has no {what}")


class NoDefinitions:
    """Nothing else can be called from here."""

    async def load(self, name: str, version_range: str | None) -> Definition:
        _missing("stored workflows")

    async def by_hash(self, hash: str) -> Definition:
        _missing("stored workflows")


class NoChildRuns:
    """Runs are not kept here, so none is started."""

    async def start(self, child: ChildRun) -> str:
        _missing("place for runs of their own")


class NoPrompts:
    """No library of prompts."""

    async def load(self, tenant_id: UUID, name: str, version: int) -> PromptText:
        _missing("prompt library")


class NoMcp:
    """No way to servers of the Model Context Protocol."""

    async def tools(self, server: McpServer) -> Sequence[ToolSpec]:
        _missing("way to MCP servers")

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Json], idempotency_key: str) -> Json:
        _missing("way to MCP servers")


class NoMemory:
    """Nothing is remembered here."""

    async def last(self, place: MemoryPlace, limit: int) -> Sequence[Json]:
        _missing("memory")

    async def append(self, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None = None) -> None:
        _missing("memory")

    async def write(self, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None = None) -> None:
        _missing("memory")

    async def clear(self, place: MemoryPlace, idempotency_key: str) -> None:
        _missing("memory")


class NoCache:
    """Nothing is kept, so each step runs."""

    async def get(self, tenant_id: UUID, digest: str) -> Mapping[str, Json] | None:
        return None

    async def put(self, tenant_id: UUID, digest: str, answer: Mapping[str, Json], ttl_s: float) -> None:
        """Forgotten at once."""


class NoEventBus:
    """Nothing delivers events here."""

    async def publish(self, event: BusEvent) -> str:
        raise ConfigError(f"this installation has no event bus, so nothing was published to {event.topic!r}")


class NoSandbox:
    """The operator has not allowed code."""

    async def run(self, task: CodeTask) -> CodeResult:
        raise ConfigError("code steps are switched off; the operator allows them with HEDDLE_CODE=on")

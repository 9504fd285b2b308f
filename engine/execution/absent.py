"""Ports of an installation that lacks what stands behind them: each use fails at once and says what is missing."""

from __future__ import annotations

from typing import Any

from engine.errors import ConfigError
from engine.execution.ports import BusEvent, CodeTask

Json = Any


class NoEventBus:
    """Nothing delivers events here."""

    async def publish(self, event: BusEvent) -> None:
        raise ConfigError(f"this installation has no event bus, so nothing was published to {event.topic!r}")


class NoSandbox:
    """The operator has not allowed code."""

    async def run(self, task: CodeTask) -> Json:  # noqa: ARG002
        raise ConfigError("code steps are switched off; the operator allows them with HEDDLE_CODE=on")

"""Durable effects within one step: asked for (write-ahead), done, recorded, and never done twice.

    requested record -> barrier -> the work -> effect record

An effect is known by its name and by what was asked, so that a step which asks for something else under the same name
(a model that decided differently) gets that done, under a key of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from engine.execution.attempt import Attempt, Gone, record_of
from engine.execution.plan import PlanNode
from engine.execution.ports import StepRecord, StepRecordStatus
from engine.execution.records import clean, shown_input
from engine.execution.state import Active, Key, State

Json = Any


class Writer(Protocol):
    """What effects need of the executor."""

    state: State

    def write(self, record: StepRecord) -> None: ...

    async def barrier(self) -> None: ...

    def now(self) -> float: ...


class StepEffects:
    """Effects of the step with this key; `idempotency_key` is the step's."""

    def __init__(self, writer: Writer, key: Key, node: PlanNode, idempotency_key: str) -> None:
        self._writer, self._key, self._node, self._base = writer, key, node, idempotency_key

    async def once(self, name: str, request: Json, work: Callable[[str], Awaitable[Json]]) -> Json:
        """The recorded result, or that of `work(idempotency key)`. Raises what the work raises."""
        asked = f"{name}#{_digest(request)}"
        known = self._active().effects
        if asked in known:
            return known[asked]
        began = self._writer.now()
        key = self._idempotency_key(name, asked)
        shown = shown_input({"effect": name, "key": key, "request": request})
        self._write("requested", {"effect": name, "then": {"do": "request"}}, began, shown)
        await self._writer.barrier()
        result = clean(await work(key))
        done = {"effect": asked, "result": result, "then": {"do": "effect"}}
        self._write("effect", done, began)
        return result

    def _idempotency_key(self, name: str, asked: str) -> str:
        """The name is enough, as long as nothing else was done under it."""
        others = any(known != asked and known.rpartition("#")[0] == name for known in self._active().effects)
        return f"{self._base}:{asked if others else name}"

    def _write(self, status: StepRecordStatus, outcome: dict[str, Json], began: float, shown: Json = None) -> None:
        attempt = Attempt(started_at=began, ended_at=self._writer.now(), input=shown)
        active = self._active()
        record = record_of(self._writer.state, active, self._node, attempt, status=status, outcome=outcome)
        self._writer.write(record)

    def _active(self) -> Active:
        active = self._writer.state.active.get(self._key)
        if active is None:
            raise Gone
        return active


def _digest(request: Json) -> str:
    text = json.dumps(request, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]

"""Leases: the right of one process to go on with a run for a while, and the state to go on from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from engine.execution.ports import Signal, StepRecord, Usage
from engine.store.faults import as_ours

Json = Any


class Lease(NamedTuple):
    """The right to go on with a run, and the state to go on from.

    `run` is the row as JSON (engine.store.tables.runs.RunRow), `records` its journal in order, `history` what was said
    in its conversation before it began, oldest first: {role, content}. (A named tuple, as what else a run makes.)
    """

    tenant_id: UUID
    run_id: UUID
    epoch: int
    run: Mapping[str, Json]
    records: tuple[StepRecord, ...] = ()
    history: tuple[Mapping[str, str], ...] = ()
    signals: tuple[Signal, ...] = ()


class Claim(NamedTuple):
    """Answer to a claim.

    `verdict`: claimed (the only one with a lease) | missing | over | busy | cancelled | abandoned; the last two have
    ended the run.
    """

    verdict: str
    lease: Lease | None = None


class ClaimTicket:
    """One claim on its way through a lane."""

    def __init__(self, tenant_id: UUID, run_id: UUID) -> None:
        self.answer: asyncio.Future[Claim] = asyncio.get_running_loop().create_future()
        self.key = str(run_id)
        self._tenant_id, self._run_id = tenant_id, run_id

    def take(self) -> bytes | None:
        if self.answer.done():  # the waiting task was cancelled
            return None
        return orjson.dumps({"tenant_id": str(self._tenant_id), "run_id": self.key})

    def settle(self, answer: Mapping[str, Any] | None) -> None:
        if self.answer.done():
            return
        if answer is None or answer["verdict"] != "claimed":
            self.answer.set_result(Claim("missing" if answer is None else answer["verdict"]))
            return
        self.answer.set_result(Claim("claimed", _lease(self._tenant_id, self._run_id, answer)))

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(as_ours(error))


def _lease(tenant_id: UUID, run_id: UUID, row: Mapping[str, Any]) -> Lease:
    return Lease(
        tenant_id=tenant_id,
        run_id=run_id,
        epoch=row["run"]["epoch"],
        run=row["run"],
        records=tuple(record_of(step) for step in row["steps"] or ()),
        history=tuple(row["history"] or ()),
        signals=tuple(Signal(g["id"], g["name"], g["data"]) for g in row["signals"] or ()),
    )


_RECORD_FIELDS = tuple(field.name for field in fields(StepRecord) if field.name != "usage")


def record_of(step: Mapping[str, Any]) -> StepRecord:
    """The record that a row of `steps` holds."""
    values = {name: step[name] for name in _RECORD_FIELDS}
    usage = Usage(**{name: step[name] for name in Usage._fields})
    return StepRecord(**values | {"started_at": float(step["started_at"] or 0.0), "usage": usage})

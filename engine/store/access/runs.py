"""Runs as people and programs see them: accept, look at, cancel, signal. The journal is written by journal.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from uuid6 import uuid7

from engine.errors import Conflict, KeyReused, NotFound
from engine.execution.events import RunStatus
from engine.execution.ports import Signal, StepRecord
from engine.store.leases import record_of
from engine.store.session import Tx
from engine.store.tables.runs import RunRow, RunSignal, RunWait, StepRow

Json = Any
# Statuses of records that stand for an attempt; the others say what happened on its way (StepRecord).
ATTEMPTS = ("succeeded", "failed", "suspended", "opened")


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is needed to accept a run. `bindings` maps names of called workflows to hashes of stored definitions."""

    workflow_name: str
    definition_hash: str
    trigger: str
    input: Mapping[str, Json]
    workflow_id: UUID | None = None
    version_number: int | None = None
    bindings: Mapping[str, str] = field(default_factory=dict)
    conversation_id: UUID | None = None
    idempotency_key: str | None = None
    part: Mapping[str, Json] = field(default_factory=dict)
    origin_run_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LeaseFor:
    """Lease a run to this process in the moment it is accepted (a run that starts right here)."""

    owner: str
    lease_s: float


async def create_run(tx: Tx, new: NewRun, lease: LeaseFor | None = None) -> tuple[RunRow, bool]:
    """Accept a run durably (once the transaction commits); returns the row and whether it is new.

    The same idempotency key with the same input gives the run that exists; raises KeyReused with another input.
    """
    values: dict[str, Any] = {
        "tenant_id": tx.scope.tenant_id,
        "run_id": uuid7(),
        "workflow_id": new.workflow_id,
        "workflow_name": new.workflow_name,
        "version_number": new.version_number,
        "definition_hash": new.definition_hash,
        "trigger": new.trigger,
        "status": RunStatus.QUEUED.value,
        "input": dict(new.input),
        "bindings": dict(new.bindings),
        "conversation_id": new.conversation_id,
        "part": dict(new.part),
        "origin_run_id": new.origin_run_id,
        "idempotency_key": new.idempotency_key,
        "created_by": tx.scope.user_id,
    } | _NOTHING_YET
    if lease is not None:
        values |= {
            "status": RunStatus.RUNNING.value,
            "epoch": 1,
            "lease_owner": lease.owner,
            "lease_until": sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, lease.lease_s),
            "started_at": sa.func.clock_timestamp(),
        }
    query = insert(RunRow).values(values).on_conflict_do_nothing().returning(RunRow)
    row = (await tx.session.execute(query)).scalar_one_or_none()
    if row is not None:
        return row, True
    return await _same_run(tx, new), False


_NOTHING_YET: dict[str, Any] = {
    "epoch": 0,
    "progress_epoch": 0,
    "cancel_requested": False,
    "tokens_in": 0,
    "tokens_out": 0,
    "cost_usd_micros": 0,
    "steps": 0,
}


async def _same_run(tx: Tx, new: NewRun) -> RunRow:
    query = select(RunRow).where(RunRow.idempotency_key == new.idempotency_key)
    row = (await tx.session.execute(query)).scalar_one()
    if row.input != dict(new.input) or row.workflow_name != new.workflow_name:
        raise KeyReused(run_id=str(row.run_id))
    return row


async def get_run(tx: Tx, run_id: UUID) -> RunRow:
    """Raises NotFound, also for another tenant's run."""
    row = await tx.session.get(RunRow, (tx.scope.tenant_id, run_id))
    if row is None:
        raise NotFound("No such run.")
    return row


async def list_steps(tx: Tx, run_id: UUID) -> Sequence[StepRow]:
    """Every attempt of every step of a run, in order: also those that wait or have frames open. Raises NotFound."""
    await get_run(tx, run_id)
    query = select(StepRow).where(StepRow.run_id == run_id, col(StepRow.status).in_(ATTEMPTS))
    return (await tx.session.execute(query.order_by(col(StepRow.seq)))).scalars().all()


async def journal_of(tx: Tx, run_id: UUID) -> list[StepRecord]:
    """The run's whole journal in order, as it is folded. Raises NotFound."""
    await get_run(tx, run_id)
    query = select(StepRow).where(StepRow.run_id == run_id).order_by(col(StepRow.seq))
    rows = (await tx.session.execute(query)).scalars().all()
    began = [row.started_at.timestamp() if row.started_at else 0.0 for row in rows]
    return [record_of(row.model_dump() | {"started_at": at}) for row, at in zip(rows, began, strict=True)]


async def last_node_type(tx: Tx, run_id: UUID) -> str | None:
    """The type of the node that ended last in the run's own workflow (not in one that it called)."""
    query = select(StepRow.node_type).where(
        StepRow.run_id == run_id, StepRow.status == "succeeded", ~col(StepRow.path).contains("/")
    )
    return (await tx.session.execute(query.order_by(col(StepRow.seq).desc()).limit(1))).scalar()


async def list_effects(tx: Tx, run_id: UUID) -> Sequence[StepRow]:
    """What the run asked of the outside world, in order: `requested` before, `effect` after what is part of a step.

    Raises NotFound.
    """
    await get_run(tx, run_id)
    query = select(StepRow).where(StepRow.run_id == run_id, col(StepRow.status).in_(("requested", "effect")))
    return (await tx.session.execute(query.order_by(col(StepRow.seq)))).scalars().all()


async def list_signals(tx: Tx, run_id: UUID) -> list[Signal]:
    """All signals that came for a run, in the order in which they came."""
    query = select(RunSignal).where(RunSignal.run_id == run_id)
    rows = (await tx.session.execute(query.order_by(col(RunSignal.created_at), col(RunSignal.signal_id)))).scalars()
    return [Signal(str(row.signal_id), row.name, row.data) for row in rows]


async def waiting_for(tx: Tx, signal: str, limit: int = 1000) -> Sequence[RunWait]:
    """The open waits of the tenant for this signal."""
    query = select(RunWait).where(col(RunWait.closed_at).is_(None), RunWait.signal == signal)
    return (await tx.session.execute(query.order_by(col(RunWait.created_at)).limit(limit))).scalars().all()


async def _close_waits(tx: Tx, run_id: UUID, by: str) -> None:
    query = sa.update(RunWait).where(col(RunWait.run_id) == run_id, col(RunWait.closed_at).is_(None))
    await tx.session.execute(query.values(closed_at=sa.func.clock_timestamp(), closed_by=by))


def latest_attempts(steps: Sequence[StepRow]) -> list[StepRow]:
    """Of each step (path and iteration) the newest record, in the order in which the steps began."""
    newest: dict[tuple[str, int], StepRow] = {}
    for step in steps:
        newest[step.path, step.iteration] = step
    return list(newest.values())


async def request_cancel(tx: Tx, run_id: UUID) -> RunRow:
    """Cancel a run: at once when nobody works on it, else by asking its worker. A run that is over stays as it is.

    `status` of the returned row says which: cancelled, or running with `cancel_requested`.
    """
    row = await locked(tx, run_id)
    if RunStatus(row.status).is_final:
        return row
    row.cancel_requested = True
    if row.status != RunStatus.RUNNING:
        row.status = RunStatus.CANCELLED.value
        row.wake_at = None
        await _close_waits(tx, run_id, row.status)
        row.ended_at = await _now(tx)
    await tx.session.flush()
    return row


async def add_signal(tx: Tx, run_id: UUID, name: str, data: Mapping[str, Json]) -> bool:
    """Keep a signal for a run; returns whether the run was suspended and is now queued (the caller wakes a worker).

    Raises Conflict when the run is over. The row is locked first: a run that is just being suspended either sees the
    signal or is seen suspended here.
    """
    row = await locked(tx, run_id)
    if RunStatus(row.status).is_final:
        raise Conflict("The run is over.", run_status=row.status)
    signal = RunSignal(tenant_id=tx.scope.tenant_id, run_id=run_id, name=name, data=dict(data))
    tx.session.add(signal)
    woken = row.status == RunStatus.SUSPENDED
    if woken:
        row.status = RunStatus.QUEUED.value
        row.wake_at = await _now(tx)
    await tx.session.flush()
    return woken


async def pin_binding(tx: Tx, run_id: UUID, name: str, definition_hash: str) -> str:
    """Pin the definition that `name` means for this run; the first pin wins. Returns the pinned hash."""
    row = await locked(tx, run_id)
    if name not in row.bindings:
        row.bindings = {**row.bindings, name: definition_hash}
        await tx.session.flush()
    return row.bindings[name]


async def locked(tx: Tx, run_id: UUID) -> RunRow:
    """The run, which nobody else changes until this transaction ends. Raises NotFound."""
    query = select(RunRow).where(RunRow.run_id == run_id).with_for_update(key_share=True)
    row = (await tx.session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if row is None:
        raise NotFound("No such run.")
    return row


async def _now(tx: Tx) -> datetime:
    """The database's clock."""
    found: datetime = (await tx.session.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return found

"""Runs that go on from another one: with its journal up to what failed, and perhaps with changed data.

The run that failed stays as it is. The new one has a copy of the records that still hold. The time, steps and money
that these took were counted there: the new run has all that its workflow allows, or one that ran out of it would do so
again at once. Effects that are repeated have the keys that they had in the first run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import Conflict
from engine.execution.events import RunStatus
from engine.store.access.runs import NewRun, create_run, locked
from engine.store.session import Tx
from engine.store.tables.runs import RunRow, StepRow

Json = Any
UNDER_WAY = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.SUSPENDED)
_COPIED = (
    "path", "node_type", "iteration", "attempt", "status", "input", "outcome", "started_at", "duration_ms", "model",
    "tier", "reason",
)  # fmt: skip


async def fork_run(tx: Tx, run_id: UUID, context: Mapping[str, Json]) -> RunRow:
    """Accept a run that goes on where this one failed or was cancelled; `context` is put over its data there.

    Raises NotFound; Conflict for a run that is under way or succeeded, that failed before its first step, or that is
    being gone on with: two runs at once would do the same effects under the same keys.
    """
    row = await locked(tx, run_id)
    if row.status not in (RunStatus.FAILED, RunStatus.CANCELLED):
        raise Conflict("Only a run that failed or was cancelled can be gone on with.", run_status=row.status)
    await _alone(tx, row)
    query = select(StepRow).where(StepRow.run_id == run_id).order_by(col(StepRow.seq))
    steps = (await tx.session.execute(query)).scalars().all()
    kept, failed = _still_holding(steps)
    if row.status == RunStatus.FAILED and not steps:
        raise Conflict("The run failed before its first step: start it anew.", run_id=str(run_id))
    rows = [{name: getattr(step, name) for name in _COPIED} for step in kept]
    last = failed or (kept[-1] if kept else None)
    if last is not None:
        rows.append(_edit(last, context))
    new, _ = await create_run(tx, _like(row, context if last is None else {}))
    await _copy(tx, new.run_id, rows)
    await _take_answers(tx, run_id, new.run_id)
    return new


async def _alone(tx: Tx, row: RunRow) -> None:
    """Raises Conflict when another run that goes on from the same one is not over. (The first one's row is locked.)"""
    first = row.origin_run_id or row.run_id
    if first != row.run_id:
        await locked(tx, first)
    query = select(RunRow.run_id).where(RunRow.origin_run_id == first, col(RunRow.status).in_(UNDER_WAY))
    other = (await tx.session.execute(query.limit(1))).scalar()
    if other is not None:
        raise Conflict("Another run goes on from here already; wait for its end, or cancel it.", run_id=str(other))


def _like(row: RunRow, context: Mapping[str, Json]) -> NewRun:
    """The same run; one of which nothing was done begins with this data put over its input."""
    begun = {**row.part, "context": {**row.part.get("context", {}), **context}} if context else row.part
    return NewRun(
        row.workflow_name,
        row.definition_hash,
        row.trigger,
        row.input,
        workflow_id=row.workflow_id,
        version_number=row.version_number,
        bindings=row.bindings,
        conversation_id=row.conversation_id,
        part=begun,
        origin_run_id=row.origin_run_id or row.run_id,
    )


def _still_holding(steps: Sequence[StepRow]) -> tuple[list[StepRow], StepRow | None]:
    """The records without the failure, and the failed step: the first of the chain of frames that failed with it."""
    fails = [step for step in steps if step.outcome["then"]["do"] == "fail"]
    chain: list[StepRow] = []
    for step in reversed(fails):  # outermost first: each further one ended a frame of the one before
        if not chain or (_beneath(step.path, chain[-1].path) and step.seq > _opened_at(steps, chain[-1])):
            chain.append(step)
    gone = {step.seq for step in chain}
    return [step for step in steps if step.seq not in gone], chain[-1] if chain else None


def _opened_at(steps: Sequence[StepRow], closed: StepRow) -> int:
    """When the step opened the frames that it was closed with; after its end, if it opened none."""
    opened = [s.seq for s in steps if s.status == "opened" and s.path == closed.path and s.attempt == closed.attempt]
    return opened[-1] if opened else closed.seq


def _beneath(path: str, above: str) -> bool:
    return path.startswith((f"{above}/", f"{above}[", f"{above}~"))


def _edit(at: StepRow, context: Mapping[str, Json]) -> dict[str, Json]:
    place = {"path": at.path, "node_type": at.node_type, "iteration": at.iteration, "attempt": at.attempt}
    return {**place, "status": "edited", "outcome": {"then": {"do": "edit", "context": dict(context), "renew": True}}}


async def _copy(tx: Tx, run_id: UUID, rows: Sequence[Mapping[str, Json]]) -> None:
    owner: dict[str, Any] = {"tenant_id": tx.scope.tenant_id, "run_id": run_id}
    for seq, values in enumerate(rows):
        tx.session.add(StepRow(**owner, seq=seq, **values))
    await tx.session.flush()
    told = [{key: row[key] for key in ("path", "iteration", "status", "outcome")} for row in rows]
    numbered = [{**row, "seq": seq} for seq, row in enumerate(told)]
    waits = sa.text("SELECT heddle_waits(:tenant, :run, CAST(:steps AS jsonb))")
    await tx.session.execute(
        waits, {"tenant": tx.scope.tenant_id, "run": run_id, "steps": orjson.dumps(numbered).decode()}
    )


async def _take_answers(tx: Tx, old: UUID, new: UUID) -> None:
    """What people have answered of the questions that are still open in the new run: nobody is asked that again."""
    answers = sa.text("""
        INSERT INTO run_signals (tenant_id, run_id, signal_id, name, data, created_at)
        SELECT s.tenant_id, :new, s.signal_id, s.name, s.data, s.created_at FROM run_signals s
        WHERE s.tenant_id = :tenant AND s.run_id = :old AND EXISTS (
          SELECT FROM run_waits w WHERE w.tenant_id = s.tenant_id AND w.run_id = :new AND w.signal = s.name
            AND w.closed_at IS NULL AND w.data ->> 'hash' = s.data ->> 'hash')""")
    await tx.session.execute(answers, {"tenant": tx.scope.tenant_id, "old": old, "new": new})

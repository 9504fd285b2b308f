"""Schedules of published workflows. Every time is the database's: schedulers with other clocks do no harm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from engine.language.schedules import ScheduleError, next_fire
from engine.language.triggers import ScheduleSpec
from engine.store.session import Tx
from engine.store.tables.runs import RunRow
from engine.store.tables.triggers import Schedule
from engine.store.tables.workflows import WorkflowRow


@dataclass(frozen=True, slots=True)
class Listed:
    """A schedule and the workflow that it starts. `is_live`: it fires while the workflow is published and there."""

    row: Schedule
    workflow: str
    is_live: bool


async def replace(tx: Tx, workflow_id: UUID, specs: Sequence[ScheduleSpec]) -> Sequence[Schedule]:
    """Keep exactly these schedules of a workflow. One whose times are the same goes on with the moment it waits for."""
    now = await database_now(tx)
    query = select(Schedule).where(Schedule.workflow_id == workflow_id).with_for_update()
    known = {row.key: row for row in (await tx.session.execute(query)).scalars().all()}
    kept = [_kept(tx, known.pop(spec.key, None), workflow_id, spec, now) for spec in specs]
    for row in known.values():
        await tx.session.delete(row)
    await tx.session.flush()
    return kept


def _kept(tx: Tx, row: Schedule | None, workflow_id: UUID, spec: ScheduleSpec, now: datetime) -> Schedule:
    same_times = row is not None and (row.cron, row.timezone) == (spec.cron, spec.timezone) and row.next_at is not None
    if row is None:
        row = Schedule(tenant_id=tx.scope.tenant_id, workflow_id=workflow_id, key=spec.key, cron="", timezone="")
        tx.session.add(row)
    row.cron, row.timezone, row.input, row.tells_time = spec.cron, spec.timezone, dict(spec.input), spec.tells_time
    row.overlap, row.catch_up = spec.overlap, spec.catch_up
    if not same_times:
        wait_for(row, next_fire(spec.cron, spec.timezone, now))
    return row


def wait_for(row: Schedule, moment: datetime | None, *, look_at: datetime | None = None) -> None:
    """The moment that comes next, and when to look again where that is not the same."""
    row.next_at, row.look_at, row.fault = moment, look_at or moment, None


def give_up(row: Schedule, error: ScheduleError) -> None:
    """It cannot be understood (any more): it rests until its workflow is published anew."""
    row.next_at = row.look_at = None
    row.fault = error.public_message


async def due(session: AsyncSession, limit: int) -> list[tuple[UUID, UUID]]:
    """(tenant_id, schedule_id) of those whose time has come; takes a session of `Database.anonymous()`.

    They are this scheduler's for some seconds, then found again unless `wait_for` has moved them on.
    """
    rows = await session.execute(sa.text("SELECT * FROM heddle_due_schedules(:limit)"), {"limit": limit})
    return [(row.tenant_id, row.schedule_id) for row in rows]


async def take(tx: Tx, schedule_id: UUID) -> tuple[Schedule, datetime] | None:
    """The schedule, locked for this transaction, and the time; None when it is gone or in another scheduler's hands."""
    columns: list[Any] = [Schedule, sa.func.clock_timestamp()]
    query = sa.select(*columns).where(col(Schedule.schedule_id) == schedule_id)
    row = (await tx.session.execute(query.with_for_update(of=Schedule, skip_locked=True))).one_or_none()
    return None if row is None else (row[0], row[1])


async def last_run(tx: Tx, row: Schedule) -> RunRow | None:
    """The run that the schedule started last, None when there is none (any more)."""
    return None if row.last_run_id is None else await tx.session.get(RunRow, (tx.scope.tenant_id, row.last_run_id))


async def listing(tx: Tx, workflow: str | None = None) -> list[Listed]:
    """The tenant's schedules, those that fire soonest first."""
    live = sa.and_(col(WorkflowRow.archived_at).is_(None), col(WorkflowRow.published_number).is_not(None))
    columns: list[Any] = [Schedule, WorkflowRow.name, live]
    query = sa.select(*columns).join(WorkflowRow, col(WorkflowRow.workflow_id) == col(Schedule.workflow_id))
    if workflow is not None:
        query = query.where(col(WorkflowRow.name) == workflow)
    rows = await tx.session.execute(query.order_by(col(Schedule.next_at).nulls_last(), WorkflowRow.name, Schedule.key))
    return [Listed(*row) for row in rows.all()]


async def database_now(tx: Tx) -> datetime:
    found: datetime = (await tx.session.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return found

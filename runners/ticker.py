"""Starts the runs of schedules whose time has come.

Any number of schedulers may tick at once: each due schedule goes to one of them, which inserts the run and moves the
schedule on in one transaction, and wakes a worker after the commit. Killed before it, nothing has happened; after it,
the sweeper finds a run that nobody was woken for. A moment's run has an idempotency key, so that no way leads to a
second one.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from engine.errors import AppError, KeyReused
from engine.execution.events import RunStatus
from engine.language import schedules as language
from engine.store.access import runs, schedules
from engine.store.session import Database, Scope, Tx
from engine.store.tables.runs import RunRow
from engine.store.tables.triggers import Schedule
from runners.queue import RunQueue, WakeUp
from runners.requests import ByVersion, RunRequest, resolved

log = logging.getLogger(__name__)

ON_TIME = timedelta(minutes=1)  # a moment that is older counts as missed
LOOK_AGAIN = timedelta(seconds=5)  # at a run that is being waited for
_LIMIT = 500
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about a schedule now: `fire` a moment or none, then wait for the moment after `passed`.

    `waits`: the moment after it has come, but the run before is not over.
    """

    fire: datetime | None
    passed: datetime | None
    waits: bool = False


async def tick(db: Database, queue: RunQueue, limit: int = _LIMIT) -> int:
    """Start what is due, for all tenants; returns how many runs. Raises RedisError once all of them are durable."""
    async with db.anonymous() as session:
        due = await schedules.due(session, limit)
    gate = asyncio.Semaphore(_AT_ONCE)
    started = await asyncio.gather(*(_fire(db, gate, tenant_id, schedule_id) for tenant_id, schedule_id in due))
    wake_ups = [wake_up for wake_up in started if wake_up is not None]
    await queue.wake(wake_ups)
    return len(wake_ups)


def decide(row: Schedule, before: RunRow | None, now: datetime) -> Plan:
    """Which moment of a due schedule is next, and what becomes of it. Raises ScheduleError.

    Moments that were missed are made up for one after another, at most `catch_up` of them, the latest ones. A moment
    that came while the run before was going on is left out (overlap skip) or waits for its end (overlap queue).
    """
    assert row.next_at is not None
    start = row.next_at - timedelta(microseconds=1)
    come = language.last_fires(row.cron, row.timezone, start, now, row.catch_up + 2)
    late = [moment for moment in come if moment <= now - ON_TIME]
    dropped = late[: max(0, len(late) - row.catch_up)]
    passed = dropped[-1] if dropped else None
    for moment in come[len(dropped) :]:
        if row.overlap == "skip" and before is not None and _was_going_on(before, moment):
            passed = moment
        elif before is not None and not RunStatus(before.status).is_final:
            return Plan(None, passed, waits=True)
        else:
            return Plan(moment, moment)
    return Plan(None, passed)


def _was_going_on(run: RunRow, moment: datetime) -> bool:
    return run.created_at <= moment and (run.ended_at is None or run.ended_at > moment)


async def _fire(db: Database, gate: asyncio.Semaphore, tenant_id: UUID, schedule_id: UUID) -> WakeUp | None:
    """One schedule in one transaction. A failure stays with it: it is found again some seconds later."""
    async with gate:
        try:
            async with db.transaction(Scope(tenant_id, None, "system")) as tx:
                return await _take_turn(tx, schedule_id)
        except (AppError, DBAPIError) as error:
            log.warning("schedule %s: %s, trying again", schedule_id, type(error).__name__, exc_info=error)
            return None


async def _take_turn(tx: Tx, schedule_id: UUID) -> WakeUp | None:
    taken = await schedules.take(tx, schedule_id)
    if taken is None:
        return None
    row, now = taken
    if row.next_at is None or row.next_at > now:
        row.look_at = row.next_at
        return None
    try:
        plan = decide(row, await schedules.last_run(tx, row), now)
        run = None if plan.fire is None else await _start(tx, row, plan.fire)
        after = plan.passed or row.next_at - timedelta(microseconds=1)
        following = language.next_fire(row.cron, row.timezone, after)
    except language.ScheduleError as error:
        log.warning("schedule %s rests: %s", schedule_id, error.public_message)
        schedules.give_up(row, error)
        return None
    schedules.wait_for(row, following, look_at=now + LOOK_AGAIN if plan.waits else None)
    return None if run is None else WakeUp(run.tenant_id, run.run_id, run.epoch)


async def _start(tx: Tx, row: Schedule, moment: datetime) -> RunRow | None:
    """The run of one moment; None when it was started before."""
    local = moment.astimezone(language.zone(row.timezone)).isoformat()
    request = RunRequest(
        source=ByVersion(row.workflow_id),
        input=({"scheduled_at": local} if row.tells_time else {}) | row.input,
        trigger="schedule",
        idempotency_key=f"schedule:{row.schedule_id}:{moment.isoformat()}",
    )
    try:
        run, is_new = await runs.create_run(tx, await resolved(tx, request))
    except KeyReused:  # started with the input of another version
        return None
    row.last_at, row.last_run_id = moment, run.run_id
    return run if is_new else None

"""Starts the workflows whose `event` trigger an event fits: each once, for the run has the event's id in its key."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from redis.exceptions import RedisError

from engine.errors import AppError, KeyReused
from engine.language.expressions import compile_expression
from engine.store.access import chains, deliveries, events, runs, workflows
from engine.store.access.deliveries import Due
from engine.store.session import Database, Scope, Tx
from engine.store.tables.events import EventTrigger, OutboxEvent
from engine.store.tables.runs import RunRow
from runners.queue import RunQueue, WakeUp
from runners.requests import ByVersion, RunRequest, resolved

log = logging.getLogger(__name__)

Json = Any


class EventStarter:
    """Makes deliveries to event triggers."""

    def __init__(self, db: Database, queue: RunQueue) -> None:
        self._db = db
        self._queue = queue

    async def deliver(self, one: Due) -> None:
        """Start the run, or find that none is wanted; in one transaction with the end of the delivery.

        Raises AppError for a filter that cannot be evaluated, a payload that the workflow cannot take, and too long a
        chain: none of it passes by itself.
        """
        async with self._db.transaction(Scope(one.tenant_id, None, "system")) as tx:
            run = await self._start(tx, one)
            await deliveries.arrived(tx, one)
        if run is None:
            return
        try:
            await self._queue.wake([WakeUp(run.tenant_id, run.run_id, run.epoch)])
        except (RedisError, OSError):
            log.warning("run %s: no wake-up was sent, the sweeper will", run.run_id)

    async def _start(self, tx: Tx, one: Due) -> RunRow | None:
        trigger = await tx.session.get(EventTrigger, (one.tenant_id, one.target_id))
        if trigger is None:
            return None
        workflow = await workflows.get_workflow(tx, trigger.workflow_id)
        event = await events.get(tx, one.event_id)
        if workflow.archived_at is not None or workflow.published_number is None:
            return None
        if not passes(trigger.filter, event.payload, event.created_at.timestamp()):
            return None
        if await chains.length(tx, event.run_id) >= chains.LONGEST:
            raise EventLoop(f"{chains.LONGEST} runs that started each other led to this event.")
        request = RunRequest(
            source=ByVersion(trigger.workflow_id),
            input=input_of(event),
            trigger="event",
            idempotency_key=chains.event_key(trigger.trigger_id, event.event_id),
        )
        try:
            run, is_new = await runs.create_run(tx, await resolved(tx, request))
        except KeyReused:  # started before
            return None
        return run if is_new else None


class EventLoop(AppError):
    """Events go round in a circle of workflows that start each other."""

    code = "event_loop"


def passes(written: str | None, payload: Mapping[str, Json], now: float) -> bool:
    """Whether a trigger's filter lets an event through; its payload is the `context`. Raises AppError."""
    if written is None:
        return True
    return bool(compile_expression(written).evaluate({"context": payload, "inputs": payload, "run": {"now": now}}))


def input_of(event: OutboxEvent) -> dict[str, Json]:
    """The payload with `event`, which says where it comes from, unless the payload has such a field itself."""
    about = {
        "id": str(event.event_id),
        "topic": event.topic,
        "at": event.created_at.isoformat(),
        "run_id": str(event.run_id) if event.run_id else None,
    }
    return {"event": about} | event.payload

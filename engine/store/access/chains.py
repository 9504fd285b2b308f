"""What started a run: an event, or a step of another run. Both stand in the run's idempotency key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from engine.store.session import Tx
from engine.store.tables.events import OutboxEvent
from engine.store.tables.runs import RunRow

LONGEST = 10  # runs that started each other, one after the other
_EVENT, _STEP = "event:", "workflow:"


@dataclass(frozen=True, slots=True)
class StartedBy:
    """The step of a run that started another. `run_id` is the first of its run's tries (RunRow.origin_run_id)."""

    run_id: UUID
    path: str


def event_key(trigger_id: UUID, event_id: UUID) -> str:
    """Idempotency key of the run that an event starts."""
    return f"{_EVENT}{trigger_id}:{event_id}"


def step_key(effect_key: str) -> str:
    """Idempotency key of the run that a step starts; `effect_key` is its effect's: run:path:iteration:name."""
    return f"{_STEP}{effect_key}"


def step_of(idempotency_key: str | None) -> StartedBy | None:
    """The step that started the run with this key, if one did."""
    if idempotency_key is None or not idempotency_key.startswith(_STEP):
        return None
    run_id, _, rest = idempotency_key.removeprefix(_STEP).partition(":")
    return StartedBy(UUID(run_id), rest.rsplit(":", 2)[0])


def event_of(idempotency_key: str | None) -> UUID | None:
    """The event that started the run with this key, if one did."""
    if idempotency_key is None or not idempotency_key.startswith(_EVENT):
        return None
    return UUID(idempotency_key.rpartition(":")[2])


async def length(tx: Tx, run_id: UUID | None) -> int:
    """How many runs in a row, up to this one, were started by a run before or by an event; at most LONGEST."""
    found, at = 0, run_id
    while at is not None and found < LONGEST:
        run = await tx.session.get(RunRow, (tx.scope.tenant_id, at))
        key = run.idempotency_key if run is not None else None
        step, event_id = step_of(key), event_of(key)
        event = await tx.session.get(OutboxEvent, (tx.scope.tenant_id, event_id)) if event_id else None
        if step is None and event is None:
            break
        found, at = found + 1, step.run_id if step else event.run_id if event else None
    return found

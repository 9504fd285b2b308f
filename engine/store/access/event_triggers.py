"""Published workflows that start when an event of a topic comes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from engine.language.triggers import EventSpec
from engine.store.access import deliveries
from engine.store.session import Tx
from engine.store.tables.events import EventTrigger


async def replace(tx: Tx, workflow_id: UUID, specs: Sequence[EventSpec]) -> None:
    """Keep exactly these triggers of a workflow; events on their way to one that goes are forgotten."""
    known = {row.key: row for row in await of_workflow(tx, workflow_id)}
    for spec in specs:
        row = known.pop(spec.key, None)
        if row is None:
            row = EventTrigger(tenant_id=tx.scope.tenant_id, workflow_id=workflow_id, key=spec.key, topic=spec.topic)
            tx.session.add(row)
        row.topic, row.filter = spec.topic, spec.filter
    for row in known.values():
        await deliveries.forget(tx, row.trigger_id)
        await tx.session.delete(row)
    await tx.session.flush()


async def of_workflow(tx: Tx, workflow_id: UUID) -> Sequence[EventTrigger]:
    """The triggers of a workflow by their keys."""
    query = select(EventTrigger).where(EventTrigger.workflow_id == workflow_id).order_by(col(EventTrigger.key))
    return (await tx.session.execute(query)).scalars().all()

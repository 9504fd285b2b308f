"""engine.execution.ports.EventBus over the outbox: an event is a row, and goes out once its row is committed."""

from __future__ import annotations

from engine.execution.ports import BusEvent
from engine.store.access import events
from engine.store.session import Database, Scope


class OutboxBus:
    """Publishes for all runs of a process."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def publish(self, event: BusEvent) -> str:
        """Once for each idempotency key, however often it is asked."""
        async with self._db.transaction(Scope(event.tenant_id, None, "system")) as tx:
            event_id = await events.publish(
                tx, event.topic, event.payload, run_id=event.run_id, idempotency_key=event.idempotency_key
            )
        return str(event_id)

"""Finds runs that nobody works on although somebody should, and wakes a worker for each.

A timer that is due, a worker that died with the run in its hands, a wake-up that Redis lost: the database knows them
all. Several sweepers at once share the work: rows that another one looks at are skipped, and each run found gets some
time before it is found again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.session import Database
from runners.queue import RunQueue, WakeUp

log = logging.getLogger(__name__)

_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: runs found, and how many of them were not waiting in the queue already."""

    found: int
    woken: int


async def sweep(db: Database, queue: RunQueue, limit: int = _LIMIT) -> Swept:
    """One look through all tenants. Raises RedisError; what was found then is found again some seconds later."""
    async with db.anonymous() as session:
        rows = (await session.execute(sa.text("SELECT * FROM heddle_due_runs(:limit)"), {"limit": limit})).all()
    woken = await queue.wake_missing(WakeUp(row.tenant_id, row.run_id, row.epoch) for row in rows)
    for row in rows:
        if row.reason == "lease ended":
            log.warning("run %s: its worker is gone, another one is woken", row.run_id)
    return Swept(len(rows), len(woken))

"""What the tenant used, by day (UTC). The counts come from the outbox, each event once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlmodel import col, select

from engine.store.session import Tx
from engine.store.tables.events import UsageCounter


async def counters(tx: Tx, since: date | None = None) -> Sequence[UsageCounter]:
    """All counts of the tenant by day, the oldest first; `since` leaves out the days before."""
    query = select(UsageCounter).order_by(col(UsageCounter.day), col(UsageCounter.usage_type))
    if since is not None:
        query = query.where(col(UsageCounter.day) >= since)
    return (await tx.session.execute(query)).scalars().all()

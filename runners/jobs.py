"""What RQ calls. A job's arguments are ids; everything else is read from the database."""

from __future__ import annotations

from contextvars import ContextVar
from uuid import UUID

from runners.host import RunHost
from runners.places import current_place

current_host: ContextVar[RunHost] = ContextVar("current_host")


async def execute_run(tenant_id: str, run_id: str) -> str:
    """Go on with a run. Safe to call twice, late, or for a run that is over; returns what came of it."""
    host, place = current_host.get(), current_place.get()
    return await host.execute(UUID(tenant_id), UUID(run_id), place.leave)

"""The tenant's schedules and when they fire next, for the API and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.language.schedules import next_fires, zone
from engine.store.access import schedules
from engine.store.session import Database, Scope

NEXT = 3


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """One schedule. `next` are its next moments by its own clock; none when it rests, for which `fault` may say why."""

    workflow: str
    name: str
    cron: str
    timezone: str
    overlap: str
    catch_up: int
    next: tuple[datetime, ...]
    last_at: datetime | None
    last_run_id: str | None
    fault: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, times in ISO 8601."""
        shown = {name: getattr(self, name) for name in self.__slots__}
        times = {"next": [t.isoformat() for t in self.next], "last_at": self.last_at and self.last_at.isoformat()}
        return shown | times


async def listing(db: Database, scope: Scope, workflow: str | None = None) -> list[ScheduleLine]:
    """Those of published workflows, the soonest first; `workflow` names one."""
    async with db.transaction(scope) as tx:
        return [_line(found) for found in await schedules.listing(tx, workflow)]


def _line(found: schedules.Listed) -> ScheduleLine:
    row = found.row
    upcoming: tuple[datetime, ...] = ()
    if found.is_live and row.next_at is not None:
        start = row.next_at - timedelta(microseconds=1)
        clock = zone(row.timezone)
        upcoming = tuple(m.astimezone(clock) for m in next_fires(row.cron, row.timezone, start, NEXT))
    return ScheduleLine(
        workflow=found.workflow,
        name=row.key,
        cron=row.cron,
        timezone=row.timezone,
        overlap=row.overlap,
        catch_up=row.catch_up,
        next=upcoming,
        last_at=row.last_at,
        last_run_id=str(row.last_run_id) if row.last_run_id else None,
        fault=row.fault if found.is_live else "the workflow is archived",
    )

"""What starts runs of published workflows besides calls: schedules and events."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from engine.store.tables.base import TenantRow, json_column, moment, row_id, tenant_key, timestamp


class Schedule(TenantRow, table=True):
    """A schedule of a published workflow. All times are by the database's clock.

    `next_at` is the moment that comes next, `look_at` when a scheduler looks at the row: the same, unless the run
    before is being waited for. Both are None when there is no next moment; `fault` says why where that was not meant.
    """

    __tablename__ = "schedules"
    schedule_id: UUID = row_id()
    workflow_id: UUID
    key: str  # names it among the workflow's triggers, from version to version
    cron: str
    timezone: str
    input: dict[str, Any] = json_column(default=dict)
    tells_time: bool = True  # whether `scheduled_at` is put into the run's input
    overlap: str = "skip"  # skip | queue
    catch_up: int = 1
    next_at: datetime | None = moment()
    look_at: datetime | None = moment()
    last_at: datetime | None = moment()  # the last moment that started a run
    last_run_id: UUID | None = None
    fault: str | None = None
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.UniqueConstraint("tenant_id", "workflow_id", "key"),
        tenant_key("workflow_id", "workflows.workflow_id", ondelete="CASCADE"),
        sa.CheckConstraint("overlap IN ('skip', 'queue')", name="schedules_overlap"),
        sa.Index("schedules_due", "look_at", postgresql_where=sa.text("look_at IS NOT NULL")),
    )

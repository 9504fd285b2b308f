"""Runs, their journal, and conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from engine.store.tables.base import TenantRow, json_column, moment, row_id, tenant_key, timestamp


class RunRow(TenantRow, table=True):
    """One execution of a definition. `epoch` counts leases; a write with an older epoch is refused (guides: fencing).

    `bindings` maps the name of a called workflow to the hash of the definition that this run pinned for it.
    `progress_epoch` is the last lease in which a journal record was written: a run whose epoch runs away from it stops
    its workers. `origin_run_id` is the first of the runs that this one goes on from, `part` an
    engine.execution.context.RunPart as far as it says something.
    """

    __tablename__ = "runs"
    run_id: UUID = row_id()
    workflow_id: UUID | None = None  # None: a run of a file
    workflow_name: str
    version_number: int | None = None  # None: a draft or a file
    definition_hash: str
    trigger: str  # manual | chat | webhook | api | cli | schedule | event | form | workflow
    status: str = "queued"
    input: dict[str, Any] = json_column(default=dict)
    output: Any = json_column(nullable=True)
    error: dict[str, Any] | None = json_column(nullable=True)
    bindings: dict[str, str] = json_column(default=dict)
    conversation_id: UUID | None = None
    origin_run_id: UUID | None = None
    part: dict[str, Any] = json_column(default=dict)
    idempotency_key: str | None = None
    created_by: UUID | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = moment()
    epoch: int = 0
    progress_epoch: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    wake_at: datetime | None = moment()
    cancel_requested: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd_micros: int = Field(default=0, sa_type=sa.BigInteger)
    steps: int = 0
    created_at: datetime = timestamp()
    started_at: datetime | None = moment()
    ended_at: datetime | None = moment()
    __table_args__: Any = (
        tenant_key("definition_hash", "definitions.hash"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
        sa.Index("runs_recent", "tenant_id", sa.text("created_at DESC")),
        sa.Index("runs_of_workflow", "tenant_id", "workflow_name", sa.text("created_at DESC")),
        sa.Index("runs_of_trigger", "tenant_id", "trigger", sa.text("created_at DESC")),
        sa.Index(  # nearly all runs succeed: the newest of those are found without an index, and need none written
            "runs_of_status",
            "tenant_id",
            "status",
            sa.text("created_at DESC"),
            postgresql_where=sa.text("status <> 'succeeded'"),
        ),
        sa.Index(  # nearly all runs end soon after they began, and are found by when that was
            "runs_that_took_long",
            "tenant_id",
            "ended_at",
            postgresql_where=sa.text("NOT (ended_at - created_at BETWEEN interval '0' AND interval '10 minutes')"),
        ),
        sa.Index("runs_of_origin", "tenant_id", "origin_run_id", postgresql_where=sa.text("origin_run_id IS NOT NULL")),
        sa.Index(
            "runs_due",
            "status",
            "lease_until",
            "wake_at",
            postgresql_where=sa.text("status IN ('queued', 'running', 'suspended')"),
        ),
    )


class StepRow(TenantRow, table=True):
    """A journal record (engine.execution.ports.StepRecord).

    Without foreign keys: one is looked up for each row, and a run writes many. Who writes a record holds the run's row;
    a trigger deletes the records with the run.
    """

    __tablename__ = "steps"
    tenant_id: UUID = Field(primary_key=True)
    run_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    path: str
    node_type: str
    iteration: int = 0
    attempt: int = 1
    status: str
    input: Any = json_column(nullable=True)
    outcome: dict[str, Any] = json_column(default=dict)
    started_at: datetime | None = moment()
    duration_ms: int = 0
    model: str | None = None
    tier: str | None = None
    reason: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd_micros: int = Field(default=0, sa_type=sa.BigInteger)


class RunWait(TenantRow, table=True):
    """What a suspended step waits for, as long as `closed_at` is null; `data` is for people.

    `closed_by` is the id of the signal that ended it, "time", "dropped" when the run went on without the step, or the
    status with which the run ended.
    """

    __tablename__ = "run_waits"
    run_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    path: str
    iteration: int
    reason: str  # wait | event | approval | form | choice | handoff
    signal: str | None = None
    until: datetime | None = moment()
    data: dict[str, Any] = json_column(default=dict)
    created_at: datetime = timestamp()
    closed_at: datetime | None = moment()
    closed_by: str | None = None
    __table_args__: Any = (
        tenant_key("run_id", "runs.run_id", ondelete="CASCADE"),
        sa.Index("run_waits_open", "tenant_id", "reason", "created_at", postgresql_where=sa.text("closed_at IS NULL")),
        sa.Index("run_waits_signal", "tenant_id", "signal", postgresql_where=sa.text("closed_at IS NULL")),
    )


class RunSignal(TenantRow, table=True):
    """Something that a suspended run waits for: an approval, an event. Kept, so that it may come early."""

    __tablename__ = "run_signals"
    run_id: UUID = Field(primary_key=True)
    signal_id: UUID = row_id()
    name: str
    data: dict[str, Any] = json_column(default=dict)
    created_at: datetime = timestamp()
    __table_args__: Any = (tenant_key("run_id", "runs.run_id", ondelete="CASCADE"),)


class Conversation(TenantRow, table=True):
    """A chat: the studio's preview, a published chat page, or the API."""

    __tablename__ = "conversations"
    conversation_id: UUID = row_id()
    workflow_name: str
    channel: str  # preview | chat | api
    visitor_hash: str | None = None  # sha256 of the visitor's token: who may go on with it
    created_at: datetime = timestamp()


class Message(TenantRow, table=True):
    """One message of a conversation."""

    __tablename__ = "messages"
    conversation_id: UUID = Field(primary_key=True)
    message_id: UUID = row_id()
    role: str  # user | assistant
    content: str
    run_id: UUID | None = None
    created_at: datetime = timestamp()
    __table_args__: Any = (tenant_key("conversation_id", "conversations.conversation_id", ondelete="CASCADE"),)

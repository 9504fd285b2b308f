"""Events for others: the outbox, who listens, what is on its way, and what could not be delivered."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from engine.store.tables.base import TenantRow, json_column, moment, row_id, tenant_key, timestamp


def _number() -> Any:
    """A number that the database counts up, in the order of writing."""
    return Field(default=None, sa_type=sa.BigInteger, sa_column_args=(sa.Identity(always=True),), nullable=False)


class OutboxEvent(TenantRow, table=True):
    """Something that happened, written in the transaction in which it happened.

    `source` is system (written by triggers of the database: usage_metered, router_decision, tool_call, agent_run,
    audit_log) or tenant (an `event` node, the API). `dispatched_at` says when it was handed to those who listen.
    """

    __tablename__ = "outbox"
    event_id: UUID = Field(primary_key=True)
    seq: int = _number()
    run_id: UUID | None = None
    topic: str
    source: str
    payload: dict[str, Any] = json_column(default=dict)
    created_at: datetime = Field(
        default=None,
        sa_type=sa.DateTime(timezone=True),
        sa_column_kwargs={"server_default": sa.func.clock_timestamp()},
        nullable=False,
    )
    dispatched_at: datetime | None = moment()
    __table_args__: Any = (
        sa.CheckConstraint("source IN ('system', 'tenant')", name="outbox_source"),
        sa.Index("outbox_waiting", "seq", postgresql_where=sa.text("dispatched_at IS NULL")),
        sa.Index("outbox_recent", "tenant_id", "seq"),
        sa.Index("outbox_age", "created_at", postgresql_using="brin"),
    )


class Subscription(TenantRow, table=True):
    """An address of the tenant's that gets events. `topics`: names, "prefix.*", or "*" for all."""

    __tablename__ = "subscriptions"
    subscription_id: UUID = row_id()
    url: str
    topics: list[str] = json_column(default=list)
    description: str = ""
    secret_sealed: bytes | None = None  # the signing secret (Standard Webhooks)
    enabled: bool = True
    fault: str | None = None  # why it was switched off, where nobody did it
    created_at: datetime = timestamp()
    created_by: UUID | None = None
    last_success_at: datetime | None = moment()
    last_failure_at: datetime | None = moment()
    last_error: str | None = None


class EventTrigger(TenantRow, table=True):
    """A published workflow that starts when an event of a topic comes, if `filter` lets it."""

    __tablename__ = "event_triggers"
    trigger_id: UUID = row_id()
    workflow_id: UUID
    key: str  # names it among the workflow's triggers, from version to version
    topic: str
    filter: str | None = None
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.UniqueConstraint("tenant_id", "workflow_id", "key"),
        sa.Index("event_triggers_topic", "tenant_id", "topic"),
        tenant_key("workflow_id", "workflows.workflow_id", ondelete="CASCADE"),
    )


class Delivery(TenantRow, table=True):
    """One event on its way to one listener; gone once it has arrived.

    Those with the same target and `order_key` (the run, or the event itself without one) arrive in their order.
    """

    __tablename__ = "deliveries"
    delivery_id: int = Field(
        default=None, primary_key=True, sa_type=sa.BigInteger, sa_column_args=(sa.Identity(always=True),)
    )
    consumer: str  # webhook | trigger
    target_id: UUID  # a subscription or an event trigger
    event_id: UUID
    order_key: UUID
    attempts: int = 0
    next_at: datetime = Field(sa_type=sa.DateTime(timezone=True), nullable=False)
    last_error: str | None = None
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.CheckConstraint("consumer IN ('webhook', 'trigger')", name="deliveries_consumer"),
        sa.Index("deliveries_due", "tenant_id", "target_id", "next_at", "delivery_id"),
        sa.Index("deliveries_order", "tenant_id", "target_id", "order_key", "delivery_id"),
        sa.Index("deliveries_event", "tenant_id", "event_id"),
    )


class DeadLetter(TenantRow, table=True):
    """An event that could not be delivered, with why; kept for some weeks, to be sent again by hand.

    `consumer` is webhook, trigger, or dispatch for one that could not even be handed out.
    """

    __tablename__ = "dead_letters"
    dead_letter_id: UUID = row_id()
    consumer: str
    target_id: UUID | None = None
    event_id: UUID
    run_id: UUID | None = None
    topic: str
    payload: dict[str, Any] = json_column(default=dict)
    event_at: datetime = Field(sa_type=sa.DateTime(timezone=True), nullable=False)
    attempts: int = 0
    error: str
    created_at: datetime = timestamp()
    __table_args__: Any = (sa.Index("dead_letters_recent", "tenant_id", sa.text("created_at DESC")),)


class UsageCounter(TenantRow, table=True):
    """What a tenant used on a day (UTC): tokens_in, tokens_out, model_calls, tool_calls, runs, cost_usd_micros."""

    __tablename__ = "usage_counters"
    day: date = Field(primary_key=True)
    usage_type: str = Field(primary_key=True)
    quantity: int = Field(default=0, sa_type=sa.BigInteger)

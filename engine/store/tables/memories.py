"""What runs remember beyond themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from engine.store.tables.base import TenantRow, moment, timestamp


class Memory(TenantRow, table=True):
    """One entry under a place (scope, owner, key); `entry_id` orders the entries of a place.

    A row without a value (null in SQL, not in JSON) is one that was cleared, replaced, or dropped over the limit: its
    idempotency key is kept for a while, so that a late repetition of its write changes nothing.
    """

    __tablename__ = "memories"
    entry_id: int = Field(sa_type=sa.BigInteger, sa_column_args=(sa.Identity(always=True),), primary_key=True)
    scope: str  # run | conversation | customer | tenant
    owner: str
    key: str
    value: Any = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    expires_at: datetime | None = moment()
    idempotency_key: str
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
        sa.CheckConstraint("scope IN ('run', 'conversation', 'customer', 'tenant')", name="memories_scope"),
        sa.Index("memories_place", "tenant_id", "scope", "owner", "key", "entry_id"),
        sa.Index("memories_expired", "tenant_id", "expires_at", postgresql_where=sa.text("expires_at IS NOT NULL")),
    )

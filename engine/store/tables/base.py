"""Columns that tables share. Every tenant's row has the key (tenant_id, <own id>), so no reference crosses tenants."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel
from uuid6 import uuid7


class TenantRow(SQLModel):
    """Base of every row that belongs to a tenant; row-level security hangs on `tenant_id`."""

    tenant_id: UUID = Field(primary_key=True, foreign_key="tenants.tenant_id", ondelete="CASCADE")


def row_id() -> Any:
    """Primary key made by us: time-ordered, so that pages of an index stay together."""
    return Field(default_factory=uuid7, primary_key=True)


def timestamp(**kwargs: Any) -> Any:
    """A `timestamptz` that the database sets when the row is written."""
    return Field(
        default=None,
        sa_type=sa.DateTime(timezone=True),
        sa_column_kwargs={"server_default": sa.func.now()},
        nullable=False,
        **kwargs,
    )


def moment() -> Any:
    """An optional `timestamptz`."""
    return Field(default=None, sa_type=sa.DateTime(timezone=True), nullable=True)


def json_column(*, nullable: bool = False, default: Any = None) -> Any:
    """A JSONB column; pass `default=dict` or `default=list` for one that is never null."""
    factory = {"default_factory": default} if default else {"default": None}
    return Field(sa_type=JSONB, nullable=nullable, **factory)


def tenant_key(column: str, target: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    """Foreign key (tenant_id, column) -> target table's (tenant_id, column); `target` is "table.column"."""
    table, key = target.split(".")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.{key}"], ondelete=ondelete)


__all__ = ["TenantRow", "datetime", "json_column", "moment", "row_id", "tenant_key", "timestamp"]

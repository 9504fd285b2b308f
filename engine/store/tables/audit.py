"""Who changed what: a chain of hashes for each tenant, so that a changed past is noticed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from engine.store.tables.base import TenantRow, json_column


class AuditEntry(TenantRow, table=True):
    """One deed. `hash` covers the entry and the hash before it; `heddle_audit` alone writes entries."""

    __tablename__ = "audit_log"
    number: int = Field(primary_key=True, sa_type=sa.BigInteger)  # counts from 1 without gaps
    user_id: UUID | None = None  # None: a program, or the house itself
    role: str
    action: str  # such as workflow.publish
    resource_type: str
    resource_id: str
    details: dict[str, Any] = json_column(default=dict)
    created_at: datetime = Field(sa_type=sa.DateTime(timezone=True), nullable=False)
    prev_hash: str
    hash: str


class AuditHead(TenantRow, table=True):
    """The newest entry of a tenant's chain, so that entries missing at its end are noticed as well."""

    __tablename__ = "audit_heads"
    number: int = Field(sa_type=sa.BigInteger)
    hash: str

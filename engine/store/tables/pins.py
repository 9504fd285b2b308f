"""Outputs that people pinned to nodes of their drafts, as test data."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from engine.store.tables.base import TenantRow, json_column, timestamp


class PinRow(TenantRow, table=True):
    """What a node gives in runs of the draft, instead of being run. No part of the workflow's text."""

    __tablename__ = "workflow_pins"
    workflow_id: UUID = Field(primary_key=True)
    node: str = Field(primary_key=True)
    output: Any = json_column(nullable=True)
    pinned_at: datetime = timestamp()
    pinned_by: UUID | None = None
    __table_args__: Any = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "workflow_id"], ["workflows.tenant_id", "workflows.workflow_id"], ondelete="CASCADE"
        ),
    )

"""The tenant's prompt library."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from engine.store.tables.base import TenantRow, timestamp


class PromptVersion(TenantRow, table=True):
    """One version of a prompt, numbered from 1. Immutable: what a workflow pinned stays what it was."""

    __tablename__ = "prompt_versions"
    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    text: str
    system: str | None = None
    note: str = ""
    created_at: datetime = timestamp()
    created_by: UUID | None = None
    __table_args__: Any = (sa.CheckConstraint("version > 0", name="prompt_versions_number"),)

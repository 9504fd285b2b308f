"""What a tenant's assistants may know."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field

from engine.store.tables.base import TenantRow, json_column, row_id, timestamp


class FaqEntry(TenantRow, table=True):
    """A question with its answer; `search` is kept by the database (question weighs more than answer)."""

    __tablename__ = "faq_entries"
    faq_entry_id: UUID = row_id()
    source: str = "help_center"
    category: str = ""
    question: str
    answer: str
    tags: list[str] = json_column(default=list)
    search: Any = Field(
        default=None,
        sa_column=sa.Column(
            TSVECTOR,
            sa.Computed(
                "setweight(to_tsvector('english', question), 'A') || setweight(to_tsvector('english', answer), 'B')",
                persisted=True,
            ),
        ),
    )
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()
    __table_args__: Any = (sa.Index("faq_entries_search", "search", postgresql_using="gin"),)

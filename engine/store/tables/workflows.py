"""Workflows: the draft's text, its immutable versions, and where they are published."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from engine.store.tables.base import TenantRow, json_column, moment, row_id, tenant_key, timestamp


class WorkflowRow(TenantRow, table=True):
    """A workflow and its draft. The text is the truth; name, description and the like are copied from it for lists.

    `revision` counts saves of the draft: a save names the revision it started from, so nobody overwrites unseen work.
    """

    __tablename__ = "workflows"
    workflow_id: UUID = row_id()
    name: str
    description: str = ""
    category: str = ""
    text: str
    layout: dict[str, Any] = json_column(default=dict)  # {"nodes": {name: [x, y]}, ...}
    golden: str | None = None  # the golden set's YAML text
    revision: int = 1
    published_number: int | None = None
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()
    updated_by: UUID | None = None
    archived_at: datetime | None = moment()
    __table_args__: Any = (sa.UniqueConstraint("tenant_id", "name"),)


class DefinitionRow(TenantRow, table=True):
    """A workflow text by its content hash: what versions and runs refer to. Never changed, shared by all."""

    __tablename__ = "definitions"
    hash: str = Field(primary_key=True)  # sha256 of the text, hex
    name: str
    text: str
    created_at: datetime = timestamp()


class WorkflowVersion(TenantRow, table=True):
    """A published version: immutable, numbered from 1."""

    __tablename__ = "workflow_versions"
    workflow_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    hash: str
    version: str  # the file's own semantic version
    layout: dict[str, Any] = json_column(default=dict)
    note: str = ""
    created_at: datetime = timestamp()
    created_by: UUID | None = None
    __table_args__: Any = (
        tenant_key("workflow_id", "workflows.workflow_id", ondelete="CASCADE"),
        tenant_key("hash", "definitions.hash"),
    )


class Endpoint(TenantRow, table=True):
    """An address at which a published workflow answers: /hooks/{tenant}/{path} or /c/{tenant}/{path}."""

    __tablename__ = "endpoints"
    endpoint_id: UUID = row_id()
    kind: str  # webhook | chat | api
    path: str
    workflow_id: UUID
    config: dict[str, Any] = json_column(default=dict)  # the trigger's config
    token_hash: str | None = None  # of the bearer token, where auth is "token"
    secret_sealed: bytes | None = None  # of the signing secret, where auth is "hmac"
    enabled: bool = True
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.UniqueConstraint("tenant_id", "kind", "path"),
        tenant_key("workflow_id", "workflows.workflow_id", ondelete="CASCADE"),
    )

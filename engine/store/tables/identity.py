"""Tenants, people, their roles, and what lets them in."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from engine.store.tables.base import TenantRow, json_column, moment, row_id, tenant_key, timestamp


class Tenant(SQLModel, table=True):
    """The unit of isolation. `slug` stands in public addresses (/hooks/{slug}/...)."""

    __tablename__ = "tenants"
    tenant_id: UUID = row_id()
    slug: str = Field(unique=True)
    name: str
    status: str = "active"  # active | suspended | cancelled
    created_at: datetime = timestamp()


class User(SQLModel, table=True):
    """A person; the same person may be a member of several tenants. Row-level security goes through `members`."""

    __tablename__ = "users"
    user_id: UUID = row_id()
    email: str = Field(unique=True)  # lower case
    name: str
    password_hash: str
    created_at: datetime = timestamp()
    disabled_at: datetime | None = moment()


class Member(TenantRow, table=True):
    """A user with a role in a tenant: admin, agent or viewer."""

    __tablename__ = "members"
    user_id: UUID = Field(primary_key=True, foreign_key="users.user_id", ondelete="CASCADE")
    role: str
    created_at: datetime = timestamp()


class Session(TenantRow, table=True):
    """A signed-in browser. Only the sha256 of the cookie's token is kept."""

    __tablename__ = "sessions"
    token_hash: str = Field(primary_key=True)
    user_id: UUID
    created_at: datetime = timestamp()
    expires_at: datetime = Field(sa_type=sa.DateTime(timezone=True))
    __table_args__ = (tenant_key("user_id", "members.user_id", ondelete="CASCADE"),)


class ApiKey(TenantRow, table=True):
    """A key for programs. Only its sha256 is kept; `prefix` is what people see."""

    __tablename__ = "api_keys"
    api_key_id: UUID = row_id()
    name: str
    prefix: str
    key_hash: str = Field(unique=True)
    scopes: list[str] = json_column(default=list)
    created_by: UUID | None = None
    created_at: datetime = timestamp()
    last_used_at: datetime | None = moment()
    expires_at: datetime | None = moment()
    revoked_at: datetime | None = moment()


class Credential(TenantRow, table=True):
    """A tenant's secret, sealed with the tenant's data key (engine/store/vault.py)."""

    __tablename__ = "credentials"
    credential_id: UUID = row_id()
    name: str
    kind: str  # model:openai, http_bearer, ...
    sealed: bytes
    hint: str = ""  # the last characters, for people
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()
    __table_args__: Any = (sa.UniqueConstraint("tenant_id", "name"),)


class DataKey(TenantRow, table=True):
    """The tenant's data key, sealed with the installation's master key."""

    __tablename__ = "data_keys"
    version: int = Field(primary_key=True)
    sealed: bytes
    created_at: datetime = timestamp()

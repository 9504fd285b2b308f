"""The record of who changed what. Entries are added and read; nobody can change one without it being noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlmodel import col, select

from engine.store.session import Tx
from engine.store.tables.audit import AuditEntry

Json = Any
_WRITE = sa.text("SELECT heddle_audit(:user_id, :role, :action, :type, :id, CAST(:details AS jsonb))")


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry that is not as it was written, and what is wrong with it."""

    number: int
    fault: str


async def record(
    tx: Tx, action: str, resource_type: str, resource_id: object, details: Mapping[str, Json] | None = None
) -> None:
    """Write what is done in this transaction; it stands when the transaction commits. No secrets in `details`.

    Entries of a tenant are written one after the other: call it last in the transaction.
    """
    values = {
        "user_id": tx.scope.user_id,
        "role": tx.scope.role,
        "action": action,
        "type": resource_type,
        "id": str(resource_id),
        "details": orjson.dumps(dict(details or {}), default=str).decode(),
    }
    await tx.session.execute(_WRITE, values)


async def entries(tx: Tx, *, before: int | None = None, limit: int = 50) -> Sequence[AuditEntry]:
    """The tenant's entries, newest first; `before` is the number of the last one that was seen."""
    query = select(AuditEntry).order_by(col(AuditEntry.number).desc()).limit(max(1, min(limit, 200)))
    if before is not None:
        query = query.where(col(AuditEntry.number) < before)
    return (await tx.session.execute(query)).scalars().all()


async def verify(tx: Tx) -> Fault | None:
    """Check the tenant's whole chain; None when every entry is as it was written."""
    row = (await tx.session.execute(sa.text("SELECT number, fault FROM heddle_audit_verify()"))).one_or_none()
    return None if row is None else Fault(row.number, row.fault)

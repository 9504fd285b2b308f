"""The record of who changed what. Entries are added and read; nobody can change one without it being noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store.access.paging import look_back
from engine.store.session import Tx
from engine.store.tables.audit import AuditEntry, AuditHead

Json = Any
ACTIONS_OF = 2_000  # newest entries whose actions can be chosen among
_WRITE = sa.text("SELECT heddle_audit(:user_id, :role, :action, :type, :id, CAST(:details AS jsonb))")


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry that is not as it was written, and what is wrong with it."""

    number: int
    fault: str


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries are wanted; what is None or empty does not matter. `nobody`: what no person did.

    `since` and `until` are moments with a time zone; what was done at `until` is left out.
    """

    user_id: UUID | None = None
    nobody: bool = False
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


ANY = Sought()


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


async def entries(
    tx: Tx, *, sought: Sought = ANY, before: int | None = None, limit: int = 50
) -> tuple[Sequence[AuditEntry], int | None]:
    """A page of the tenant's entries, newest first, with the number before which older ones are, None for none.

    A look for rare ones that takes long ends early: the page may then be short, or empty, and has a number anyway.
    """
    number, size = col(AuditEntry.number), max(1, min(limit, 200))
    query = select(AuditEntry)
    if before is not None:
        query = query.where(number < before)
    if sought.until is not None:
        query = query.where(number < await _number_at(tx, sought.until))
    if sought.since is not None:
        query = query.where(number >= await _number_at(tx, sought.since))
    wanted = [AuditEntry.action == sought.action] if sought.action else []
    wanted += [AuditEntry.user_id == sought.user_id] if sought.user_id else []
    wanted += [col(AuditEntry.user_id).is_(None)] if sought.nobody else []  # type: ignore[list-item]
    if wanted:
        rows, last = await look_back(tx, query, [number], sa.and_(*wanted), size)  # type: ignore[arg-type]
        return rows, None if last is None else last[0]
    found = (await tx.session.execute(query.order_by(number.desc()).limit(size + 1))).scalars().all()
    return found[:size], found[size - 1].number if len(found) > size else None


async def _number_at(tx: Tx, moment: datetime) -> int:
    """The number from which on entries were written at that moment or later: they stand in the order of time, so
    halving finds it by the key alone."""
    newest = (await tx.session.execute(sa.select(sa.func.max(AuditEntry.number)))).scalar() or 0
    low, high = 1, newest + 1
    while low < high:
        middle = (low + high) // 2
        query = select(AuditEntry.created_at).where(col(AuditEntry.number) >= middle).order_by(col(AuditEntry.number))
        found = (await tx.session.execute(query.limit(1))).scalar_one()
        low, high = (low, middle) if found >= moment else (middle + 1, high)
    return low


async def actions(tx: Tx) -> Sequence[str]:
    """What was done in the tenant's newest entries, by name."""
    newest = select(AuditEntry.action).order_by(col(AuditEntry.number).desc()).limit(ACTIONS_OF).subquery()
    return (await tx.session.execute(sa.select(newest.c.action).distinct().order_by(newest.c.action))).scalars().all()


async def entry(tx: Tx, number: int) -> AuditEntry:
    """Raises NotFound."""
    row = await tx.session.get(AuditEntry, (tx.scope.tenant_id, number))
    if row is None:
        raise NotFound("There is no entry of this number.")
    return row


async def written(tx: Tx) -> int:
    """How many entries the tenant's record should have."""
    return (await tx.session.execute(sa.select(sa.func.max(AuditHead.number)))).scalar() or 0


async def verify(tx: Tx) -> Fault | None:
    """Check the tenant's whole chain; None when every entry is as it was written."""
    row = (await tx.session.execute(sa.text("SELECT number, fault FROM heddle_audit_verify()"))).one_or_none()
    return None if row is None else Fault(row.number, row.fault)

"""Leads, escalations and follow-ups: what the tenant's people have to act on.

Everything here is written once per idempotency key: a second call returns the row of the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store.access.commerce import digits, same_phone
from engine.store.access.numbers import next_number
from engine.store.session import Tx
from engine.store.tables.commerce import Escalation, FollowUp, Lead

Json = Any
Row = TypeVar("Row", Lead, Escalation, FollowUp)


async def find_lead(tx: Tx, *, email: str | None, phone: str | None) -> Lead | None:
    """The newest lead with that e-mail address or phone number."""
    matches: list[Any] = []
    if email:
        matches.append(sa.func.lower(Lead.email) == email.strip().lower())
    if phone and digits(phone):
        matches.append(same_phone(Lead.phone, phone))
    if not matches:
        return None
    query = select(Lead).where(col(Lead.tenant_id) == tx.scope.tenant_id, sa.or_(*matches))
    return (await tx.session.execute(query.order_by(col(Lead.created_at).desc()).limit(1))).scalar_one_or_none()


async def get_lead(tx: Tx, number: str) -> Lead:
    """The lead with that number (LEAD-000001); raises NotFound."""
    query = select(Lead).where(col(Lead.tenant_id) == tx.scope.tenant_id, Lead.number == number.strip().upper())
    lead = (await tx.session.execute(query)).scalar_one_or_none()
    if lead is None:
        raise NotFound(f"There is no lead {number!r}.")
    return lead


async def create_lead(tx: Tx, *, idempotency_key: str, **values: Json) -> Lead:
    """Write a lead; `values` are columns of the table."""
    number = await next_number(tx, Lead.number, "LEAD", 6)
    return await _once(tx, Lead(tenant_id=tx.scope.tenant_id, number=number, idempotency_key=idempotency_key, **values))


async def note_on_lead(tx: Tx, lead: Lead, text: str, **more: Json) -> None:
    """Add a dated note; the notes are replaced as a whole, for changes inside a JSON value go unnoticed."""
    lead.notes = [*lead.notes, {"at": datetime.now(UTC).isoformat(timespec="seconds"), "text": text, **more}]
    tx.session.add(lead)
    await tx.session.flush()


async def open_escalation(
    tx: Tx,
    *,
    queue: str,
    priority: str,
    category: str,
    message: str,
    idempotency_key: str,
    customer_ref: str | None = None,
    details: Mapping[str, Json] | None = None,
    run_id: UUID | None = None,
) -> Escalation:
    """Put a matter into a queue of people."""
    row = Escalation(
        tenant_id=tx.scope.tenant_id,
        number=await next_number(tx, Escalation.number, "ESC", 6),
        queue=queue,
        priority=priority,
        category=category,
        customer_ref=customer_ref,
        message=message,
        details=dict(details or {}),
        run_id=run_id,
        idempotency_key=idempotency_key,
    )
    return await _once(tx, row)


async def resolve_escalation(tx: Tx, number: str, note: str | None) -> Escalation:
    """Nothing is to be done any more; one that is resolved stays as it is. Raises NotFound."""
    query = select(Escalation).where(col(Escalation.tenant_id) == tx.scope.tenant_id, Escalation.number == number)
    row = (await tx.session.execute(query.with_for_update())).scalar_one_or_none()
    if row is None:
        raise NotFound(f"There is no escalation {number!r}.")
    if row.status != "resolved":
        row.status = "resolved"
        row.details = {**row.details, "resolution": note} if note else row.details
        tx.session.add(row)
        await tx.session.flush()
    return row


async def plan_follow_up(
    tx: Tx,
    *,
    kind: str,
    due_on: date,
    idempotency_key: str,
    subject_ref: str | None = None,
    customer_ref: str | None = None,
    run_id: UUID | None = None,
) -> FollowUp:
    """Promise to come back to somebody on that day."""
    row = FollowUp(
        tenant_id=tx.scope.tenant_id,
        number=await next_number(tx, FollowUp.number, "FUP", 6),
        kind=kind,
        subject_ref=subject_ref,
        customer_ref=customer_ref,
        due_on=due_on,
        run_id=run_id,
        idempotency_key=idempotency_key,
    )
    return await _once(tx, row)


async def list_escalations(tx: Tx, *, status: str | None = None, limit: int = 100) -> Sequence[Escalation]:
    """The newest escalations."""
    query = select(Escalation).where(col(Escalation.tenant_id) == tx.scope.tenant_id)
    if status:
        query = query.where(Escalation.status == status)
    return (await tx.session.execute(query.order_by(col(Escalation.number).desc()).limit(limit))).scalars().all()


async def _once(tx: Tx, row: Row) -> Row:
    """Keep the row, or give the one that was kept under its key before.

    The lock that `next_number` took lets nobody in between the look and the write.
    """
    table: Any = type(row)
    query = sa.select(table).where(table.tenant_id == tx.scope.tenant_id, table.idempotency_key == row.idempotency_key)
    known: Row | None = (await tx.session.execute(query)).scalar_one_or_none()
    if known is not None:
        return known
    tx.session.add(row)
    await tx.session.flush()
    return row

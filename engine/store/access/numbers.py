"""Numbers that people say: CUS-0001, LEAD-000001, ORD-10000001. Counted per tenant, without gaps that matter."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.store.session import Tx

_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


async def next_number(tx: Tx, column: Any, prefix: str, digits: int, first: int = 1) -> str:
    """The number after the tenant's highest in `column`, e.g. "LEAD-000042".

    Whoever asks for the same kind of number waits until this transaction ends, so no two get the same one.
    """
    await lock(tx, prefix)
    tail = sa.func.max(sa.cast(sa.func.substr(column, len(prefix) + 2), sa.BigInteger))
    own = sa.and_(column.class_.tenant_id == tx.scope.tenant_id, column.op("~")(f"^{prefix}-[0-9]+$"))
    highest = (await tx.session.execute(sa.select(tail).where(own))).scalar_one()
    return f"{prefix}-{max(highest + 1 if highest else first, first):0{digits}d}"


async def lock(tx: Tx, kind: str) -> None:
    """Let one transaction of the tenant at a time pass, per kind; released at its end."""
    await tx.session.execute(_LOCK, {"name": f"{tx.scope.tenant_id}:{kind}"})

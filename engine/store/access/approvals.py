"""What suspended runs ask people, and their answers: the first one that fits counts.

Answering locks the run's row, so of two people who answer at once one is told that it is too late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from engine.errors import Conflict, Forbidden, InputError, NotFound
from engine.execution.questions import faults
from engine.store.access import runs
from engine.store.session import Tx
from engine.store.tables.runs import RunSignal, RunWait

Json = Any
REASONS = ("approval", "form", "choice")


async def list_open(tx: Tx, limit: int = 200) -> Sequence[RunWait]:
    """What the tenant's people are asked now, the oldest first."""
    return await runs.list_waits(tx, reasons=REASONS, limit=limit)


async def get(tx: Tx, run_id: UUID, seq: int) -> RunWait:
    """Raises NotFound, also for another tenant's, and for a wait that no person ends."""
    row = await tx.session.get(RunWait, (tx.scope.tenant_id, run_id, seq))
    if row is None or row.reason not in REASONS:
        raise NotFound("There is no such question.")
    return row


async def answer(tx: Tx, run_id: UUID, seq: int, given: Mapping[str, Json], email: str | None) -> bool:
    """Keep a person's answer {hash, decision, values?, comment?}; returns whether a worker has to be woken.

    `email` is the member's; None for a program, which may answer what is assigned to its role, or to nobody. The same
    answer by the same person again changes nothing. Raises NotFound, Forbidden, InputError for an answer that does not
    fit, Conflict when it was answered, the run is over, or what is asked has changed.
    """
    wait = await get(tx, run_id, seq)
    if not _may_answer(wait.data["assignees"], tx.scope.role, email):
        raise Forbidden("This question is for somebody else.")
    if given.get("hash") != wait.data["hash"]:
        raise Conflict("What you were asked has changed: look at it again.", hash=wait.data["hash"])
    wrong = faults(wait.data, given)
    if wrong:
        raise InputError(f"The answer does not fit: {'; '.join(wrong)}.")
    signal = {**given, "by": email or tx.scope.role}
    await runs.locked(tx, run_id)
    assert wait.signal is not None
    before = await _answered(tx, wait)
    if before is not None:
        if before == signal:
            return False
        raise Conflict("This has been answered already.", by=before.get("by"), decision=before.get("decision"))
    await tx.session.refresh(wait)
    if wait.closed_at is not None:
        raise Conflict("This is no longer asked.", closed_by=wait.closed_by)
    return await runs.add_signal(tx, run_id, wait.signal, signal)


async def _answered(tx: Tx, wait: RunWait) -> Mapping[str, Json] | None:
    """The answer that was given to exactly this."""
    query = select(RunSignal).where(RunSignal.run_id == wait.run_id, RunSignal.name == wait.signal)
    rows = (await tx.session.execute(query.order_by(col(RunSignal.created_at)))).scalars().all()
    return next((row.data for row in rows if row.data.get("hash") == wait.data["hash"]), None)


def _may_answer(assignees: Sequence[str], role: str, email: str | None) -> bool:
    """Whether somebody with this role and address is among the assignees; an admin may answer for a role."""
    if not assignees or (email is not None and email.casefold() in {one.casefold() for one in assignees}):
        return True
    roles = {one.removeprefix("role:") for one in assignees if one.startswith("role:")}
    return role in roles or (role == "admin" and bool(roles))

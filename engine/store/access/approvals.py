"""What suspended runs ask people, and their answers: the first one that fits counts.

Answering locks the run's row, so of two people who answer at once one is told that it is too late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import Conflict, Forbidden, InputError, NotFound
from engine.execution.questions import faults
from engine.store.access import audit, runs
from engine.store.session import Tx
from engine.store.tables.runs import RunRow, RunSignal, RunWait

Json = Any
REASONS = ("approval", "form", "choice", "handoff")
_MESSAGE_SHOWN = 300  # characters, in a list


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question as a list shows it: without the details and the form, which may be large."""

    run_id: UUID
    seq: int
    path: str
    iteration: int
    mode: str
    message: str
    assignees: Sequence[str]
    asked_at: datetime
    until: datetime | None
    workflow_name: str


async def list_open(tx: Tx, limit: int = 200) -> Sequence[RunWait]:
    """What the tenant's people are asked now, the oldest first."""
    query = select(RunWait).where(*_is_open()).order_by(col(RunWait.created_at)).limit(limit)
    return (await tx.session.execute(query)).scalars().all()


async def lines(tx: Tx, run_id: UUID | None = None, limit: int = 1000) -> list[OpenQuestion]:
    """The same in short, of the tenant or of one run."""
    query = (
        sa.select(
            col(RunWait.run_id),
            col(RunWait.seq),
            col(RunWait.path),
            col(RunWait.iteration),
            col(RunWait.reason),
            sa.func.left(_told("message").astext, _MESSAGE_SHOWN),
            _told("assignees"),
            col(RunWait.created_at),
            col(RunWait.until),
            col(RunRow.workflow_name),
        )
        .join(RunRow, col(RunRow.run_id) == col(RunWait.run_id))
        .where(*_is_open())
        .order_by(col(RunWait.created_at))
        .limit(limit)
    )
    if run_id is not None:
        query = query.where(col(RunWait.run_id) == run_id)
    return [OpenQuestion(*row) for row in (await tx.session.execute(query)).all()]


async def count_for(tx: Tx, email: str | None, limit: int = 1000) -> int:
    """How many of the open questions this scope may answer."""
    query = sa.select(_told("assignees")).select_from(RunWait).where(*_is_open()).limit(limit)
    found = (await tx.session.execute(query)).scalars()
    return sum(may_answer(assignees, tx.scope.role, email) for assignees in found)


async def get(tx: Tx, run_id: UUID, seq: int) -> RunWait:
    """Raises NotFound, also for another tenant's, and for a wait that no person ends."""
    row = await tx.session.get(RunWait, (tx.scope.tenant_id, run_id, seq))
    if row is None or row.reason not in REASONS:
        raise NotFound("There is no such question.")
    return row


async def answer(tx: Tx, run_id: UUID, seq: int, given: Mapping[str, Json], email: str | None) -> bool:
    """Keep a person's answer {hash, decision, values?, comment?}; returns whether a worker has to be woken.

    `email` is the member's; None for a program, which may answer what is assigned to its role, or to nobody. The same
    answer by the same person again changes nothing. Who decided what is in the audit log.

    Raises NotFound, Forbidden, InputError for an answer that does not fit, Conflict when it was answered, the run is
    over, or what is asked has changed.
    """
    wait = await get(tx, run_id, seq)
    if not may_answer(wait.data["assignees"], tx.scope.role, email):
        raise Forbidden("This question is for somebody else.")
    if given.get("hash") != wait.data["hash"]:
        raise Conflict("What you were asked has changed: look at it again.", hash=wait.data["hash"])
    wrong = faults(wait.data, given)
    if wrong:
        raise InputError(f"The answer does not fit: {'; '.join(wrong)}.")
    signal = {**given, "by": email or tx.scope.role}
    await runs.locked(tx, run_id)
    assert wait.signal is not None
    before = await answered(tx, wait)
    if before is not None:
        if before.data == signal:
            return False
        raise Conflict(
            "This has been answered already.", by=before.data.get("by"), decision=before.data.get("decision")
        )
    await tx.session.refresh(wait)
    if wait.closed_at is not None:
        raise Conflict("This is no longer asked.", closed_by=wait.closed_by)
    woken = await runs.add_signal(tx, run_id, wait.signal, signal)
    told = {"step": wait.path, "decision": given["decision"], "hash": wait.data["hash"]}
    await audit.record(tx, "approval.answer", "run", run_id, told | _tool_of(wait))
    return woken


async def answered(tx: Tx, wait: RunWait) -> RunSignal | None:
    """The answer that was given to exactly this."""
    query = select(RunSignal).where(RunSignal.run_id == wait.run_id, RunSignal.name == wait.signal)
    rows = (await tx.session.execute(query.order_by(col(RunSignal.created_at)))).scalars().all()
    return next((row for row in rows if row.data.get("hash") == wait.data["hash"]), None)


def _tool_of(wait: RunWait) -> dict[str, Json]:
    """The tool that an agent asks to call."""
    tool = wait.data.get("tool")
    return {"tool": tool["name"]} if tool else {}


def may_answer(assignees: Sequence[str], role: str, email: str | None) -> bool:
    """Whether somebody with this role and address is among the assignees; an admin may answer for a role."""
    if not assignees or (email is not None and email.casefold() in {one.casefold() for one in assignees}):
        return True
    roles = {one.removeprefix("role:") for one in assignees if one.startswith("role:")}
    return role in roles or (role == "admin" and bool(roles))


def _is_open() -> tuple[sa.ColumnElement[bool], ...]:
    """Still asked: neither closed nor answered, for a run may need a while until it goes on with its answer."""
    given = sa.exists().where(
        col(RunSignal.run_id) == col(RunWait.run_id),
        col(RunSignal.name) == col(RunWait.signal),
        col(RunSignal.data)["hash"].astext == _told("hash").astext,
    )
    return col(RunWait.closed_at).is_(None), col(RunWait.reason).in_(REASONS), ~given


def _told(name: str) -> Any:
    data: Any = col(RunWait.data)
    return data[name]

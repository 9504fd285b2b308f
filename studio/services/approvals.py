"""What people are asked by suspended runs, and answering it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.store.access import approvals, identity
from engine.store.session import Database, Scope, Tx
from engine.store.tables.runs import RunWait
from runners.client import RunClient

Json = Any
Key = tuple[UUID, int]  # the run, and the question's number in it


async def questions(db: Database, scope: Scope) -> list[dict[str, Json]]:
    """What is open in the tenant, the oldest first."""
    async with db.transaction(scope) as tx:
        return [shown(wait) for wait in await approvals.list_open(tx)]


async def question(db: Database, scope: Scope, run_id: UUID, seq: int) -> dict[str, Json]:
    """One question, also one that is closed, with its `answer` {decision, by, at} or null. Raises NotFound.

    One that is answered is open still as long as others of its step are.
    """
    async with db.transaction(scope) as tx:
        wait = await approvals.get(tx, run_id, seq)
        given = await approvals.answered(tx, wait)
    if given is None:
        return {**shown(wait), "answer": None}
    said = {name: given.data.get(name) for name in ("decision", "by")}
    return {**shown(wait), "answer": {**said, "at": given.created_at.isoformat()}}


async def answer(db: Database, client: RunClient, scope: Scope, key: Key, given: Mapping[str, Json]) -> None:
    """Answer in the name of whoever `scope` is. Raises what `approvals.answer` raises."""
    async with db.transaction(scope) as tx:
        woken = await approvals.answer(tx, *key, given, await _email(tx))
    await client.signalled(scope, key[0], woken=woken)


async def _email(tx: Tx) -> str | None:
    if tx.scope.user_id is None:
        return None
    return await identity.email_of(tx, tx.scope.user_id)


def shown(wait: RunWait) -> dict[str, Json]:
    """A question as JSON."""
    return {
        "run_id": str(wait.run_id),
        "seq": wait.seq,
        "path": wait.path,
        **wait.data,
        "asked_at": wait.created_at.isoformat(),
        "until": wait.until.isoformat() if wait.until else None,
        "closed_at": wait.closed_at.isoformat() if wait.closed_at else None,
    }

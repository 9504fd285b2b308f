"""Outputs pinned to nodes of a draft."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from engine.errors import InputError
from engine.store.access.workflows import get_workflow
from engine.store.json_text import json_bytes
from engine.store.session import Tx
from engine.store.tables.pins import PinRow

Json = Any

MOST = 100
MAX_BYTES = 256_000


async def list_pins(tx: Tx, workflow_id: UUID) -> Sequence[PinRow]:
    """The pins of one workflow, by node."""
    query = select(PinRow).where(*_of(tx, workflow_id)).order_by(col(PinRow.node))
    return (await tx.session.execute(query)).scalars().all()


async def outputs(tx: Tx, workflow_id: UUID) -> dict[str, Json]:
    """Node -> pinned output."""
    return {row.node: row.output for row in await list_pins(tx, workflow_id)}


async def pin(tx: Tx, workflow_id: UUID, node: str, output: Json) -> None:
    """Keep an output for a node, over what was pinned before. Raises NotFound; InputError for too much."""
    await get_workflow(tx, workflow_id)
    text = json_bytes(output)
    if len(text) > MAX_BYTES:
        raise InputError(f"Test data may have {MAX_BYTES // 1_000} kB at most.", field="output")
    others = [row for row in await list_pins(tx, workflow_id) if row.node != node]
    if len(others) >= MOST:
        raise InputError(f"A workflow may have {MOST} pinned outputs at most.", field="node")
    row = {
        "tenant_id": tx.scope.tenant_id,
        "workflow_id": workflow_id,
        "node": node,
        "output": json.loads(text),  # as jsonb takes it
        "pinned_by": tx.scope.user_id,
    }
    changed = {"output": row["output"], "pinned_at": sa.func.now(), "pinned_by": tx.scope.user_id}
    await tx.session.execute(
        insert(PinRow)
        .values(row)
        .on_conflict_do_update(index_elements=["tenant_id", "workflow_id", "node"], set_=changed)
    )


async def unpin(tx: Tx, workflow_id: UUID, node: str) -> None:
    """Let the node run again; no fault where nothing is pinned. Raises NotFound."""
    await get_workflow(tx, workflow_id)
    await tx.session.execute(sa.delete(PinRow).where(*_of(tx, workflow_id), col(PinRow.node) == node))


async def rename(tx: Tx, workflow_id: UUID, names: Mapping[str, str]) -> None:
    """Nodes got new names: old -> new."""
    for old, new in names.items():
        await tx.session.execute(sa.delete(PinRow).where(*_of(tx, workflow_id), col(PinRow.node) == new))
        await tx.session.execute(
            sa.update(PinRow).where(*_of(tx, workflow_id), col(PinRow.node) == old).values(node=new)
        )


def _of(tx: Tx, workflow_id: UUID) -> tuple[Any, ...]:
    return col(PinRow.tenant_id) == tx.scope.tenant_id, col(PinRow.workflow_id) == workflow_id

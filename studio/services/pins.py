"""Test data: outputs that people pin to nodes of a draft, taken from a run or written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from engine.errors import InputError, NotFound
from engine.language.document import Document
from engine.store.access import pins, runs, workflows
from engine.store.session import Database, Scope
from studio.services.scope import shortened

Json = Any

_NAME = re.compile(r"[A-Za-z_]\w{0,63}")


def shown(rows: Iterable[Any]) -> dict[str, Json]:
    """Node -> `{"output", "whole", "at"}`; what is large is shortened, and not `whole`."""
    return {row.node: _shown(row) for row in rows}


def _shown(row: Any) -> dict[str, Json]:
    output = shortened(row.output)
    return {"output": output, "whole": output == row.output, "at": row.pinned_at.isoformat()}


async def pin(db: Database, scope: Scope, workflow: str, node: str, output: Json) -> dict[str, Json]:
    """All pins of the workflow after this one. Raises NotFound, also where the draft lacks the node; InputError."""
    if not _NAME.fullmatch(node):
        raise InputError("This is no name of a node.", field="node")
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, workflow)
        draft = Document.parse_cached(row.text).workflow
        if draft is not None and node not in {one.name for one in draft.nodes}:
            raise NotFound(f"There is no node called {node} in the draft.")
        await pins.pin(tx, row.workflow_id, node, output)
        return shown(await pins.list_pins(tx, row.workflow_id))


async def pin_recorded(db: Database, scope: Scope, workflow: str, node: str, run_id: UUID) -> dict[str, Json]:
    """Pin what the node gave in a run, the last time. Raises NotFound, also where it gave nothing there."""
    async with db.transaction(scope) as tx:
        steps = await runs.list_steps(tx, run_id)
    given = [step for step in steps if step.path == node and step.status == "succeeded" and "output" in step.outcome]
    if not given:
        raise NotFound(f"{node} gave nothing in this run.")
    return await pin(db, scope, workflow, node, given[-1].outcome["output"])


async def unpin(db: Database, scope: Scope, workflow: str, node: str) -> dict[str, Json]:
    """The pins that are left. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, workflow)
        await pins.unpin(tx, row.workflow_id, node)
        return shown(await pins.list_pins(tx, row.workflow_id))


def renamed(edits: Iterable[Mapping[str, Json]]) -> dict[str, str]:
    """Old name -> new name, of the nodes that the edits rename."""
    return {str(edit["node"]): str(edit["to"]) for edit in edits if edit.get("op") == "rename_node"}

"""What a step could see when it began: the roots of expressions, folded from the journal as far as that step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from engine.execution.context import RunInfo, RunPart
from engine.execution.machine import apply, initial
from engine.execution.plan import Plan, plan_of
from engine.execution.ports import StepRecord, Tools
from engine.execution.state import State, scope_of
from engine.store.access import runs, workflows
from engine.store.session import Database, Scope

Json = Any


async def scope_before(
    db: Database,
    scope: Scope,
    run_id: UUID,
    path: str,
    iteration: int | None = None,
    *,
    after: bool = False,
    tools: Tools | None = None,
) -> dict[str, Json]:
    """`{"context", "nodes", "inputs", "variables", "run", "tenant", ...}` right before the step began.

    With `after`, right after it ended: what the conditions of its edges read. Without an iteration the last one counts.
    For a step that did not run (yet): what the run's own workflow knows now.
    Raises NotFound, also for another tenant's run; DefinitionError where the stored text can no longer be read.
    """
    async with db.transaction(scope) as tx:
        row = await runs.get_run(tx, run_id)
        records = await runs.journal_of(tx, run_id)
        hashes = {
            row.definition_hash,
            *(r.outcome["then"]["hash"] for r in records if r.outcome["then"]["do"] == "open"),
        }
        texts = {digest: await workflows.get_definition(tx, digest) for digest in hashes}
    plans: dict[str, Plan] = {digest: plan_of(definition, tools) for digest, definition in texts.items()}
    info = RunInfo(row.run_id, scope.tenant_id, row.workflow_name, row.trigger, row.conversation_id)
    start = initial(plans[row.definition_hash], row.input, info.constants, RunPart(**row.part))
    return _seen(start, records, plans, path, iteration, after=after)


def _seen(
    state: State,
    records: Sequence[StepRecord],
    plans: Mapping[str, Plan],
    path: str,
    iteration: int | None,
    *,
    after: bool,
) -> dict[str, Json]:
    found: dict[str, Json] | None = None
    begun: set[int] = set()
    for record in records:
        active = state.active.get((record.path, record.iteration))
        wanted = active is not None and record.path == path and iteration in (None, record.iteration)
        frame = active.frame if active is not None else ""
        if wanted and record.iteration not in begun:
            begun.add(record.iteration)
            found = scope_of(state, state.frames[frame])
        state = apply(state, record, plans)
        if wanted and after and frame in state.frames:
            found = scope_of(state, state.frames[frame])
    return found or _now(state, path, iteration)


def _now(state: State, path: str, iteration: int | None) -> dict[str, Json]:
    for (active_path, active_iteration), active in state.active.items():
        if active_path == path and iteration in (None, active_iteration):
            return scope_of(state, state.frames[active.frame])
    return scope_of(state, state.root)

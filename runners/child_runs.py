"""engine.execution.ports.ChildRuns: a step of a run starts another run, once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from engine.errors import BudgetExceeded, InputError, KeyReused
from engine.execution.events import RunEvent
from engine.execution.plan import plan_of
from engine.execution.ports import ChildRun, Definition, Tools
from engine.execution.schema_check import problems
from engine.store.access import chains, runs, workflows
from engine.store.access.runs import NewRun
from engine.store.leases import Lease
from engine.store.session import Database, Scope, Tx
from engine.store.tables.runs import RunRow
from runners.definitions import RunDefinitions
from runners.live import LiveWriter
from runners.queue import RunQueue, WakeUp

log = logging.getLogger(__name__)


class StartedRuns:
    """Starts runs for the steps of one run. It goes by the same texts as a call: `definitions`."""

    def __init__(
        self, db: Database, lease: Lease, definitions: RunDefinitions, tools: Tools, ways: tuple[RunQueue, LiveWriter]
    ) -> None:
        self._db, self._lease, self._definitions, self._tools = db, lease, definitions, tools
        self._queue, self._live = ways

    async def start(self, child: ChildRun) -> str:
        """Accept the run in one transaction, then wake a worker; without Redis the scheduler does."""
        definition = await self._definitions.load(child.workflow, child.version_range)
        plan = plan_of(definition, self._tools)
        wrong = problems(plan.workflow.inputs, child.input) if plan.workflow.inputs else []
        if wrong:
            raise InputError(f"the input of {plan.name} does not fit: {'; '.join(wrong)}", workflow=plan.name)
        try:
            async with self._db.transaction(Scope(self._lease.tenant_id, None, "system")) as tx:
                row, is_new = await self._accepted(tx, child, definition)
        except KeyReused as error:  # started before, when the step was given something else
            return str(error.details["run_id"])
        if is_new:
            await self._tell(row)
        return str(row.run_id)

    async def _accepted(self, tx: Tx, child: ChildRun, definition: Definition) -> tuple[RunRow, bool]:
        parent: Mapping[str, Any] = self._lease.run
        if await chains.length(tx, self._lease.run_id) >= chains.LONGEST:
            raise BudgetExceeded(f"{chains.LONGEST} runs in a row have started each other", limit="chain")
        version = await workflows.version_with(tx, child.workflow, definition.hash)
        new = NewRun(
            child.workflow,
            definition.hash,
            trigger="workflow",
            input=child.input,
            workflow_id=version.workflow_id if version else None,
            version_number=version.number if version else None,
            # A file calls the files beside it; published versions call what is published when they come to it.
            bindings=parent["bindings"] if version is None else {},
            idempotency_key=chains.step_key(child.idempotency_key),
        )
        return await runs.create_run(tx, new)

    async def _tell(self, row: RunRow) -> None:
        tenant_id, run_id = self._lease.tenant_id, UUID(str(row.run_id))
        self._live.put(tenant_id, RunEvent("run.queued", str(run_id), row.created_at.timestamp()))
        try:
            await self._queue.wake([WakeUp(tenant_id, run_id, row.epoch)])
        except (RedisError, OSError):
            log.warning("run %s: no wake-up was sent, the scheduler will", run_id)

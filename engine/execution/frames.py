"""Calling another workflow: which definition, whether it may be called here, and what its frame is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import BudgetExceeded, DefinitionError, InputError
from engine.execution.context import Ports
from engine.execution.machine import MAX_DEPTH
from engine.execution.node import CallWorkflow
from engine.execution.plan import Plan, plan_of
from engine.execution.ports import StepRecord
from engine.execution.schema_check import problems
from engine.execution.state import Active, State, chain

Json = Any


async def open_frame(state: State, active: Active, call: CallWorkflow, ports: Ports) -> tuple[Plan, dict[str, Json]]:
    """The called workflow's plan and the outcome of the record that opens its frame.

    Raises DefinitionMissing, DefinitionError, BudgetExceeded (too deep, or calling itself), InputError.
    """
    above = [state.frames[path].plan.name for path in reversed(chain(active.frame))]
    if len(above) > MAX_DEPTH:
        raise BudgetExceeded(f"sub-workflows nest deeper than {MAX_DEPTH}", limit="depth", chain=above)
    if call.workflow in above:
        cycle = " -> ".join([*above[above.index(call.workflow) :], call.workflow])
        raise BudgetExceeded(f"the workflow calls itself: {cycle}", limit="recursion", chain=above)
    definition = await ports.definitions.load(call.workflow, call.version_range)
    try:
        plan = plan_of(definition, ports.tools)
    except DefinitionError as err:
        place = {key: err.details.get(key) for key in ("line", "column", "field")}
        message = f"the workflow {call.workflow} cannot run: {err.public_message}"
        raise type(err)(message, workflow=call.workflow, **place) from err
    given: Mapping[str, Json] = call.input if call.input is not None else state.frames[active.frame].context
    found = problems(plan.workflow.inputs, given) if plan.workflow.inputs else []
    if found:
        raise InputError(f"the input of {plan.name} does not fit: {'; '.join(found)}", workflow=plan.name)
    limits = [s for s in (call.timeout_s, plan.defaults.timeout_s) if s is not None]
    then = {
        "do": "open",
        "workflow": plan.name,
        "version": definition.version,
        "hash": definition.hash,
        "input": call.input,
        "timeout_s": min(limits) if limits else None,
    }
    return plan, {"then": then}


async def plans_of_records(records: Iterable[StepRecord], ports: Ports) -> dict[str, Plan]:
    """Plans of every workflow that these records opened, by hash: the ones that the run started with."""
    plans: dict[str, Plan] = {}
    for record in records:
        if record.outcome["then"]["do"] == "open":
            wanted = record.outcome["then"]["hash"]
            if wanted not in plans:
                plans[wanted] = plan_of(await ports.definitions.by_hash(wanted), ports.tools)
    return plans

"""One attempt of one step: bind the context, run the node, take what comes back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.errors import AppError, ControlSignal, StepError, StepTimeout
from engine.execution.bound import BoundContext, Runner
from engine.execution.node import Ask, CallWorkflow, Done, Iterate, Suspend
from engine.execution.plan import PlanNode
from engine.execution.ports import NO_USAGE, StepRecord, StepRecordStatus, Usage
from engine.execution.records import clean, outcome_of, shown_input
from engine.execution.state import Active, State

Json = Any
logger = logging.getLogger(__name__)


class Gone(ControlSignal):
    """The run has gone on without this step; nothing of it is recorded."""


@dataclass(slots=True)
class Attempt:
    """What one attempt gave: an `outcome` (without `then`), an `error`, or `next`: what the step asks for instead.

    `started_at` (unix time) is when it begins to run, unless it is known before. `is_untold`: it has begun, and nobody
    was told; a step that only computes is over in no time.
    """

    started_at: float = 0.0
    ended_at: float = 0.0
    input: Json = None
    outcome: dict[str, Json] = field(default_factory=dict)
    next: CallWorkflow | Iterate | Suspend | Ask | None = None
    error: Mapping[str, Json] | None = None
    usage: Usage = NO_USAGE
    timed_out: bool = False
    is_untold: bool = False


class Writer(Runner, Protocol):
    """What an attempt needs of the executor."""

    async def request(self, active: Active, node: PlanNode, attempt: Attempt) -> None:
        """Commit that the step is about to touch the outside world."""
        ...


async def run_attempt(runner: Writer, active: Active, node: PlanNode, attempt: Attempt, timeout_s: float) -> None:
    """Fill in `attempt`. Raises control signals only: failures are in it; bugs in nodes become a StepError."""
    ctx, clock = BoundContext(runner, active, node, timeout_s), runner.ports.clock
    attempt.started_at = attempt.started_at or clock.now()
    try:
        ctx.input = node.behaviour.inputs(ctx, node.config)
        attempt.input = shown_input(ctx.input) if ctx.input is not None else None
        if node.effect or node.long:
            runner.tell.started(active, node, attempt.started_at, attempt.input)
        else:
            attempt.is_untold = True
        if node.effect:
            await runner.request(active, node, attempt)
        _take(attempt, node, await node.behaviour.run(ctx, node.config))
    except Gone:
        logger.debug("the run went on without %s", active.path)
    except AppError as err:
        attempt.error = err.to_dict()
        attempt.timed_out = isinstance(err, StepTimeout)
    except Exception as err:
        logger.exception("bug in a node: %s", node.type, extra={"node": node.name, "path": active.path})
        attempt.error = _bug(err, node)
    finally:
        attempt.usage = ctx.usage
        attempt.ended_at = clock.now()


def _take(attempt: Attempt, node: PlanNode, result: Any) -> None:
    if isinstance(result, Done):
        attempt.outcome = outcome_of(result)
    elif isinstance(result, Iterate):
        items = None if result.items is None else tuple(clean(list(result.items)))
        attempt.next = Iterate(items)
    elif isinstance(result, CallWorkflow | Suspend | Ask):
        attempt.next = result
    else:
        raise TypeError(f"{type(node.behaviour).__name__}.run returned {type(result).__name__}")


def record_of(
    state: State,
    active: Active,
    node: PlanNode,
    attempt: Attempt,
    *,
    status: StepRecordStatus,
    outcome: dict[str, Json],
) -> StepRecord:
    """The next journal record of a run, about an attempt."""
    return StepRecord(
        seq=state.seq,
        path=active.path,
        node_type=node.type,
        iteration=active.iteration,
        attempt=active.attempt,
        status=status,
        outcome=outcome,
        input=attempt.input,
        started_at=attempt.started_at,
        duration_ms=round((attempt.ended_at - attempt.started_at) * 1000) if attempt.ended_at else 0,
        usage=attempt.usage,
    )


def _bug(err: Exception, node: PlanNode) -> dict[str, Json]:
    """A failure that nobody foresaw. The message is not shown: it may hold anything."""
    wrapped = StepError(f"the step failed unexpectedly ({type(err).__name__} in node type {node.type})")
    return wrapped.to_dict()

"""One attempt of one step: bind the context, run the node, take what comes back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.errors import AppError, StepError, StepTimeout
from engine.execution.context import NO_USAGE, BoundContext, Ports, RunInfo, Usage
from engine.execution.node import CallWorkflow, Done
from engine.execution.plan import PlanNode
from engine.execution.ports import StepRecord
from engine.execution.records import outcome_of, shown_input
from engine.execution.state import Active, State, money_left, scope_of
from engine.execution.telling import Teller

Json = Any
Call = CallWorkflow
logger = logging.getLogger(__name__)


class Stopped(Exception):
    """The attempt was cut short because the run is to stop; nothing of it is recorded."""


@dataclass(slots=True)
class Attempt:
    """What one attempt gave: an `outcome` (without `then`), a `call` of another workflow, or an `error`."""

    started_at: float = 0.0
    ended_at: float = 0.0
    input: Json = None
    outcome: dict[str, Json] = field(default_factory=dict)
    call: Call | None = None
    error: Mapping[str, Json] | None = None
    usage: Usage = NO_USAGE
    timed_out: bool = False


class Runner(Protocol):
    """What an attempt needs of the executor."""

    state: State

    @property
    def ports(self) -> Ports: ...

    @property
    def info(self) -> RunInfo: ...

    @property
    def history(self) -> tuple[Mapping[str, str], ...]: ...

    async def fly(self, work: Any, *, timeout_s: float | None = None, name: str = "step") -> Any: ...

    @property
    def tell(self) -> Teller: ...


async def run_attempt(runner: Runner, active: Active, node: PlanNode, remaining_s: float) -> Attempt:
    """Never raises but Stopped (and control signals): failures are in the result; bugs in nodes become a StepError."""
    clock = runner.ports.clock
    timeout_s = min(node.timeout_s, remaining_s)
    ctx = _context(runner, active, node, timeout_s)
    attempt = Attempt(started_at=clock.now())
    try:
        ctx.input = node.behaviour.inputs(ctx, node.config)
        attempt.input = shown_input(ctx.input) if ctx.input is not None else None
        await runner.tell.step("step.started", active, node, {"input": attempt.input})
        work: Awaitable[Any] = node.behaviour.run(ctx, node.config)
        if node.behaviour.effect or node.behaviour.long:
            work = runner.fly(work, timeout_s=timeout_s)
        result = await work
        if isinstance(result, Done):
            attempt.outcome = outcome_of(result)
        elif isinstance(result, CallWorkflow):
            attempt.call = result
        else:
            raise TypeError(f"{type(node.behaviour).__name__}.run returned {type(result).__name__}")
    except Stopped:
        raise
    except AppError as err:
        attempt.error = err.to_dict()
        attempt.timed_out = isinstance(err, StepTimeout)
    except Exception as err:
        logger.exception("bug in a node: %s", node.type, extra={"node": node.name, "path": active.path})
        attempt.error = _bug(err, node)
    attempt.usage = ctx.usage
    attempt.ended_at = clock.now()
    return attempt


def record_of(seq: int, active: Active, node: PlanNode, outcome: dict[str, Json], attempt: Attempt) -> StepRecord:
    """The journal record of an attempt that has ended, or has opened a frame."""
    usage = attempt.usage
    opened = outcome["then"]["do"] == "open"
    status = "opened" if opened else "failed" if "error" in outcome else "succeeded"
    return StepRecord(
        seq=seq,
        path=active.path,
        node_type=node.type,
        iteration=active.iteration,
        attempt=active.attempt,
        status=status,
        outcome=outcome,
        input=attempt.input,
        started_at=attempt.started_at,
        duration_ms=round((attempt.ended_at - attempt.started_at) * 1000),
        model=usage.model,
        tier=usage.tier,
        reason=usage.reason,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        cost_usd_micros=usage.cost_usd_micros,
    )


def _bug(err: Exception, node: PlanNode) -> dict[str, Json]:
    """A failure that nobody foresaw. The message is not shown: it may hold anything."""
    wrapped = StepError(f"the step failed unexpectedly ({type(err).__name__} in node type {node.type})")
    return wrapped.to_dict()


def _context(runner: Runner, active: Active, node: PlanNode, timeout_s: float) -> BoundContext:
    frame = runner.state.frames[active.frame]

    async def on_delta(text: str) -> None:
        await runner.tell.step("step.delta", active, node, {"text": text})

    return BoundContext(
        run=runner.info,
        node=node.name,
        path=active.path,
        iteration=active.iteration,
        attempt=active.attempt,
        timeout_s=timeout_s,
        inferred_schema=node.inferred_schema,
        history=runner.history,
        money_left_usd_micros=money_left(runner.state, active.frame),
        scope=scope_of(runner.state, frame),
        ports=runner.ports,
        on_delta=on_delta,
    )

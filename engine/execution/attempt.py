"""One attempt of one step: bind the context, run the node, take what comes back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.errors import AppError, ControlSignal, StepError, StepTimeout
from engine.execution.context import NO_USAGE, BoundContext, Effects, Ports, Resumed, RunInfo, Usage
from engine.execution.node import CallWorkflow, Done, Iterate, Suspend
from engine.execution.plan import PlanNode
from engine.execution.ports import StepRecord, StepRecordStatus
from engine.execution.records import clean, outcome_of, shown_input
from engine.execution.state import Active, State, money_left, scope_of
from engine.execution.telling import Teller

Json = Any
logger = logging.getLogger(__name__)


class Gone(ControlSignal):
    """The run has gone on without this step; nothing of it is recorded."""


@dataclass(slots=True)
class Attempt:
    """What one attempt gave: an `outcome` (without `then`), an `error`, or `next`: what the step asks for instead."""

    started_at: float = 0.0
    ended_at: float = 0.0
    input: Json = None
    outcome: dict[str, Json] = field(default_factory=dict)
    next: CallWorkflow | Iterate | Suspend | None = None
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

    @property
    def tell(self) -> Teller: ...

    def effects_of(self, active: Active, node: PlanNode, idempotency_key: str) -> Effects: ...

    async def request(self, active: Active, node: PlanNode, attempt: Attempt) -> None:
        """Commit that the step is about to touch the outside world."""
        ...


async def run_attempt(runner: Runner, active: Active, node: PlanNode, attempt: Attempt, timeout_s: float) -> None:
    """Fill in `attempt`. Raises control signals only: failures are in it; bugs in nodes become a StepError."""
    ctx = _context(runner, active, node, timeout_s)
    attempt.started_at = runner.ports.clock.now()
    try:
        ctx.input = node.behaviour.inputs(ctx, node.config)
        attempt.input = shown_input(ctx.input) if ctx.input is not None else None
        runner.tell.step("step.started", active, node, {"input": attempt.input})
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
        attempt.ended_at = runner.ports.clock.now()


def _take(attempt: Attempt, node: PlanNode, result: Any) -> None:
    if isinstance(result, Done):
        attempt.outcome = outcome_of(result)
    elif isinstance(result, Iterate):
        items = None if result.items is None else tuple(clean(list(result.items)))
        attempt.next = Iterate(items)
    elif isinstance(result, CallWorkflow | Suspend):
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
    usage = attempt.usage
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


def _signal(state: State, active: Active) -> str:
    """A signal that only this step waits for: beneath a step that is tried again another one than at its first try, for
    what came then is used up."""
    name, frame = f"step:{active.path}:{active.iteration}", state.frames[active.frame]
    again = 0
    while frame.caller is not None:
        caller = state.active[frame.caller]
        again += caller.attempt - 1
        frame = state.frames[caller.frame]
    return f"{name}:{again}" if again else name


def _context(runner: Runner, active: Active, node: PlanNode, timeout_s: float) -> BoundContext:
    state = runner.state
    frame = state.frames[active.frame]
    resumed = active.resumed
    key = runner.info.key(active.path, active.iteration)

    async def on_delta(text: str) -> None:
        runner.tell.step("step.delta", active, node, {"text": text})

    return BoundContext(
        run=runner.info,
        node=node.name,
        path=active.path,
        attempt=active.attempt,
        idempotency_key=key,
        signal=_signal(state, active),
        timeout_s=timeout_s,
        inferred_schema=node.inferred_schema,
        history=runner.history,
        money_left=lambda: money_left(state, active.frame),
        scope=scope_of(state, frame),
        ports=runner.ports,
        on_delta=on_delta,
        effects=runner.effects_of(active, node, key),
        resumed=None
        if resumed is None
        else Resumed(resumed["signal"], resumed["data"], resumed["at"], resumed["until"]),
        kept=active.kept,
        arrived=active.arrived or (),
    )

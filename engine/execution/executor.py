"""The run loop: asks the machine what is to be done, does it through the ports, and gives the machine the record.

    executor = Executor(plan, info, run_input, ports=..., journal=..., sink=..., records=...)
    result = await executor.run()          # has called journal.finish, suspend or hand_over itself
    executor.stop(RunCancelled())          # from the same event loop, at any time

Durability: a record is queued when its step ends; before a node with an effect, and at the end, everything queued is
committed. So after a crash a step without effect may be computed again, and one with an effect is repeated only if its
record was lost, with the same idempotency key.

`inline=True` (published calls in the web process) hands the run over before the first node that may take long, and at
`deadline` (unix time) before whatever is next.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import (
    AppError,
    ControlSignal,
    InputError,
    LeaseLost,
    RunCancelled,
    ShutdownRequested,
    StepTimeout,
)
from engine.execution.attempt import Attempt, Call, Stopped, record_of, run_attempt
from engine.execution.context import Ports, RunInfo
from engine.execution.deadlines import Deadlines
from engine.execution.events import RunStatus
from engine.execution.frames import open_frame, plans_of_records
from engine.execution.machine import Close, Command, Finish, Start, apply, commands, end_frame, fold, initial
from engine.execution.plan import Plan, PlanNode
from engine.execution.ports import EventSink, Journal, StepRecord
from engine.execution.schema_check import problems
from engine.execution.settle import Moment, interrupt, settle_close, settle_failure, settle_success
from engine.execution.state import Active, Ending, State
from engine.execution.telling import Teller

Json = Any
SUSPEND_AFTER_S = 30.0  # a retry further away than this does not hold a worker


@dataclass(frozen=True, slots=True)
class RunResult:
    """How far the run came. `status` queued means: handed over, a worker goes on with it."""

    status: RunStatus
    output: Json = None
    error: Mapping[str, Json] | None = None
    steps: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd_micros: int = 0


class Executor:
    """One leased run in this process. `records` is the journal so far, `history` the conversation before the run."""

    def __init__(
        self,
        plan: Plan,
        info: RunInfo,
        run_input: Mapping[str, Json],
        *,
        ports: Ports,
        journal: Journal,
        sink: EventSink,
        records: Sequence[StepRecord] = (),
        history: Sequence[Mapping[str, str]] = (),
        inline: bool = False,
        deadline: float | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._plan, self._info, self._input = plan, info, run_input
        self._ports, self._journal = ports, journal
        self._clock = ports.clock
        self._tell = Teller(sink, ports.clock, str(info.run_id))
        self._records, self._history = tuple(records), tuple(history)
        self._inline, self._deadline, self._chance = inline, deadline, chance
        self._plans: dict[str, Plan] = {plan.hash: plan}
        self._deadlines = Deadlines()
        self._stop: ControlSignal | None = None
        self._flight: asyncio.Task[Any] | None = None
        self._began = 0.0
        self.state: State = initial(plan, run_input, _constants(info))

    def stop(self, signal: ControlSignal) -> None:
        """Ask the run to end: RunCancelled and LeaseLost at once, ShutdownRequested at the next step boundary."""
        if self._stop is None or isinstance(signal, LeaseLost):
            self._stop = signal
        waiting = self._flight is not None and self._flight.get_name() == "wait"
        if self._flight is not None and (waiting or not isinstance(signal, ShutdownRequested)):
            self._flight.cancel()

    async def run(self) -> RunResult:
        """Go on until the run is over, suspended or handed over. Raises LeaseLost; everything else is in the result."""
        await self._begin()
        while True:
            if self._stop is not None:
                return await self._stopped(self._stop)
            command = _first(commands(self.state))
            if isinstance(command, Finish):
                return await self._finish(command.ending)
            if isinstance(command, Start):
                try:
                    left = await self._start(command.active)
                except Stopped:
                    continue
                if left is not None:
                    return left
            elif isinstance(command, Close):
                await self._close(command)
            else:
                await self._interrupt(command.frame, command.error)

    async def _begin(self) -> None:
        self._began = self._clock.now()
        if self._records:
            self._plans.update(await plans_of_records(self._records, self._ports))
            self.state = fold(self.state, self._records, self._plans)
        await self._tell.run("run.started", {"workflow": self._plan.name, "resumed": bool(self._records)})
        schema = self._plan.workflow.inputs
        if schema and not self._records:
            found = problems(schema, self._input)
            if found:
                error = InputError(f"the run's input does not fit: {'; '.join(found)}").to_dict()
                self.state = end_frame(self.state, "", Ending(error=error))

    # -- one command ------------------------------------------------------------------------------------------------

    async def _start(self, active: Active) -> RunResult | None:
        """Run one attempt of a step; a result when the run leaves this process instead."""
        node = self.state.frames[active.frame].plan.nodes[active.node]
        now = self._clock.now()
        frame, remaining = self._deadlines.nearest(self.state, active.frame, now)
        if remaining <= 0:
            await self._time_out(frame)
            return None
        if (self._inline and node.long) or (self._deadline is not None and now >= self._deadline):
            return await self._hand_over()
        if active.not_before is not None and active.not_before > now:
            return await self._wait(active.not_before, now, remaining)
        if node.disabled:
            await self._skip_disabled(active, node)
            return None
        if active.attempt == 1:
            await self._tell.step("step.queued", active, node)
        if node.effect:
            await self._journal.barrier()
        attempt = await run_attempt(self, active, node, remaining)
        if attempt.timed_out and self._deadlines.nearest(self.state, active.frame, self._clock.now())[1] <= 0:
            await self._time_out(frame)
        elif attempt.call is not None:
            await self._open(active, node, attempt, attempt.call)
        else:
            await self._settle(active, node, attempt)
        return None

    async def _settle(self, active: Active, node: PlanNode, attempt: Attempt) -> None:
        if attempt.error is None:
            outcome = settle_success(self.state, active, attempt.outcome, self._moment())
        else:
            outcome = settle_failure(self.state, active, attempt.error, self._moment())
        await self._record(active, node, outcome, attempt)

    async def _open(self, active: Active, node: PlanNode, attempt: Attempt, call: Call) -> None:
        """Open the called workflow's frame, or fail the step when that cannot be."""
        try:
            plan, outcome = await open_frame(self.state, active, call, self._ports)
        except AppError as err:
            attempt.error = err.to_dict()
            await self._settle(active, node, attempt)
            return
        self._plans[plan.hash] = plan
        record = record_of(self.state.seq, active, node, outcome, attempt)
        await self._journal.append(record)
        self.state = apply(self.state, record, self._plans)
        self._tell.opened(active.path)
        self._deadlines.forget(active.path)

    async def _close(self, command: Close) -> None:
        """The frame beneath a step has ended: the step ends with it."""
        active = command.active
        node = self.state.frames[active.frame].plan.nodes[active.node]
        await self._tell.skipped(self.state, active.path)
        outcome = settle_close(self.state, active, command.ending, self._moment())
        started = active.started_at if active.started_at is not None else self._clock.now()
        await self._record(active, node, outcome, Attempt(started_at=started, ended_at=self._clock.now()))

    async def _record(self, active: Active, node: PlanNode, outcome: dict[str, Json], attempt: Attempt) -> None:
        """Write down and apply the end of a step, and tell the live view."""
        record = record_of(self.state.seq, active, node, outcome, attempt)
        await self._journal.append(record)
        self.state = apply(self.state, record, self._plans)
        await self._tell.ended(self.state, active, node, record)

    async def _skip_disabled(self, active: Active, node: PlanNode) -> None:
        now = self._clock.now()
        outcome = settle_success(self.state, active, {}, self._moment())
        record = record_of(self.state.seq, active, node, outcome, Attempt(started_at=now, ended_at=now))
        await self._journal.append(record)
        self.state = apply(self.state, record, self._plans)
        await self._tell.step("step.skipped", active, node, {"disabled": True})

    async def _interrupt(self, path: str, error: Mapping[str, Json]) -> None:
        """End a frame that may not go on; its caller's step settles next, or the run finishes."""
        self.state = end_frame(self.state, path, interrupt(self.state, path, error))

    async def _time_out(self, path: str) -> None:
        frame = self.state.frames[path]
        error = StepTimeout(f"{frame.plan.name} took longer than {frame.timeout_s:g} s", workflow=frame.plan.name)
        await self._interrupt(path, error.to_dict())

    async def _wait(self, until: float, now: float, remaining: float) -> RunResult | None:
        """Wait for a retry: here when it is near, else without holding a worker."""
        if self._deadline is not None and until >= self._deadline:
            return await self._hand_over()
        if until - now > SUSPEND_AFTER_S:
            await self._journal.suspend(until)
            await self._tell.run("run.suspended", {"wake_at": until})
            return self._result(RunStatus.SUSPENDED)
        await self.fly(self._clock.sleep(min(until - now, remaining)), name="wait")
        return None

    # -- ways out ---------------------------------------------------------------------------------------------------

    async def _finish(self, ending: Ending) -> RunResult:
        await self._tell.skipped(self.state, "")
        status = RunStatus.SUCCEEDED if ending.error is None else RunStatus.FAILED
        await self._journal.finish(status.value, ending.output, ending.error)
        result = self._result(status, ending.output, ending.error)
        data: dict[str, Json] = {
            "duration_ms": round((self._clock.now() - self._began) * 1000),
            "cost_usd_micros": result.cost_usd_micros,
            "tokens_in": result.tokens_in,
            "tokens_out": result.tokens_out,
        }
        data |= {"output": ending.output} if ending.error is None else {"error": ending.error}
        await self._tell.run(f"run.{status.value}", data)
        return result

    async def _stopped(self, signal: ControlSignal) -> RunResult:
        if isinstance(signal, RunCancelled):
            await self._journal.finish(RunStatus.CANCELLED.value, None, None)
            await self._tell.run("run.cancelled")
            return self._result(RunStatus.CANCELLED)
        if isinstance(signal, ShutdownRequested):
            return await self._hand_over()
        raise signal

    async def _hand_over(self) -> RunResult:
        await self._journal.hand_over()
        await self._tell.run("run.queued", {"handed_over": True})
        return self._result(RunStatus.QUEUED)

    def _result(self, status: RunStatus, output: Json = None, error: Mapping[str, Json] | None = None) -> RunResult:
        state, root = self.state, self.state.root
        return RunResult(status, output, error, root.steps, state.tokens_in, state.tokens_out, root.cost_usd_micros)

    # -- for the attempt ---------------------------------------------------------------------------------------------

    @property
    def ports(self) -> Ports:
        return self._ports

    @property
    def info(self) -> RunInfo:
        return self._info

    @property
    def history(self) -> tuple[Mapping[str, str], ...]:
        return self._history

    async def fly(self, work: Any, *, timeout_s: float | None = None, name: str = "step") -> Any:
        """Await something that `stop` may cut short. Raises Stopped, StepTimeout, or what the work raises."""
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        task.set_name(name)
        self._flight = task
        try:
            done, _ = await asyncio.wait({task}, timeout=timeout_s)
        finally:
            self._flight = None
            if not task.done():
                task.cancel()
        if not done:
            await asyncio.wait({task}, timeout=0.5)
            raise StepTimeout(f"the step took longer than {timeout_s:g} s", timeout_s=timeout_s)
        if task.cancelled():
            raise Stopped
        return task.result()

    @property
    def tell(self) -> Teller:
        return self._tell

    # -- small things ------------------------------------------------------------------------------------------------

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), self._chance())


def _constants(info: RunInfo) -> dict[str, Json]:
    conversation = str(info.conversation_id) if info.conversation_id else None
    run = {"id": str(info.run_id), "workflow": info.workflow, "trigger": info.trigger, "conversation_id": conversation}
    return {"run": run, "tenant": {"id": str(info.tenant_id)}}


def _first(todo: tuple[Command, ...]) -> Command:
    """What comes first: ends and limits before steps, and of the steps the one that is due first."""
    if len(todo) == 1:
        return todo[0]
    return min(todo, key=lambda c: (c.active.not_before or 0.0) if isinstance(c, Start) else -1.0)


__all__ = ["Executor", "Ports", "RunInfo", "RunResult"]

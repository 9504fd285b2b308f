"""The run loop: asks the machine what is to be done, does it through the ports, and gives the machine the record.

    executor = Executor(plan, info, run_input, ports=..., journal=..., sink=..., records=...)
    result = await executor.run()          # has called journal.finish, suspend or hand_over itself
    executor.stop(RunCancelled())          # from the same event loop, at any time
    executor.deliver(signals)              # likewise

Steps that only compute are run at once, one after the other. Steps with an effect, or that may take long, are tasks of
their own (flights.py): as many at once as the run has branches and items for.

Durability: a record is queued when its step ends; before a node touches the outside world, and at the end, everything
queued is committed. So after a crash a step without effect may be computed again, and one with an effect is repeated
only if its record was lost, with the same idempotency key.

`inline=True` (published calls in the web process) hands the run over before the first node that may take long, and at
`deadline` (unix time) before whatever is next.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.errors import (
    AppError,
    ControlSignal,
    InputMismatch,
    LeaseLost,
    RunCancelled,
    ShutdownRequested,
    StepTimeout,
)
from engine.execution.attempt import Attempt, record_of, run_attempt
from engine.execution.context import WHOLE, Effects, Ports, RunInfo, RunPart
from engine.execution.deadlines import Deadlines
from engine.execution.effects import StepEffects
from engine.execution.events import RunStatus
from engine.execution.flights import Flights
from engine.execution.frames import open_frame, plans_of_records
from engine.execution.loops import outcome_of_loop
from engine.execution.machine import (
    Await,
    Close,
    EndLoop,
    Finish,
    Interrupt,
    Start,
    apply,
    commands,
    fold,
    initial,
    interrupted,
)
from engine.execution.node import Ask, CallWorkflow, Iterate, Suspend
from engine.execution.plan import Plan, PlanNode
from engine.execution.ports import EventSink, Journal, Signal, StepRecord, StepRecordStatus
from engine.execution.records import clean, suspensions, wait_told
from engine.execution.schema_check import problems
from engine.execution.settle import Moment, interrupt, settle_close, settle_failure, settle_item, settle_success
from engine.execution.signals import answered, resumption
from engine.execution.state import Active, Ending, State, node_of
from engine.execution.telling import Teller
from engine.execution.tokens import item_path
from engine.execution.unasked import Unasked

Json = Any
SUSPEND_AFTER_S = 30.0  # a retry further away than this does not hold a worker
FAIR_TURNS = 32  # of a run that only computes; then others have their turn
WAIT_HERE_S = 2.0  # nor does a step that waits for longer than this


class RunResult(NamedTuple):
    """How far the run came. `status` queued means: handed over, a worker goes on with it.

    `closed` is what the journal says of an end that it wrote: `ended_at` and the totals, as columns of the run.
    """

    status: RunStatus
    output: Json = None
    error: Mapping[str, Json] | None = None
    steps: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd_micros: int = 0
    closed: Mapping[str, Any] | None = None


class Executor:
    """One leased run in this process. `records` is the journal so far, `signals` what came for the run until now,
    `history` the conversation before it."""

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
        signals: Sequence[Signal] = (),
        history: Sequence[Mapping[str, str]] = (),
        part: RunPart = WHOLE,
        inline: bool = False,
        deadline: float | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._plan, self._info, self._input = plan, info, run_input
        self._ports, self._journal = ports, journal
        self._clock = ports.clock
        self._tell = Teller(sink, ports.clock, str(info.run_id))
        self._records, self._history, self._signals = tuple(records), tuple(history), tuple(signals)
        self._inline, self._deadline, self._chance = inline, deadline, chance
        self._plans: dict[str, Plan] = {plan.hash: plan}
        self._deadlines = Deadlines()
        self._flights = Flights()
        self._unasked = Unasked()
        self._stop: ControlSignal | None = None
        self._began = info.started_at or ports.clock.now()
        self._part = part
        self.state: State = initial(plan, run_input, info.constants, part)

    def stop(self, signal: ControlSignal) -> None:
        """Ask the run to end: RunCancelled and LeaseLost at once, ShutdownRequested at the next step boundary."""
        if self._stop is None or isinstance(signal, LeaseLost | RunCancelled):
            self._stop = signal
        self._flights.ring()

    def deliver(self, signals: Sequence[Signal]) -> None:
        """All signals that came for the run until now, in the order in which they came."""
        self._signals = tuple(signals)
        self._flights.ring()

    async def run(self) -> RunResult:
        """Go on until the run is over, suspended or handed over. Raises LeaseLost; everything else is in the result."""
        try:
            await self._begin()
            for turn in itertools.count(1):
                result = await self._next()
                if result is not None:
                    return result
                if turn % FAIR_TURNS == 0:
                    await asyncio.sleep(0)
            raise AssertionError("it goes on until there is a result")
        finally:
            await self._flights.cut_off()

    async def _begin(self) -> None:
        if self._records:
            self._plans.update(await plans_of_records(self._records, self._ports))
            self.state = fold(self.state, self._records, self._plans)
            self._unasked.take_up(self.state)
        resumed = bool(self._records)
        at = 0.0 if resumed else self._began
        self._tell.run("run.started", {"workflow": self._plan.name, "resumed": resumed}, at)
        schema = self._plan.workflow.inputs
        if schema and not self._records:
            found = problems(schema, self._input)
            if found:
                self.state = interrupted(self.state, "", Ending(error=InputMismatch(found).to_dict()))

    # -- one turn of the loop ----------------------------------------------------------------------------------------

    async def _next(self) -> RunResult | None:
        """Do the next thing, whatever it is; a result when the run ends or leaves this process."""
        if self._flights.under_way:
            await self._cut_off_dropped()
        if self._stop is not None and not isinstance(self._stop, ShutdownRequested):
            return await self._stopped(self._stop)
        starts: list[Active] = []
        waits: list[Active] = []
        for command in commands(self.state):
            if isinstance(command, Start):
                starts.append(command.active)
            elif isinstance(command, Await):
                waits.append(command.active)
            else:
                return await self._settle_command(command)
        now = self._clock.now()
        for active in waits:
            if then := resumption(self.state, active, self._signals, now):
                self._resume(active, then)
                return None
        return await self._go_on(starts, waits, now)

    async def _settle_command(self, command: Close | EndLoop | Interrupt | Finish) -> RunResult | None:
        """Ends and limits come before steps."""
        if isinstance(command, Finish):
            return await self._finish(command.ending)
        if isinstance(command, Close):
            self._close(command)
        elif isinstance(command, EndLoop):
            self._end_loop(command.active)
        else:
            self._interrupt(command.frame, command.error)
        return None

    async def _go_on(self, starts: Sequence[Active], waits: Sequence[Active], now: float) -> RunResult | None:
        """Start what can be started; when nothing can, wait for what is under way."""
        leaves = isinstance(self._stop, ShutdownRequested) or (self._deadline is not None and now >= self._deadline)
        under_way = self._flights.under_way
        later: list[Active] = []
        left: list[Active] = []
        for active in starts:
            if active.key in under_way:
                continue
            if active.not_before is not None and active.not_before > now:
                later.append(active)
                continue
            node = node_of(self.state, active)
            frame, remaining = self._deadlines.nearest(self.state, active.frame, now)
            if remaining <= 0:
                self._time_out(frame)
                return None
            if leaves or (self._inline and node.long):
                left.append(active)
            elif node.disabled or active.path in self._part.pins:
                self._stand_in(active, node)
                return None
            elif node.effect or node.long:
                self._launch(active, node, min(node.timeout_s, remaining))
            else:  # it only computes, and begins at once: nobody is told that it is queued
                attempt = Attempt(now)
                await run_attempt(self, active, node, attempt, min(node.timeout_s, remaining))
                await self._landed(active, node, attempt)
                return None
        if (left or (leaves and later)) and not under_way:
            return await self._hand_over()
        return await self._wait(later, waits, now)

    async def _wait(self, retries: Sequence[Active], waits: Sequence[Active], now: float) -> RunResult | None:
        """Nothing can be started: wait here for steps under way and for moments that are near, else suspend the run."""
        wake_at = [
            *((a.not_before, SUSPEND_AFTER_S) for a in retries if a.not_before is not None),
            *((a.wait.until, WAIT_HERE_S) for a in waits if a.wait is not None and a.wait.until is not None),
        ]
        first = min((at for at, _ in wake_at), default=None)
        if not self._flights.under_way:
            if first is None or all(at - now > patience for at, patience in wake_at):
                return await self._suspend(first)
            if self._deadline is not None and first >= self._deadline:
                return await self._hand_over()
        timer = None
        if first is not None:
            ends = [self._deadlines.nearest(self.state, active.frame, now)[1] for active in retries]
            timer = self._clock.sleep(max(0.0, min([first - now, *ends])))
        for flight in await self._flights.landed(timer):
            active = self.state.active.get(flight.key)
            if active is not None:
                await self._landed(active, flight.node, flight.attempt)
        return None

    # -- steps -------------------------------------------------------------------------------------------------------

    def _launch(self, active: Active, node: PlanNode, timeout_s: float) -> None:
        """Begin a step that the run does not wait for alone."""
        if active.attempt == 1 and active.resumed is None:
            self._tell.step("step.queued", active, node)
        attempt = Attempt()
        self._flights.launch(active.key, node, attempt, run_attempt(self, active, node, attempt, timeout_s), timeout_s)

    async def _landed(self, active: Active, node: PlanNode, attempt: Attempt) -> None:
        """An attempt is over: settle the step, or do what it asks for."""
        if attempt.timed_out:
            frame, remaining = self._deadlines.nearest(self.state, active.frame, self._clock.now())
            if remaining <= 0:
                self._time_out(frame)
                return
        if attempt.next is None:
            self._settle(active, node, attempt)
            return
        if attempt.is_untold:
            self._tell.started(active, node, attempt.started_at, attempt.input)
            attempt.is_untold = False
        if isinstance(attempt.next, CallWorkflow):
            await self._open(active, node, attempt, attempt.next)
        elif isinstance(attempt.next, Iterate):
            items = attempt.next.items
            then = {"do": "loop", "items": None if items is None else list(items)}
            self._record(active, node, attempt, "opened", {"then": then})
        else:
            self._suspend_step(active, node, attempt, attempt.next)

    def _settle(self, active: Active, node: PlanNode, attempt: Attempt) -> None:
        if attempt.error is None:
            outcome = settle_success(self.state, active, attempt.outcome, self._moment)
        else:
            outcome = settle_failure(self.state, active, attempt.error, self._moment)
        self._ended(active, node, outcome, attempt)

    async def _open(self, active: Active, node: PlanNode, attempt: Attempt, call: CallWorkflow) -> None:
        """Open the called workflow's frame, or fail the step when that cannot be."""
        try:
            plan, outcome = await open_frame(self.state, active, call, self._ports)
        except AppError as err:
            attempt.error = err.to_dict()
            self._settle(active, node, attempt)
            return
        self._plans[plan.hash] = plan
        self._record(active, node, attempt, "opened", outcome)
        self._tell.opened(active.path)
        self._deadlines.forget(active.path)

    def _suspend_step(self, active: Active, node: PlanNode, attempt: Attempt, wait: Suspend | Ask) -> None:
        try:
            begun = suspensions(wait)
        except AppError as err:
            attempt.error = err.to_dict()
            self._settle(active, node, attempt)
            return
        for outcome in begun:
            record = self._record(active, node, attempt, "suspended", outcome)
            self._tell.step("step.suspended", active, node, wait_told(outcome), record.ended_at)
            # the attempt's time and money count once
            attempt = Attempt(attempt.ended_at, attempt.ended_at, attempt.input)

    def _resume(self, active: Active, then: dict[str, Json]) -> None:
        now = self._clock.now()
        self._record(active, node_of(self.state, active), Attempt(now, now), "resumed", {"then": then})

    def _close(self, command: Close) -> None:
        """A frame beneath a step has ended: an item of a loop is done, or the step ends with the frame."""
        active, index = command.active, command.index
        node = node_of(self.state, active)
        self._tell.skipped(self.state, active.path if index is None else item_path(active, index))
        started = active.started_at if active.started_at is not None else self._clock.now()
        attempt = Attempt(started_at=started, ended_at=self._clock.now())
        if index is None:
            outcome = settle_close(self.state, active, command.ending, self._moment)
        else:
            outcome = settle_item(self.state, active, index, command.ending, self._moment)
        if outcome["then"]["do"] == "item":
            self._record(active, node, attempt, "iterated", outcome)
        else:
            self._ended(active, node, outcome, attempt)

    def _end_loop(self, active: Active) -> None:
        started = active.started_at if active.started_at is not None else self._clock.now()
        attempt = Attempt(started_at=started, ended_at=self._clock.now())
        try:
            attempt.outcome = clean(outcome_of_loop(active))
        except AppError as err:
            attempt.error = err.to_dict()
        self._settle(active, node_of(self.state, active), attempt)

    def _stand_in(self, active: Active, node: PlanNode) -> None:
        """A step that is not run: of a disabled node, or one whose output is pinned."""
        now, pins = self._clock.now(), self._part.pins
        if active.path in pins:
            outcome = settle_success(self.state, active, {"output": pins[active.path]}, self._moment)
            outcome["pinned"] = True
            self._ended(active, node, outcome, Attempt(now, now))
            return
        outcome = settle_success(self.state, active, {}, self._moment)
        self._record(active, node, Attempt(now, now), "succeeded", outcome)
        self._tell.step("step.skipped", active, node, {"disabled": True})

    def _interrupt(self, path: str, error: Mapping[str, Json]) -> None:
        """End a frame that may not go on; its caller's step settles next, or the run finishes."""
        self.state = interrupted(self.state, path, interrupt(self.state, path, error))

    def _time_out(self, path: str) -> None:
        frame = self.state.frames[path]
        error = StepTimeout(f"{frame.plan.name} took longer than {frame.timeout_s:g} s", workflow=frame.plan.name)
        self._interrupt(path, error.to_dict())

    # -- writing down ------------------------------------------------------------------------------------------------

    def _ended(self, active: Active, node: PlanNode, outcome: dict[str, Json], attempt: Attempt) -> None:
        """Write down and apply the end of an attempt, and tell the live view."""
        status: StepRecordStatus = "failed" if "error" in outcome else "succeeded"
        record = self._record(active, node, attempt, status, outcome)
        self._tell.ended(self.state, active, node, record, start=attempt.is_untold)

    def _record(
        self, active: Active, node: PlanNode, attempt: Attempt, status: StepRecordStatus, outcome: dict[str, Json]
    ) -> StepRecord:
        record = record_of(self.state, active, node, attempt, status=status, outcome=outcome)
        self.state = apply(self.state, record, self._plans)  # as `write`, which is a call more for every step
        self._unasked.note(self.state, record, self._tell)
        self._journal.append(record)
        return record

    def write(self, record: StepRecord) -> None:
        """Apply a record and queue it."""
        self.state = apply(self.state, record, self._plans)
        self._journal.append(record)

    async def barrier(self) -> None:
        await self._journal.barrier()

    async def request(self, active: Active, node: PlanNode, attempt: Attempt) -> None:
        shown = Attempt(attempt.started_at, attempt.started_at, input=None if node.long else attempt.input)
        outcome: dict[str, Json] = {"then": {"do": "request"}}
        self.write(record_of(self.state, active, node, shown, status="requested", outcome=outcome))
        await self._journal.barrier()

    async def _cut_off_dropped(self) -> None:
        """End the steps under way that the run has gone on without."""
        for flight in await self._flights.cut_off_others(self.state.active):
            dropped = Active(flight.key[0], flight.key[1], "", flight.node.name)
            self._tell.step("step.skipped", dropped, flight.node, {"dropped": True})

    # -- ways out ----------------------------------------------------------------------------------------------------

    async def _finish(self, ending: Ending) -> RunResult:
        self._tell.skipped(self.state, "")
        status = RunStatus.SUCCEEDED if ending.error is None else RunStatus.FAILED
        await self._journal.finish(status.value, ending.output, ending.error)
        result = self._result(status, ending.output, ending.error)
        data: dict[str, Json] = {
            "duration_ms": max(0, round((self._clock.now() - self._began) * 1000)),
            "cost_usd_micros": result.cost_usd_micros,
            "tokens_in": result.tokens_in,
            "tokens_out": result.tokens_out,
        }
        data |= {"output": ending.output} if ending.error is None else {"error": ending.error}
        self._tell.run(f"run.{status.value}", data)
        return result

    async def _stopped(self, signal: ControlSignal) -> RunResult:
        await self._flights.cut_off()
        if not isinstance(signal, RunCancelled):
            raise signal
        await self._journal.finish(RunStatus.CANCELLED.value, None, None)
        self._tell.run("run.cancelled")
        return self._result(RunStatus.CANCELLED)

    async def _suspend(self, wake_at: float | None) -> RunResult:
        await self._journal.suspend(wake_at, len(self._signals))
        came = answered(self.state, self._signals)
        self._tell.run("run.suspended", {"wake_at": wake_at, "answered": came} if came else {"wake_at": wake_at})
        return self._result(RunStatus.SUSPENDED)

    async def _hand_over(self) -> RunResult:
        await self._journal.hand_over()
        self._tell.run("run.queued", {"handed_over": True})
        return self._result(RunStatus.QUEUED)

    def _result(self, status: RunStatus, output: Json = None, error: Mapping[str, Json] | None = None) -> RunResult:
        state, spent = self.state, self.state.spent[""]
        return RunResult(status, output, error, spent.steps, state.tokens_in, state.tokens_out, spent.cost_usd_micros)

    # -- for attempts and effects ------------------------------------------------------------------------------------

    @property
    def ports(self) -> Ports:
        return self._ports

    @property
    def info(self) -> RunInfo:
        return self._info

    @property
    def history(self) -> tuple[Mapping[str, str], ...]:
        return self._history

    @property
    def tell(self) -> Teller:
        return self._tell

    def now(self) -> float:
        return self._clock.now()

    def effects_of(self, active: Active, node: PlanNode, idempotency_key: str) -> Effects:
        return StepEffects(self, active.key, node, idempotency_key)

    # -- small things ------------------------------------------------------------------------------------------------

    def _moment(self) -> Moment:
        return Moment(self._clock.now(), self._chance())


__all__ = ["Executor", "Ports", "RunInfo", "RunResult"]

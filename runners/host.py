"""Runs under way in this process: their leases, their end, and what reaches them from outside.

A worker and the web process (for inline runs) have one host each. Whoever stops a run does it through the host, so that
a run always leaves the process in a state that another one can go on from.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

import engine.nodes
from engine.errors import (
    AppError,
    ControlSignal,
    LeaseLost,
    RunAbandoned,
    RunCancelled,
    ShutdownRequested,
    StepError,
    TransientError,
)
from engine.execution.context import WHOLE, RunInfo, RunPart
from engine.execution.events import RunEvent, RunStatus
from engine.execution.executor import Executor, Ports, RunResult
from engine.execution.plan import plan_of
from engine.execution.ports import Clock, EventSink, Tools
from engine.store.access import runs
from engine.store.journal import JournalHub, LeasedJournal
from engine.store.leases import Lease
from engine.store.session import Database, Scope
from runners.channel import listen
from runners.child_runs import StartedRuns
from runners.clocks import clock_of
from runners.definitions import DefinitionCache, RunDefinitions
from runners.live import LiveWriter
from runners.queue import RunQueue, WakeUp
from runners.tasks import cancel_all

log = logging.getLogger(__name__)

CONTROL_CHANNEL = "heddle:control"


@dataclass(slots=True)
class _Active:
    """A run under way here. `executor` is None until its plan is ready."""

    journal: LeasedJournal
    clock: Clock
    sink: EventSink
    executor: Executor | None = None
    signal: ControlSignal | None = None

    def stop(self, signal: ControlSignal) -> None:
        self.signal = signal
        if self.executor is not None:
            self.executor.stop(signal)


class RunHost:
    """Executes leased runs; extends their leases; brings cancellations and shutdown to them."""

    def __init__(
        self, *, db: Database, redis: Redis, hub: JournalHub, live: LiveWriter, queue: RunQueue, ports: Ports
    ) -> None:
        self._db = db
        self._redis = redis
        self._hub = hub
        self._live = live
        self._queue = queue
        self._ports = ports
        self._definitions = DefinitionCache()
        self._active: dict[UUID, _Active] = {}
        self._arriving: dict[UUID, bool] = {}  # runs that are being leased, and whether they were cancelled meanwhile
        self._tasks: list[asyncio.Task[None]] = []
        self._look = asyncio.Event()  # the leases are to be looked at at once
        self._draining = False

    @property
    def tools(self) -> Tools:
        """What runs call here."""
        return self._ports.tools

    def start(self) -> None:
        """Begin to keep leases and to listen; needs the running event loop."""
        engine.nodes.load()
        self._tasks = [
            asyncio.create_task(self._keep_leases(), name="leases"),
            asyncio.create_task(self._listen(), name="control"),
        ]

    async def close(self) -> None:
        """Hand over what still runs, and stop."""
        await self.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._hub.lease_s):
                while self._active:  # noqa: ASYNC110 - the end of the last run has no event of its own
                    await asyncio.sleep(0.02)
        await cancel_all(self._tasks)

    @property
    def running(self) -> int:
        """Runs under way here."""
        return len(self._active)

    async def drain(self) -> None:
        """Ask all runs to be handed over at their next step boundary; runs that come now are handed over at once."""
        self._draining = True
        for active in list(self._active.values()):
            active.stop(ShutdownRequested())

    async def execute(self, tenant_id: UUID, run_id: UUID, on_ending: Callable[[], None] | None = None) -> str:
        """Answer a wake-up: lease the run and go on with it. Returns its status, or why there was nothing to do.

        `on_ending` is called as soon as only the end of the lease is to be written.
        """
        if run_id in self._active or run_id in self._arriving:
            return "busy"
        self._arriving[run_id] = False
        try:
            claim = await self._hub.claim(tenant_id, run_id)
        finally:
            cancelled = self._arriving.pop(run_id)
        if claim.lease is not None:
            result = await self.execute_leased(claim.lease, cancelled=cancelled, on_ending=on_ending)
            return result.status.value
        if claim.verdict == "abandoned":
            self._tell(tenant_id, run_id, "run.failed", {"error": RunAbandoned().to_dict()})
        elif claim.verdict == "cancelled":
            self._tell(tenant_id, run_id, "run.cancelled", {})
        return claim.verdict

    async def execute_leased(
        self,
        lease: Lease,
        *,
        inline: bool = False,
        deadline: float | None = None,
        cancelled: bool = False,
        sink: EventSink | None = None,
        on_ending: Callable[[], None] | None = None,
    ) -> RunResult:
        """Go on with a leased run until it is over or leaves this process.

        `inline` and `deadline` (unix time) are the executor's; `cancelled`: somebody has asked for it since it was
        leased; `sink` is told of it, by default its stream is; `on_ending` is called as soon as only the end of the
        lease is to be written. A lost lease gives the status running: somebody else has it.
        """
        clock = clock_of(lease, self._ports.clock, self._hub.lease_s)
        journal = self._hub.journal(lease, lambda: self._lost(lease.run_id), on_ending, clock=clock)
        active = _Active(journal, clock, sink or self._live.sink(lease.tenant_id, lease.run_id))
        self._active[lease.run_id] = active
        if cancelled:
            active.signal = RunCancelled()
        elif self._draining:
            active.signal = ShutdownRequested()
        try:
            result = await self._run(lease, active, inline, deadline)
        except LeaseLost:
            log.warning("run %s: the lease is lost, another process goes on", lease.run_id)
            return RunResult(RunStatus.RUNNING)
        except asyncio.CancelledError:
            await asyncio.shield(self._cut_off(lease, active))
            raise
        except AppError as error:
            result = await self._fail(active, error)
        except Exception:
            log.exception("run %s: unexpected failure", lease.run_id)
            error = StepError("The run failed for a reason inside Heddle; see the log.")
            result = await self._fail(active, error)
        finally:
            self._active.pop(lease.run_id, None)
        if result.status is RunStatus.QUEUED or active.journal.woken:
            await self._wake(lease)
        return result._replace(closed=active.journal.closed)

    def _lost(self, run_id: UUID) -> None:
        """The run's lease is gone. (The journal does not hold the run itself: rings are freed late.)"""
        if (active := self._active.get(run_id)) is not None:
            active.stop(LeaseLost())

    async def _run(self, lease: Lease, active: _Active, inline: bool, deadline: float | None) -> RunResult:
        scope = Scope(lease.tenant_id, None, "system")
        definitions = RunDefinitions(self._db, scope, lease, self._definitions)
        run = lease.run
        plan = plan_of(await definitions.by_hash(run["definition_hash"]), tools=self._ports.tools)
        started = StartedRuns(self._db, lease, definitions, self._ports.tools, (self._queue, self._live))
        conversation = run.get("conversation_id")
        executor = Executor(
            plan,
            RunInfo(
                run_id=lease.run_id,
                tenant_id=lease.tenant_id,
                workflow=run["workflow_name"],
                trigger=run["trigger"],
                conversation_id=UUID(str(conversation)) if conversation else None,
                origin_id=UUID(str(run["origin_run_id"])) if run.get("origin_run_id") else None,
                started_at=datetime.fromisoformat(run["started_at"]).timestamp(),
            ),
            run["input"],
            ports=self._ports._replace(definitions=definitions, runs=started, clock=active.clock),
            journal=active.journal,
            sink=active.sink,
            records=lease.records,
            signals=lease.signals,
            history=lease.history,
            part=RunPart(**run["part"]) if run["part"] else WHOLE,
            inline=inline,
            deadline=deadline,
        )
        active.executor = executor
        if active.signal is not None:  # it came while the plan was being made
            executor.stop(active.signal)
        return await executor.run()

    async def _fail(self, active: _Active, error: AppError) -> RunResult:
        """End a run that cannot be executed: its text does not compile, or a bug."""
        lease = active.journal.lease
        try:
            await active.journal.last_word().finish(RunStatus.FAILED.value, None, error.to_dict())
        except (LeaseLost, AppError):
            log.warning("run %s: its failure could not be written", lease.run_id)
            return RunResult(RunStatus.RUNNING)
        told = {"error": error.to_dict()}
        active.sink.emit(RunEvent("run.failed", str(lease.run_id), self._ports.clock.now(), data=told))
        return RunResult(RunStatus.FAILED, error=error.to_dict())

    async def _cut_off(self, lease: Lease, active: _Active) -> None:
        """The task was cancelled in the middle of a step: leave the run to another worker at once."""
        if active.journal.ending:
            return
        with contextlib.suppress(LeaseLost, AppError, TimeoutError):
            async with asyncio.timeout(2.0):
                await active.journal.hand_over()
                await self._wake(lease)

    async def _wake(self, lease: Lease) -> None:
        try:
            await self._queue.wake([WakeUp(lease.tenant_id, lease.run_id, lease.epoch)])
        except (RedisError, OSError):
            log.warning("run %s: no wake-up was sent, the scheduler will", lease.run_id)

    def _tell(self, tenant_id: UUID, run_id: UUID, type: str, data: Mapping[str, Any]) -> None:
        self._live.put(tenant_id, RunEvent(type, str(run_id), self._ports.clock.now(), data=data))

    async def _keep_leases(self) -> None:
        """Extend all leases three times in the time that they last, and when somebody may have asked for a run's end
        unheard; let go of all when that fails for too long."""
        loop = asyncio.get_running_loop()
        reached = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._hub.lease_s / 3):
                    await self._look.wait()
            self._look.clear()
            try:
                cancelled = await self._hub.heartbeat([active.journal for active in self._active.values()])
                reached = loop.time()
                for run_id in cancelled:
                    self.cancel(run_id)
            except TransientError:
                log.warning("leases: the database does not answer")
                if loop.time() - reached > self._hub.lease_s:
                    for active in list(self._active.values()):
                        active.journal.lose()
            except Exception:
                log.exception("leases: unexpected failure")

    def cancel(self, run_id: UUID) -> None:
        """Cancel a run if it is under way here, or about to be."""
        if run_id in self._arriving:
            self._arriving[run_id] = True
        active = self._active.get(run_id)
        if active is not None and not active.journal.ending:
            active.stop(RunCancelled())

    async def _listen(self) -> None:
        """Cancellations and signals arrive here at once.

        Without Redis a cancellation comes with the next heartbeat, and a signal when its run is suspended.
        """
        await listen(self._redis, CONTROL_CHANNEL, heard=self._heard, began=self._catch_up)

    async def _catch_up(self) -> None:
        """What was said while nobody listened here."""
        self._look.set()
        for run_id in list(self._active):
            await self._deliver(run_id)

    async def _heard(self, data: bytes) -> None:
        """{"cancel": run id}, or {"signalled": run id}: there are new signals for the run. Nonsense changes nothing."""
        try:
            message = orjson.loads(data)
            cancels = "cancel" in message
            run_id = UUID(message["cancel" if cancels else "signalled"])
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("control: a message that cannot be read: %.200r", data)
            return
        if cancels:
            self.cancel(run_id)
        else:
            await self._deliver(run_id)

    async def _deliver(self, run_id: UUID) -> None:
        """Give a run under way here all signals that came for it."""
        active = self._active.get(run_id)
        if active is None or active.executor is None:
            return
        try:
            async with self._db.transaction(Scope(active.journal.lease.tenant_id, None, "system")) as tx:
                signals = await runs.list_signals(tx, run_id)
        except (SQLAlchemyError, TransientError) as error:
            log.warning("run %s: its signals wait until it is suspended (%s)", run_id, type(error).__name__)
            return
        active.executor.deliver(signals)

"""One run on workers that die, freeze, drain and come back, all decided by one seed.

The executor, the machine and the node types are the real ones. Simulated are the database (records are kept when they
are committed, writes are fenced by the epoch), the clock, the tools, and who has the run when. Time only passes when
everybody sleeps, so a schedule takes milliseconds and a seed always tells the same story.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import LeaseLost, PermanentError, ShutdownRequested, TransientError
from engine.execution.context import Ports, RunInfo
from engine.execution.events import RunEvent
from engine.execution.executor import Executor
from engine.execution.ports import Signal, StepRecord, ToolCall
from engine.router.rules import RuleRouter
from tests.support.ports import RUN_ID, TENANT_ID, FakeClock, FakeHttp, FakeModels, FakeTools, plan
from tests.support.programs import Program, effects_of, events_of, program, result_of, text_of

Json = Any
MAX_LEASES = 400
FATES = ("fine", "fine", "crash", "crash", "freeze", "drain")


class Crash(BaseException):
    """The process is gone: nothing that it had not committed is left."""


class Violation(BaseException):
    """The run did something that was promised never to happen."""


class Database:
    """What survives."""

    def __init__(self) -> None:
        self.records: list[StepRecord] = []
        self.epoch = 0
        self.status = "queued"
        self.output: Json = None
        self.error: Mapping[str, Json] | None = None
        self.wake_at: float | None = None
        self.signals: list[Signal] = []

    def commit(self, epoch: int, records: list[StepRecord]) -> None:
        if epoch != self.epoch or self.status != "running":
            raise LeaseLost
        for record in records:
            if record.seq != len(self.records):
                raise Violation(f"record {record.seq} after {len(self.records)} records")
            self.records.append(record)

    def is_done(self, path: str) -> bool:
        return any(r.path == path and r.status == "succeeded" for r in self.records)


class Life:
    """One lease of one worker. `fate` strikes at its `moment`-th touch of the world."""

    def __init__(self, simulation: Simulation, fate: str, moment: int) -> None:
        self.simulation, self.fate, self.moment = simulation, fate, moment
        self.epoch = simulation.database.epoch
        self.executor: Executor | None = None
        self.dead = self.asleep = False

    async def touch(self) -> None:
        """Everything that happens in the world comes by here; this is where processes die."""
        await asyncio.sleep(0)
        while self.asleep:  # noqa: ASYNC110 - all of the process is
            await asyncio.sleep(0)
        if self.dead:
            raise Crash
        self.moment -= 1
        if self.moment != 0 or self.fate == "fine":
            return
        if self.fate == "crash":
            self.dead = True
            raise Crash
        if self.fate == "drain" and self.executor is not None:
            self.executor.stop(ShutdownRequested())
        if self.fate == "freeze":  # the lease ends, somebody else goes on, and then this process wakes up again
            self.simulation.frozen += 1
            self.asleep = True
            await self.simulation.lease()
            self.asleep = False


class Journal:
    """engine.execution.ports.Journal over the simulated database."""

    def __init__(self, life: Life, database: Database) -> None:
        self._life, self._database = life, database
        self._pending: list[StepRecord] = []

    def append(self, record: StepRecord) -> None:
        self._pending.append(record)

    async def barrier(self) -> None:
        await self._life.touch()  # dies before the commit
        pending, self._pending = self._pending, []
        self._database.commit(self._life.epoch, pending)
        await self._life.touch()  # or after it, before anybody knows

    async def finish(self, status: str, output: Json, error: Mapping[str, Json] | None) -> None:
        await self._end()
        self._database.status, self._database.output, self._database.error = status, output, error

    async def suspend(self, wake_at: float | None, signals_seen: int) -> None:
        await self._end()
        more = len(self._database.signals) > signals_seen
        self._database.status = "queued" if more else "suspended"
        self._database.wake_at = wake_at

    async def hand_over(self) -> None:
        await self._end()
        self._database.status = "queued"

    async def _end(self) -> None:
        await self._life.touch()
        pending, self._pending = self._pending, []
        self._database.commit(self._life.epoch, pending)


class Tools(FakeTools):
    """`work` fails up to twice for each key and then answers; `broken` always fails."""

    def __init__(self, life: Life) -> None:
        super().__init__({"work": {}, "broken": {}})
        self._life = life

    async def call(self, call: ToolCall) -> Json:
        life, simulation = self._life, self._life.simulation
        await life.touch()
        path = call.idempotency_key.split(":")[1]
        stale = simulation.database.epoch != life.epoch
        if simulation.database.is_done(path) and not stale:
            raise Violation(f"{path} was done, is recorded, and is done again")
        simulation.done.setdefault(call.idempotency_key, 0)
        simulation.done[call.idempotency_key] += 1
        await life.touch()
        if call.tool == "broken":
            raise PermanentError("broken")
        if simulation.fails(call.idempotency_key):
            raise TransientError("busy")
        return {call.parameters["name"]: call.parameters["name"].upper()}


class Silent:
    def emit(self, event: RunEvent) -> None:
        """Nobody watches."""

    def emit_lazily(self, make: Callable[..., RunEvent], *facts: Any) -> None:
        """Nor here."""


class Simulation:
    """The whole story of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.program: Program = program(random.Random(seed % 400))  # few programs, many schedules: plans are kept
        self.left = self.rng.random() < 0.5
        self.text = text_of(self.program)
        self.database = Database()
        self.clock = FakeClock()
        self.frozen = 0
        self.leases = 0
        self.done: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._unsent = list(events_of(self.program))
        self.rng.shuffle(self._unsent)
        self.calm_after = self.rng.randint(3, 25)

    def fails(self, key: str) -> bool:
        left = self._failures.setdefault(key, self.rng.choice([0, 0, 0, 1, 2]))
        self._failures[key] = left - 1
        return left > 0

    async def run(self) -> None:
        """Until the run is over; raises Violation."""
        while self.database.status not in ("succeeded", "failed", "cancelled"):
            if self.leases > MAX_LEASES:
                raise Violation(f"not over after {self.leases} leases: {self.database.status}")
            self._world_goes_on()
            if self.database.status in ("queued", "running"):
                await self.lease()
        self._check()

    async def lease(self) -> None:
        """Somebody takes the run (the one before is gone, or only seems to be) and goes on with it."""
        database = self.database
        if database.status not in ("queued", "running"):
            return
        self.leases += 1
        database.epoch, database.status = database.epoch + 1, "running"
        calm = self.leases > self.calm_after
        life = Life(self, "fine" if calm else self.rng.choice(FATES), self.rng.randint(1, 30))
        life.executor = self._executor(life)
        try:
            await life.executor.run()
        except (Crash, LeaseLost):
            life.dead = True

    def _executor(self, life: Life) -> Executor:
        ports = Ports(models=FakeModels(), tools=Tools(life), http=FakeHttp(), router=RuleRouter(), clock=self.clock)
        return Executor(
            plan(self.text),
            RunInfo(RUN_ID, TENANT_ID, "main", "manual"),
            {"left": self.left, **{f"items{n}": list(range(n)) for n in range(5)}},
            ports=ports,
            journal=Journal(life, self.database),
            sink=Silent(),
            records=tuple(self.database.records),
            signals=tuple(self.database.signals),
            chance=lambda: 1.0,
        )

    def _world_goes_on(self) -> None:
        """Signals come early, late, or when nothing else can happen; timers fire when they are due."""
        database = self.database
        if self._unsent and self.rng.random() < 0.3:
            self._send()
        if database.status != "suspended":
            return
        if database.wake_at is not None and (not self._unsent or self.rng.random() < 0.5):
            self.clock.time = max(self.clock.time, database.wake_at)
            database.status = "queued"
        elif self._unsent:
            self._send()
        else:
            raise Violation("suspended, and nothing is left that could wake the run")

    def _send(self) -> None:
        name = self._unsent.pop()
        self.database.signals.append(Signal(f"signal {name}", name, {"for": name}))
        if self.database.status == "suspended":
            self.database.status = "queued"

    def _check(self) -> None:
        database = self.database
        expected = result_of(self.program, self.left)
        if (database.status, database.output) != ("succeeded", expected):
            raise Violation(f"{database.status} {database.output} {database.error}, not {expected}")
        wanted = {f"{RUN_ID}:{path}:0" for path in effects_of(self.program, self.left)}
        if set(self.done) != wanted:
            raise Violation(f"effects {sorted(set(self.done) ^ wanted)} too many or missing")
        ends = [(r.path, r.iteration) for r in database.records if r.status == "succeeded"]
        if len(ends) != len(set(ends)):
            raise Violation("a step has ended twice")
        taken = [r.outcome["then"]["id"] for r in database.records if r.status == "resumed"]
        signals = [name for name in taken if name is not None]
        if len(signals) != len(set(signals)):
            raise Violation("a signal has ended two waits")

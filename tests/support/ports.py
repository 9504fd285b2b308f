"""One fake per port of the engine, in memory, with the behaviour that tests script. Tested in test_fake_ports.py."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import engine.nodes
from engine.errors import AppError, DefinitionMissing, LeaseLost, PermanentError
from engine.execution.context import Ports, RunInfo
from engine.execution.events import RunEvent, apart
from engine.execution.executor import Executor, RunResult
from engine.execution.plan import Plan, plan_of
from engine.execution.ports import (
    BusEvent,
    ChildRun,
    CodeResult,
    CodeTask,
    Definition,
    HttpReply,
    HttpRequest,
    Mcp,
    McpServer,
    MemoryPlace,
    ModelReply,
    ModelRequest,
    OnDelta,
    PromptText,
    Sandbox,
    StepRecord,
    ToolCall,
    ToolSpec,
)
from engine.router.rules import RuleRouter

engine.nodes.load()  # here, so that a test that only validates does not need another one to have run before it

Json = Any
Answer = Json | AppError | Callable[..., Json]
RUN_ID = UUID("00000000-0000-7000-8000-000000000001")
TENANT_ID = UUID("00000000-0000-7000-8000-00000000000a")

HEADER = """\
name: {name}
version: 1.0.0
description: a test
category: system
priority: low
"""


def workflow(body: str, name: str = "main") -> str:
    """A file's text from its nodes, edges and so on."""
    return HEADER.format(name=name) + body


def definition(text: str, name: str = "main") -> Definition:
    return Definition(name, hashlib.sha256(text.encode()).hexdigest(), text)


def plan(text: str, name: str = "main") -> Plan:
    return plan_of(definition(text, name))


class FakeClock:
    """Time stands still; sleeping moves it, at once. `slept` lists the delays."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


async def _answer(script: Answer, *args: Json) -> Json:
    """What a scripted answer gives: a value, a raised error, or the result of a (possibly async) function."""
    if isinstance(script, AppError):
        raise script
    value = script(*args) if callable(script) else script
    if asyncio.iscoroutine(value):
        value = await value
    if isinstance(value, AppError):
        raise value
    return value


class _Scripted:
    """Answers by key: a list is used up one by one (the last one stays), anything else answers every time."""

    def __init__(self, scripts: Mapping[str, Answer | list[Answer]]) -> None:
        self._scripts: dict[str, list[Answer]] = {
            k: list(v) if isinstance(v, list) else [v] for k, v in scripts.items()
        }

    def next(self, key: str) -> Answer:
        script = self._scripts[key]
        return script.pop(0) if len(script) > 1 else script[0]


class FakeModels:
    """Answers by the name of the step's node (the end of the idempotency key's path), or by "*"."""

    def __init__(self, answers: Mapping[str, Answer | list[Answer]] | None = None) -> None:
        self._answers = answers or {}
        self._scripts = _Scripted(self._answers)
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, on_delta: OnDelta | None = None) -> ModelReply:
        self.requests.append(request)
        node = request.idempotency_key.split(":")[1].rpartition("/")[2]
        text = await _answer(self._scripts.next(node if node in self._answers else "*"), request)
        if isinstance(text, ModelReply):
            return text
        if on_delta is not None:
            for word in text.split(" "):
                await on_delta(word)
        return ModelReply(text, "fake-model", tokens_in=10, tokens_out=5, cost_usd_micros=100)


class FakeTools:
    """Tools by name. `effects` lists what was done, once per idempotency key, as a real adapter promises."""

    def __init__(
        self,
        answers: Mapping[str, Answer | list[Answer]] | None = None,
        parameters: Mapping[str, Mapping[str, Json]] | None = None,
    ) -> None:
        """`parameters` are the tools' schemas by name."""
        self._answers = answers or {}
        self._parameters = parameters or {}
        self._scripts = _Scripted(self._answers)
        self.calls: list[ToolCall] = []
        self.effects: list[str] = []

    def spec(self, name: str) -> ToolSpec | None:
        if name not in self._answers:
            return None
        return ToolSpec(name, name, name, "fake", self._parameters.get(name, {}), {})

    def all_specs(self) -> list[ToolSpec]:
        return [spec for name in self._answers if (spec := self.spec(name)) is not None]

    async def call(self, call: ToolCall) -> Json:
        self.calls.append(call)
        result = await _answer(self._scripts.next(call.tool), call)
        if call.idempotency_key not in self.effects:
            self.effects.append(call.idempotency_key)
        return result


class FakeHttp:
    def __init__(self, reply: HttpReply | AppError | None = None) -> None:
        self.reply: HttpReply | AppError = reply or HttpReply(200, {}, {})
        self.requests: list[HttpRequest] = []

    async def request(self, request: HttpRequest) -> HttpReply:
        self.requests.append(request)
        if isinstance(self.reply, AppError):
            raise self.reply
        return self.reply


class FakePrompts:
    """Prompts by "name@version"; a text, or a text and instructions."""

    def __init__(self, texts: Mapping[str, str | tuple[str, str]] | None = None) -> None:
        self._texts = texts or {}

    async def load(self, tenant_id: UUID, name: str, version: int) -> PromptText:
        found = self._texts.get(f"{name}@{version}")
        if found is None:
            raise PermanentError(f"There is no prompt {name}@{version}.")
        return PromptText(name, version, *((found,) if isinstance(found, str) else found))


class FakeMcp:
    """Servers by name, each with its tools; `calls` lists (server, tool, arguments, idempotency key)."""

    def __init__(self, servers: Mapping[str, FakeTools] | None = None) -> None:
        self._servers = servers or {}
        self.calls: list[tuple[str, str, Mapping[str, Json], str]] = []

    async def tools(self, server: McpServer) -> Sequence[ToolSpec]:
        return self._servers[server.name].all_specs()

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Json], idempotency_key: str) -> Json:
        self.calls.append((server.name, tool, arguments, idempotency_key))
        call = ToolCall(server.tenant_id, tool, arguments, idempotency_key, RUN_ID)
        return await self._servers[server.name].call(call)


class FakeBus:
    """`events` lists what was published, once per idempotency key."""

    def __init__(self, error: AppError | None = None) -> None:
        self.error = error
        self.asked: list[BusEvent] = []
        self.events: list[BusEvent] = []

    async def publish(self, event: BusEvent) -> str:
        self.asked.append(event)
        if self.error is not None:
            raise self.error
        if event.idempotency_key not in {known.idempotency_key for known in self.events}:
            self.events.append(event)
        return f"event of {event.idempotency_key}"


class FakeCache:
    """Keeps answers for good, by (tenant, digest); `ttls` lists how long they were to be kept."""

    def __init__(self) -> None:
        self.answers: dict[tuple[UUID, str], Mapping[str, Json]] = {}
        self.ttls: list[float] = []

    async def get(self, tenant_id: UUID, digest: str) -> Mapping[str, Json] | None:
        return self.answers.get((tenant_id, digest))

    async def put(self, tenant_id: UUID, digest: str, answer: Mapping[str, Json], ttl_s: float) -> None:
        self.answers[tenant_id, digest] = answer
        self.ttls.append(ttl_s)


class FakeSandbox:
    """Answers what it is told to, whatever the program says."""

    def __init__(self, answer: Answer | CodeResult = None) -> None:
        self.answer = answer
        self.tasks: list[CodeTask] = []

    async def run(self, task: CodeTask) -> CodeResult:
        self.tasks.append(task)
        value = await _answer(self.answer, task)
        return value if isinstance(value, CodeResult) else CodeResult(value)


class FakeMemory:
    """Entries by place; `now` moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.entries: dict[MemoryPlace, list[tuple[Json, float | None]]] = {}
        self._done: set[str] = set()

    async def last(self, place: MemoryPlace, limit: int) -> Sequence[Json]:
        kept = [value for value, ends in self.entries.get(place, []) if ends is None or ends > self.now]
        return kept[-limit:]

    async def append(self, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None = None) -> None:
        if self._first(idempotency_key):
            ends = None if ttl_s is None else self.now + ttl_s
            self.entries.setdefault(place, []).append((value, ends))

    async def write(self, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None = None) -> None:
        if idempotency_key not in self._done:
            self.entries.pop(place, None)
            await self.append(place, value, idempotency_key, ttl_s)

    async def clear(self, place: MemoryPlace, idempotency_key: str) -> None:
        if self._first(idempotency_key):
            self.entries.pop(place, None)

    def _first(self, idempotency_key: str) -> bool:
        new = idempotency_key not in self._done
        self._done.add(idempotency_key)
        return new


class FakeDefinitions:
    """Other workflows, by name."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._by_name = {name: definition(text, name) for name, text in (texts or {}).items()}

    async def load(self, name: str, version_range: str | None) -> Definition:
        if name not in self._by_name:
            raise DefinitionMissing(f"there is no workflow named {name!r}", workflow=name)
        return self._by_name[name]

    async def by_hash(self, hash: str) -> Definition:
        return next(d for d in self._by_name.values() if d.hash == hash)


class FakeChildRuns:
    """`started` lists the runs, one for each idempotency key; `asked` every call."""

    def __init__(self, error: AppError | None = None) -> None:
        self.error = error
        self.asked: list[ChildRun] = []
        self.started: dict[str, ChildRun] = {}

    async def start(self, child: ChildRun) -> str:
        self.asked.append(child)
        if self.error is not None:
            raise self.error
        self.started.setdefault(child.idempotency_key, child)
        return f"run of {child.idempotency_key}"


class MemoryJournal:
    """`durable` is what a crash would leave; `ends` what was committed as the end. `lose_lease_at` raises LeaseLost."""

    def __init__(self, *, lose_lease_at: int | None = None) -> None:
        self.records: list[StepRecord] = []
        self.durable = 0
        self.barriers = 0
        self.ends: list[tuple[str, Json, Mapping[str, Json] | None]] = []
        self.wake_at: float | None = None
        self.signals_seen: int | None = None
        self.handed_over = False
        self._lose_at = lose_lease_at

    @property
    def attempts(self) -> list[StepRecord]:
        """The records that end an attempt."""
        return [record for record in self.records if record.status in ("succeeded", "failed", "opened")]

    def append(self, record: StepRecord) -> None:
        if self._lose_at is not None and len(self.records) >= self._lose_at:
            raise LeaseLost
        self.records.append(record)

    async def barrier(self) -> None:
        self.barriers += 1
        self.durable = len(self.records)

    async def finish(self, status: str, output: Json, error: Mapping[str, Json] | None) -> None:
        await self.barrier()
        self.ends.append((status, output, error))

    async def suspend(self, wake_at: float | None, signals_seen: int) -> None:
        await self.barrier()
        self.wake_at, self.signals_seen = wake_at, signals_seen

    async def hand_over(self) -> None:
        await self.barrier()
        self.handed_over = True


class RecordingSink:
    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    def emit(self, event: RunEvent) -> None:
        self.events += [RunEvent(**told) for told in apart(dict(vars(event)))]

    def emit_lazily(self, make: Callable[..., RunEvent], *facts: Any) -> None:
        self.emit(make(*facts))

    def seen(self, type: str) -> list[str]:
        """Paths of the events of a type, in their order."""
        return [event.path for event in self.events if event.type == type]

    def data(self, type: str, path: str = "") -> list[Mapping[str, Json]]:
        return [event.data for event in self.events if event.type == type and event.path == path]


@dataclass
class World:
    """All fakes of one run, and the run."""

    models: FakeModels = field(default_factory=FakeModels)
    tools: FakeTools = field(default_factory=FakeTools)
    http: FakeHttp = field(default_factory=FakeHttp)
    definitions: FakeDefinitions = field(default_factory=FakeDefinitions)
    prompts: FakePrompts = field(default_factory=FakePrompts)
    mcp: Mcp = field(default_factory=FakeMcp)
    memory: FakeMemory = field(default_factory=FakeMemory)
    sandbox: Sandbox = field(default_factory=FakeSandbox)
    bus: FakeBus = field(default_factory=FakeBus)
    cache: FakeCache = field(default_factory=FakeCache)
    runs: FakeChildRuns = field(default_factory=FakeChildRuns)
    clock: FakeClock = field(default_factory=FakeClock)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    sink: RecordingSink = field(default_factory=RecordingSink)
    info: RunInfo = field(default_factory=lambda: RunInfo(RUN_ID, TENANT_ID, "main", "manual"))

    @property
    def ports(self) -> Ports:
        return Ports(
            models=self.models,
            tools=self.tools,
            http=self.http,
            router=RuleRouter(),
            definitions=self.definitions,
            clock=self.clock,
            prompts=self.prompts,
            mcp=self.mcp,
            memory=self.memory,
            sandbox=self.sandbox,
            bus=self.bus,
            cache=self.cache,
            runs=self.runs,
        )

    def executor(self, text: str, run_input: Mapping[str, Json] | None = None, **options: Any) -> Executor:
        return Executor(
            plan(text),
            self.info,
            run_input or {},
            ports=self.ports,
            journal=self.journal,
            sink=self.sink,
            chance=lambda: 1.0,
            **options,
        )

    async def run(self, text: str, run_input: Mapping[str, Json] | None = None, **options: Any) -> RunResult:
        return await asyncio.wait_for(self.executor(text, run_input, **options).run(), 20)


def paths(records: Sequence[StepRecord], status: str = "succeeded") -> list[str]:
    return [record.path for record in records if record.status == status]

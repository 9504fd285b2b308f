"""What a node sees while it runs: the data in scope and the ports, bound to one attempt of one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from engine.execution.absent import (
    NoCache,
    NoChildRuns,
    NoDefinitions,
    NoEventBus,
    NoMcp,
    NoMemory,
    NoPrompts,
    NoSandbox,
)
from engine.execution.ports import (
    AnswerCache,
    ChildRuns,
    Clock,
    Definitions,
    EventBus,
    Http,
    Mcp,
    Memory,
    Models,
    Prompts,
    Router,
    Sandbox,
    Tools,
    Usage,
)

Json = Any


@dataclass(frozen=True)
class RunInfo:
    """The run as expressions see it under `run`.

    `origin_id` is the run that this one goes on from: its effects have the keys that they had there. `started_at` is
    when it first started, unix time by the database's clock; 0 where nobody knows.
    """

    run_id: UUID
    tenant_id: UUID
    workflow: str
    trigger: str
    conversation_id: UUID | None = None
    origin_id: UUID | None = None
    started_at: float = 0.0

    def key(self, path: str, iteration: int) -> str:
        """The idempotency key of a step: the same for every attempt, on every worker."""
        return f"{self._first}:{path}:{iteration}"

    @cached_property
    def _first(self) -> str:
        return str(self.origin_id or self.run_id)

    @property
    def constants(self) -> dict[str, Json]:
        """The roots `run` and `tenant` of expressions."""
        conversation = str(self.conversation_id) if self.conversation_id else None
        run = {
            "id": str(self.run_id),
            "workflow": self.workflow,
            "trigger": self.trigger,
            "conversation_id": conversation,
        }
        return {"run": run, "tenant": {"id": str(self.tenant_id)}}


@dataclass(frozen=True, slots=True)
class RunPart:
    """Which part of the workflow is to be run: from `entry` on, or with `only` just that node.

    `context` is put over the run's input. `pins` are outputs of nodes, by name, that are taken instead of running them;
    `outputs` those of nodes that ran before and are only read.
    """

    entry: str | None = None
    only: bool = False
    context: Mapping[str, Json] = field(default_factory=dict)
    pins: Mapping[str, Json] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)


WHOLE = RunPart()


@dataclass(frozen=True, slots=True)
class Resumed:
    """What ended a wait: a signal with its data, or (`signal` None) the moment that was waited for."""

    signal: str | None
    data: Mapping[str, Json]
    at: float  # unix time
    until: float | None  # the moment that was waited for, unix time


class Effects(Protocol):
    """The durable effects of one attempt (effects.py)."""

    async def once(self, name: str, request: Json, work: Callable[[str], Awaitable[Json]]) -> Json: ...


class StepContext(Protocol):
    """Given to `Node.run`. Data is JSON only and never changed in place (it is shared with the run's state).

    `history` is the conversation so far, oldest first: {role, content}. A node that calls models sets `usage` after
    each call, so that money spent is counted even when the step then fails.
    """

    timeout_s: float
    input: Json  # what the node's `inputs` returned
    usage: Usage
    models: Models
    tools: Tools
    http: Http
    router: Router
    prompts: Prompts
    mcp: Mcp
    memory: Memory
    sandbox: Sandbox
    bus: EventBus
    cache: AnswerCache
    runs: ChildRuns
    clock: Clock

    @property
    def run(self) -> RunInfo: ...

    @property
    def history(self) -> tuple[Mapping[str, str], ...]: ...

    @property
    def node(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def inferred_schema(self) -> Mapping[str, Json] | None:
        """Of an agent, from the conditions downstream."""
        ...

    @property
    def kept(self) -> Json:
        """What the step put aside for itself when it began its last wait."""
        ...

    @property
    def arrived(self) -> tuple[str, ...]:
        """Of a join: the nodes whose tokens it gathered."""
        ...

    @property
    def idempotency_key(self) -> str:
        """run:path:iteration, the same for every attempt."""
        ...

    @property
    def signal(self) -> str:
        """A name for a signal that only this step waits for."""
        ...

    @property
    def resumed(self) -> Resumed | None:
        """Set when the step goes on after a wait."""
        ...

    @property
    def money_left_usd_micros(self) -> int | None:
        """What the run may still spend, as it stood when the attempt began; None: no limit."""
        ...

    async def on_delta(self, text: str) -> None:
        """Stream text to the run's event stream."""
        ...

    def render(self, template: str) -> str:
        """Fill `{path}` and `{path | default}` from the data in scope, once."""
        ...

    def evaluate(self, expression: str) -> Json:
        """Value of an expression; raises ExpressionError."""
        ...

    def resolve(self, value: Json) -> Json:
        """Deep copy of a config value with `${...}` and `context.x` texts replaced by what they refer to."""
        ...

    async def effect(self, name: str, request: Json, work: Callable[[str], Awaitable[Json]]) -> Json:
        """Do `work(idempotency key)` once: `name` says which effect of this step it is, the same at each attempt.

        What is about to happen is committed before, and the result (JSON) is recorded: a later attempt, or another
        worker after a crash, gets it back without doing the work again. Work that raises may be done again.
        """
        ...


class Ports(NamedTuple):
    """The world, as one run may use it. What an installation does not have says so at its first use.

    (A named tuple: each run has its own, and three of them are the run's.)
    """

    models: Models
    tools: Tools
    http: Http
    router: Router
    clock: Clock
    definitions: Definitions = NoDefinitions()
    prompts: Prompts = NoPrompts()
    mcp: Mcp = NoMcp()
    memory: Memory = NoMemory()
    sandbox: Sandbox = NoSandbox()
    bus: EventBus = NoEventBus()
    cache: AnswerCache = NoCache()
    runs: ChildRuns = NoChildRuns()

"""What the run loop needs from the world, as Protocols. Adapters live in connectors, runners and engine/store.

Every call that can have an effect carries an idempotency key that is stable across attempts and restarts.
Failures are `engine.errors.AppError`; nothing else crosses a port.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import time
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from engine.execution.events import RunEvent

Json = Any
Tier = Literal["A", "B", "C"]
MemoryScope = Literal["run", "conversation", "customer", "tenant"]
OnDelta = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What the router may look at. `text` is the whole prompt; `schema` the demanded output, `tools` the tool count."""

    tenant_id: UUID
    node: str
    text: str
    schema: Mapping[str, Json] | None = None
    tools: int = 0
    min_quality: float | None = None
    max_cost_usd: float | None = None
    max_latency_ms: int | None = None
    allowed: tuple[Tier, ...] = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """The tier and why, in words for people. `features` are the numbers the rule looked at."""

    tier: Tier
    reason: str
    confidence: float
    features: Mapping[str, float | str]


class Router(Protocol):
    def choose(self, request: RouteRequest) -> RouteDecision: ...


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model call. `model` is "tier:A" | "tier:B" | "tier:C" or a LiteLLM id; `messages` in the OpenAI form.

    `tiers` maps tier to a model id where the node overrides the installation's choice. `tools` are in the OpenAI form;
    without `may_call` they are only told, because earlier messages speak of them.
    """

    tenant_id: UUID
    model: str
    messages: Sequence[Mapping[str, Json]]
    idempotency_key: str
    temperature: float | None = None
    max_tokens: int | None = None
    output_schema: Mapping[str, Json] | None = None
    tools: Sequence[Mapping[str, Json]] = ()
    may_call: bool = True
    tiers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ModelReply:
    """The answer. `cost_usd_micros` is in millionths of a dollar; `demo` says the built-in demo model answered."""

    text: str
    model: str
    tokens_in: int
    tokens_out: int
    cost_usd_micros: int
    tool_calls: Sequence[Mapping[str, Json]] = ()  # {"id", "name", "arguments": {...}}
    demo: bool = False
    note: str | None = None


class Models(Protocol):
    async def complete(self, request: ModelRequest, on_delta: OnDelta | None = None) -> ModelReply:
        """Raises ModelError, RateLimited, TransientError, AuthError, StepTimeout."""
        ...


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the language sees it: `parameters` and `returns` are JSON Schemas.

    `compensation` is the tool that takes a call back: {"tool_name", "parameters": {name: "output.x" | "parameters.x"}}.
    """

    name: str
    title: str
    description: str
    connector: str
    parameters: Mapping[str, Json]
    returns: Mapping[str, Json]
    writes: bool = False
    icon: str = "wrench"
    compensation: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool. `policy` holds the node's overrides of the connector's policy."""

    tenant_id: UUID
    tool: str
    parameters: Mapping[str, Json]
    idempotency_key: str
    run_id: UUID
    timeout_s: float | None = None
    credential: str | None = None
    policy: Mapping[str, Json] = field(default_factory=dict)


class Tools(Protocol):
    def spec(self, name: str) -> ToolSpec | None: ...

    async def call(self, call: ToolCall) -> Json:
        """Raises ConnectorError; its `error_type` is what `error_handling` matches (crm_error, ...)."""
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An outbound call; the egress client decides whether the address may be reached at all.

    `credential` names a credential of the tenant, which the client adds to the call; its value never enters the run.
    `repeatable`: it may be sent twice, though its method does not say so. `enough` is given the reply's body piece by
    piece; once it says True, the rest is not waited for (streams whose other side does not hang up).
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Json] = field(default_factory=dict)
    body: Json = None
    timeout_s: float = 30.0
    allow_hosts: tuple[str, ...] = ()
    tenant_id: UUID | None = None
    credential: str | None = None
    idempotency_key: str | None = None
    repeatable: bool = False
    enough: Callable[[bytes], bool] | None = None
    policy: Mapping[str, Json] = field(default_factory=dict)  # overrides of the egress client's policy
    follow_redirects: bool = True  # False: a redirect is the reply


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    headers: Mapping[str, str]
    body: Json  # parsed when the reply is JSON, else text


_MOST_DIGITS = 16  # of a number of seconds that means something


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until the other side wants to be asked again, from seconds or a date; None when it does not say."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < _MOST_DIGITS else None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - rarely needed, and slow to import

    try:
        return max(parsedate_to_datetime(text).timestamp() - time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


class Http(Protocol):
    async def request(self, request: HttpRequest) -> HttpReply: ...


@dataclass(frozen=True, slots=True)
class PromptText:
    """One version of a prompt of the tenant's library: templates for the request and, if it has them, instructions."""

    name: str
    version: int
    text: str
    system: str | None = None


class Prompts(Protocol):
    async def load(self, tenant_id: UUID, name: str, version: int) -> PromptText:
        """A version never changes. Raises PermanentError when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server of the Model Context Protocol as a node names it; `credential` is a name in the tenant's vault."""

    tenant_id: UUID
    name: str
    url: str
    credential: str | None = None
    timeout_s: float = 30.0


class Mcp(Protocol):
    async def tools(self, server: McpServer) -> Sequence[ToolSpec]:
        """What the server offers, under its own names. Raises ConnectorError, StepTimeout."""
        ...

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Json], idempotency_key: str) -> Json:
        """The tool's result. Raises PermanentError for what the tool refuses, else like `tools`."""
        ...


@dataclass(frozen=True, slots=True)
class MemoryPlace:
    """Where something is remembered: `owner` is the run, conversation or customer that the scope asks for."""

    tenant_id: UUID
    scope: MemoryScope
    owner: str
    key: str


class Memory(Protocol):
    """What outlives a step: under each place a list of entries, oldest first. They are JSON; `ttl_s` None: for good.

    A repeated call with the same idempotency key changes nothing, whatever was written in between. All raise InputError
    (also for more than a place, or its owner, may hold) and TransientError.
    """

    async def last(self, place: MemoryPlace, limit: int) -> Sequence[Json]:
        """The newest entries that have not run out, oldest first."""
        ...

    async def append(self, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None = None) -> None:
        """Add an entry; the oldest ones beyond the limit of a place are dropped."""
        ...

    async def write(self, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None = None) -> None:
        """Let this be the only entry."""
        ...

    async def clear(self, place: MemoryPlace, idempotency_key: str) -> None:
        """Let there be no entry. What was there is gone for good."""
        ...


@dataclass(frozen=True, slots=True)
class CodeTask:
    """A program in Python that sees `inputs` as its variables; what it leaves in `result` is its answer."""

    tenant_id: UUID
    source: str
    inputs: Mapping[str, Json]
    seconds: float
    memory_mb: int


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What a program left, and (cut) what it printed."""

    value: Json
    printed: str = ""


class Sandbox(Protocol):
    async def run(self, task: CodeTask) -> CodeResult:
        """Raises CodeFailed, StepTimeout, OutputTooLarge; ConfigError where the operator has not allowed code."""
        ...


@dataclass(frozen=True, slots=True)
class BusEvent:
    """Something that others may want to know. With the same `idempotency_key` it is published once."""

    tenant_id: UUID
    run_id: UUID
    topic: str
    payload: Mapping[str, Json]
    idempotency_key: str


class EventBus(Protocol):
    async def publish(self, event: BusEvent) -> str:
        """Returns the event's id once it will be delivered, whatever dies.

        Raises TransientError; InputError for a topic that is none or the house's own, or too large a payload.
        """
        ...


class AnswerCache(Protocol):
    """Answers of steps, by the tenant and a digest of what was asked. Best effort: neither call ever raises."""

    async def get(self, tenant_id: UUID, digest: str) -> Mapping[str, Json] | None: ...

    async def put(self, tenant_id: UUID, digest: str, answer: Mapping[str, Json], ttl_s: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Definition:
    """The text of one workflow as a run sees it. `hash` is the sha256 of the text, in hex."""

    name: str
    hash: str
    text: str
    version: str | None = None  # the number of the published version, None for a draft or a file


class Definitions(Protocol):
    async def load(self, name: str, version_range: str | None) -> Definition:
        """The definition a sub_workflow node means, pinned for the run; raises DefinitionMissing."""
        ...

    async def by_hash(self, hash: str) -> Definition: ...


@dataclass(frozen=True, slots=True)
class ChildRun:
    """A run of another workflow that a step starts. One `idempotency_key` is one run, whatever it is given later."""

    workflow: str
    version_range: str | None
    input: Mapping[str, Json]
    idempotency_key: str


class ChildRuns(Protocol):
    async def start(self, child: ChildRun) -> str:
        """Returns the run's id once it is accepted: it will go on by itself, whatever becomes of the step.

        Raises DefinitionMissing, DefinitionError, InputError for an input that the workflow does not take,
        BudgetExceeded for too long a chain of runs that started each other, TransientError.
        """
        ...


class Usage(NamedTuple):
    """What a step's model calls used in all; `tier` and `reason` are the router's, None for a fixed model."""

    model: str | None = None
    tier: str | None = None
    reason: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd_micros: int = 0


NO_USAGE = Usage()


# The end of an attempt is succeeded or failed. On the way: opened (frames beneath), iterated (one item of a loop),
# requested and effect (before and after the outside world is touched), suspended and resumed, edited (by a person).
StepRecordStatus = Literal[
    "succeeded", "failed", "opened", "iterated", "requested", "effect", "suspended", "resumed", "edited"
]


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that a run may wait for. `id` is unique; a signal ends one wait."""

    id: str
    name: str
    data: Mapping[str, Json]


@dataclass(slots=True)
class StepRecord:
    """One line of the journal: the end of one attempt of one step, or something that happened on the way there.
    Never changed; it is not frozen because every step makes one, and that takes three times as long.

    `seq` orders the records of a run; folding them over the initial state gives the state back. `path` joins the names
    of the sub_workflow nodes above with "/". `outcome` is the node's full result as JSON together with what
    the run did next (records.py).
    """

    seq: int
    path: str
    node_type: str
    iteration: int
    attempt: int
    status: StepRecordStatus
    outcome: Mapping[str, Json]
    input: Json = None
    started_at: float = 0.0  # unix time, seconds
    duration_ms: int = 0
    usage: Usage = NO_USAGE

    @property
    def ended_at(self) -> float:
        """Unix time, as exactly as the journal keeps it (milliseconds after the start); 0 when it never started."""
        return self.started_at + self.duration_ms / 1000 if self.started_at else 0.0


class Journal(Protocol):
    """The durable record of one leased run. Every write is fenced: it raises LeaseLost when the epoch has moved on."""

    def append(self, record: StepRecord) -> None:
        """Queue a record; returns at once, before it is durable."""
        ...

    async def barrier(self) -> None:
        """Return once everything appended so far is committed."""
        ...

    async def finish(self, status: str, output: Json, error: Mapping[str, Json] | None) -> None:
        """Commit the end of the run together with everything appended; releases the lease."""
        ...

    async def suspend(self, wake_at: float | None, signals_seen: int) -> None:
        """Commit, release the lease, and let the scheduler wake the run at `wake_at` (unix time) or a signal.

        `signals_seen` is how many signals the run knows of: when there are more, it is queued again at once.
        """
        ...

    async def hand_over(self) -> None:
        """Commit, release the lease, and leave the run queued for a worker."""
        ...


class EventSink(Protocol):
    """Best effort, never waits and never raises: live events are a view; the journal is the truth."""

    def emit(self, event: RunEvent) -> None: ...

    def emit_lazily(self, make: Callable[..., RunEvent], *facts: Any) -> None:
        """As `emit` of the event that `make` gives of these facts, about a step: what nobody is told is not made."""
        ...


class Clock(Protocol):
    def now(self) -> float:
        """Unix time in seconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...

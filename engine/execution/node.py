"""The behaviour of a node: `run(ctx, config) -> Outcome`. One file a type in engine/nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from engine.execution.context import StepContext
from engine.execution.ports import Usage
from engine.language.node_types import NodeConfig, NodeType

C = TypeVar("C", bound=NodeConfig)
Json = Any
_NOTHING: Mapping[str, Json] = {}


class Done(NamedTuple):
    """The step succeeded. A mapping is merged into context unless the node has an `output_key`.

    `reply` is text meant for the person at the other end (context.reply_text).
    `context` holds further values to put into context beside the output.
    (A named tuple: a run makes one a step.)
    """

    output: Json = None
    reply: str | None = None
    context: Mapping[str, Json] = _NOTHING
    remove: tuple[str, ...] = ()  # context keys to delete


@dataclass(frozen=True, slots=True)
class CallWorkflow:
    """The step's result is that of another workflow, run in a frame of its own under this step's path."""

    workflow: str
    version_range: str | None
    input: Mapping[str, Json] | None  # None: the called workflow sees the caller's whole context
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Suspend:
    """The step waits without holding a worker, until `wake_at` (unix time) or a signal of that name, whose data has the
    values of `match`: any other one is left for whoever else waits.

    Then `run` is called again, with `ctx.resumed` saying what ended the wait; it may suspend once more. `reason` (wait,
    event, approval, ...) and `data` are for people: the list of what is waited for shows them. `keep` is for the step
    itself: it finds it again in `ctx.kept`.
    """

    reason: str
    wake_at: float | None = None
    signal: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict)
    keep: Json = None
    match: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """The step waits, as with Suspend, until people have answered each of these questions (questions.py), in whatever
    order, or until that moment (unix time).

    Each is listed by itself. `ctx.resumed.data` is {"answers": {hash of the question: answer}} then; of a wait that
    time has ended these are the ones that came.
    """

    questions: tuple[Mapping[str, Json], ...]  # at least one
    signal: str
    until: float | None = None
    keep: Json = None


@dataclass(frozen=True, slots=True)
class Iterate:
    """The step's body is run once for each item, or again and again when `items` is None (see engine/nodes/loop.py)."""

    items: tuple[Json, ...] | None


Outcome = Done | CallWorkflow | Iterate | Suspend | Ask


class Node(NodeType, Generic[C]):
    """Base of every node type. Stateless: all data comes in through `ctx` and `config`, no own I/O.

    Expected failures are raised as `engine.errors.AppError`; anything else is wrapped once by the executor.
    """

    config_model: ClassVar[type[NodeConfig]]
    families: ClassVar[tuple[str, ...]] = ()  # general error types that any failure of this node also counts as

    def inputs(self, ctx: StepContext, config: C) -> Json:  # noqa: ARG002
        """What the step works on, as JSON: shown to people, kept in the journal, and given to `run` as `ctx.input`."""
        return None

    async def asked(self, ctx: StepContext, config: C) -> Json:  # noqa: ARG002
        """Everything that the answer depends on beside the config, as JSON: what a cache knows the answer by. None
        when this very step must not be answered from a cache. Its `inputs`, unless the type says otherwise."""
        return ctx.input

    @abstractmethod
    async def run(self, ctx: StepContext, config: C) -> Outcome: ...


__all__ = ["Ask", "CallWorkflow", "Done", "Iterate", "Node", "Outcome", "StepContext", "Suspend", "Usage"]

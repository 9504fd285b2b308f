"""What a run is between two steps.

A run is a tree of frames: the workflow itself (path ""), one for each open sub_workflow step (path "a", "a/b"), and
one for each item that a loop works on (path "a[3]"). Active steps are the run's tokens; a frame lives as long as it has
one.

Tokens and frames are immutable, and JSON values are shared, never copied. The state that holds them is copied once for
a record (`State.copy`, a few shallow dicts), and only that copy is changed, before anybody else has it.
(Named tuples, because dataclasses.replace is slow; with a `_replace` of their own, because theirs is slow, too.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from engine.execution.plan import Plan, PlanNode

T = TypeVar("T", bound=tuple[Any, ...])
Json = Any
Key = tuple[str, int]  # (path, iteration) of a step
_EMPTY: Mapping[str, Any] = {}
_NO_RESULTS: Mapping[int, Any] = {}


def _replaceable(cls: type[T]) -> type[T]:
    """With a `_replace` that costs a third of the one that named tuples come with."""
    place = {name: number for number, name in enumerate(cls._fields)}  # type: ignore[attr-defined]

    def _replace(self: T, /, **changes: Any) -> T:
        values = list(self)
        for name, value in changes.items():
            values[place[name]] = value
        return tuple.__new__(cls, values)

    cls._replace = _replace  # type: ignore[attr-defined]
    return cls


class Wait(NamedTuple):
    """What a suspended step waits for: a moment (unix time), a signal of that name, or whichever comes first.

    `match` are the values that the signal's data must have. With `questions` it takes an answer to each of them.
    """

    until: float | None
    signal: str | None
    match: Mapping[str, Json] = _EMPTY
    questions: tuple[Mapping[str, Json], ...] = ()


@_replaceable
class Loop(NamedTuple):
    """A loop under way. `items` is None for one without a list; `carried` is what its last iteration put into context.

    `opened` counts the frames opened so far, `running` holds the indexes of those that have not been settled. `kept` is
    roughly how many bytes the results are.
    """

    items: tuple[Json, ...] | None
    opened: int = 0
    running: tuple[int, ...] = ()
    results: Mapping[int, Json] = _NO_RESULTS
    stopped: bool = False
    carried: Mapping[str, Json] = _EMPTY
    kept: int = 0


@_replaceable
class Active(NamedTuple):
    """A token: a step that is to be run, waits (`not_before` for its retry, `wait`, or for other branches), or has
    frames open beneath it.

    `tries` counts the retries granted so far, by who granted them. `effects` are the results of effects within the step
    that were done already, by name. `resumed` is what ended the last wait, `kept` what the step put aside for itself
    when it began to wait. `arrived` are the nodes whose tokens a join has gathered; None for a step that gathers
    nothing.
    """

    path: str
    iteration: int
    frame: str
    node: str
    attempt: int = 1
    tries: Mapping[str, int] = _EMPTY
    not_before: float | None = None
    open: bool = False
    started_at: float | None = None
    effects: Mapping[str, Json] = _EMPTY
    wait: Wait | None = None
    resumed: Mapping[str, Json] | None = None
    kept: Json = None
    arrived: tuple[str, ...] | None = None
    loop: Loop | None = None

    @property
    def key(self) -> Key:
        return (self.path, self.iteration)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a frame ended. Without `error` it succeeded; `reply` is the last text it wrote for the person."""

    output: Json = None
    reply: str | None = None
    error: Mapping[str, Json] | None = None


@_replaceable
class Frame(NamedTuple):
    """One workflow, or one item of a loop, under way. `produced` lists the context keys that its own steps wrote.

    `outputs` is the `nodes` root of expressions: {name: {"output": value}}. `visits_before` is the run's count of
    visits when the frame was opened: a retry of the calling step repeats the same iterations, and effects their keys.
    `item` holds the further roots `item` and `index` of an item's frame; an edge that leads back to `border` ends it.
    `only` is the one node that is to be run.
    """

    path: str
    plan: Plan
    context: Mapping[str, Json]
    inputs: Mapping[str, Json]
    caller: Key | None = None
    timeout_s: float | None = None
    outputs: Mapping[str, Json] = _EMPTY
    produced: Mapping[str, None] = _EMPTY
    visited: frozenset[str] = frozenset()
    visits_before: Mapping[str, int] = _EMPTY
    ending: Ending | None = None
    item: Mapping[str, Json] = _EMPTY
    only: str | None = None
    border: str | None = None


class Spent(NamedTuple):
    """What a frame's steps and all beneath them have taken of its limits.

    `used_ms` is the time in which at least one step ran, `busy_until` the end of the last such stretch (unix time).
    """

    steps: int = 0
    used_ms: int = 0
    busy_until: float = 0.0
    cost_usd_micros: int = 0


NOTHING_SPENT = Spent()


@dataclass(slots=True)
class State:
    """A whole run. `constants` are the roots `run` and `tenant` of expressions; `visits` counts starts by path.

    `frames` and `spent` have the same paths. `taken` holds the ids of the signals that a step has used up.
    """

    constants: Mapping[str, Json]
    frames: dict[str, Frame]
    spent: dict[str, Spent]
    active: dict[Key, Active]
    visits: dict[str, int]
    seq: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    taken: frozenset[str] = frozenset()

    @property
    def root(self) -> Frame:
        return self.frames[""]

    def copy(self) -> State:
        """One that may be changed without a change of this one."""
        return State(
            self.constants,
            self.frames.copy(),
            self.spent.copy(),
            self.active.copy(),
            self.visits.copy(),
            self.seq,
            self.tokens_in,
            self.tokens_out,
            self.taken,
        )


def node_of(state: State, active: Active) -> PlanNode:
    """The node that this token stands on."""
    return state.frames[active.frame].plan.nodes[active.node]


@lru_cache(maxsize=4096)
def chain(path: str) -> tuple[str, ...]:
    """A frame's path and those of all frames above it, innermost first: "a/b" -> ("a/b", "a", "")."""
    return (path, *chain(path.rpartition("/")[0])) if path else ("",)


def money_left(state: State, path: str) -> int | None:
    """Millionths of a dollar that a step of this frame may still spend, by the nearest limit; None without one."""
    left: list[int] = []
    for frame_path in chain(path):
        limit = state.frames[frame_path].plan.defaults.max_cost_usd
        if limit is not None:
            left.append(round(limit * 1e6) - state.spent[frame_path].cost_usd_micros)
    return min(left, default=None)


def scope_of(state: State, frame: Frame) -> dict[str, Json]:
    """The roots of expressions as this frame sees them; nothing is copied."""
    return {
        "context": frame.context,
        "nodes": frame.outputs,
        "inputs": frame.inputs,
        "variables": frame.plan.workflow.variables,
        **state.constants,
        **frame.item,
    }


def with_error(frame: Frame, node: str, error: Mapping[str, Json]) -> Frame:
    """The frame as those see it who handle the failure of this node: `context.error` is {type, message, node}."""
    told = {"type": error.get("type"), "message": error.get("message"), "node": node}
    return frame._replace(context={**frame.context, "error": told})


def merged(frame: Frame, node: PlanNode, outcome: Mapping[str, Json], entered: Iterable[str] = ()) -> Frame:
    """The frame with a step's result in it, and these further nodes visited.

    A mapping's keys go into context, unless the node has an output_key: then the whole output goes there.
    """
    output = outcome.get("output")
    changes: Mapping[str, Json] = _EMPTY
    if node.config.output_key:
        changes = {node.config.output_key: output}
    elif isinstance(output, dict):
        changes = output
    if "context" in outcome:
        changes = {**changes, **outcome["context"]}
    if "reply" in outcome:
        changes = {**changes, "reply_text": outcome["reply"]}
    outputs = {**frame.outputs, node.name: {"output": output}}
    removed = outcome.get("remove")
    visited = frame.visited.union(entered) if entered else frame.visited
    if not changes and not removed:
        return frame._replace(outputs=outputs, visited=visited)
    context = {**frame.context, **changes}
    produced = {**frame.produced, **dict.fromkeys(changes)}
    for key in removed or ():
        context.pop(key, None)
        produced.pop(key, None)
    return frame._replace(outputs=outputs, context=context, produced=produced, visited=visited)

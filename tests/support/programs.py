"""Random small workflows whose result a few lines of plain Python can tell: the model that the engine is held against.

A program is a tree; `text_of` writes it as a workflow, `result_of` says what the workflow has to answer, and
`effects_of` which steps have to touch the outside world, whatever happens to the workers meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.ports import workflow

Json = Any


@dataclass(frozen=True)
class Tool:
    """One call; a `broken` one fails for good, and the run goes on without it."""

    name: str
    broken: bool = False


@dataclass(frozen=True)
class Timer:
    name: str
    seconds: int


@dataclass(frozen=True)
class Event:
    """A wait for a signal that bears the name of the node."""

    name: str


@dataclass(frozen=True)
class Parallel:
    name: str
    branches: tuple[Program, ...]


@dataclass(frozen=True)
class Loop:
    name: str
    items: int
    concurrency: int
    body: tuple[Tool | Timer, ...]


@dataclass(frozen=True)
class Choice:
    """The left way when the run's input says so."""

    name: str
    left: Program
    right: Program


Part = Tool | Timer | Event | Parallel | Loop | Choice
Program = tuple[Part, ...]


@dataclass
class Names:
    """Gives every node a name of its own."""

    used: int = 0

    def next(self, kind: str) -> str:
        self.used += 1
        return f"{kind}{self.used}"


def program(rng: random.Random, names: Names | None = None, depth: int = 0) -> Program:
    """A program of one to four parts; deeper ones are smaller."""
    names = names or Names()
    return tuple(_part(rng, names, depth) for _ in range(rng.randint(1, 4 if depth == 0 else 2)))


def _part(rng: random.Random, names: Names, depth: int) -> Part:
    kinds = ["tool", "tool", "tool", "timer", "event"] + (["parallel", "loop", "choice"] if depth < 2 else [])
    match rng.choice(kinds):
        case "timer":
            return Timer(names.next("timer"), rng.choice([1, 40, 600]))
        case "event":
            return Event(names.next("event"))
        case "parallel":
            name = names.next("fork")
            return Parallel(name, tuple(program(rng, names, depth + 1) for _ in range(rng.randint(2, 3))))
        case "loop":
            name = names.next("loop")
            body: list[Tool | Timer] = [Tool(names.next("tool")) for _ in range(rng.randint(1, 2))]
            if rng.random() < 0.3:
                body.insert(0, Timer(names.next("timer"), rng.choice([1, 40])))
            return Loop(name, rng.randint(0, 4), rng.randint(1, 3), tuple(body))
        case "choice":
            return Choice(names.next("choice"), program(rng, names, depth + 1), program(rng, names, depth + 1))
    return Tool(names.next("tool"), broken=rng.random() < 0.15)


# -- as a workflow ---------------------------------------------------------------------------------------------------


@dataclass
class _Lines:
    nodes: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)

    def node(self, name: str, kind: str, config: str = "", more: str = "") -> None:
        self.nodes.append(f"  - {{name: {name}, type: {kind}, config: {{{config}}}{more}}}")

    def edge(self, source: str, target: str, condition: str = "") -> None:
        when = f', condition: "{condition}"' if condition else ""
        self.edges.append(f"  - {{from: {source}, to: {target}{when}}}")


RETRY = ", retry: {max_attempts: 3, initial_seconds: 5, jitter: false}"


def text_of(parts: Program) -> str:
    """The program as a workflow that answers what its parts put into context."""
    lines = _Lines()
    lines.node("start", "start")
    last = _written(lines, parts, "start")
    outputs = ", ".join(f"{name}: context.{name}" for name in sorted(answers_of(parts)))
    lines.node("end", "end", f"output: {{{outputs}}}")
    lines.edge(last, "end")
    head = "config: {max_steps: 10000, timeout_seconds: 100000}"
    return workflow("\n".join([head, "nodes:", *lines.nodes, "edges:", *lines.edges]) + "\n")


def _written(lines: _Lines, parts: Sequence[Part], before: str) -> str:
    for part in parts:
        before = _write(lines, part, before)
    return before


def _write(lines: _Lines, part: Part, before: str) -> str:
    """Add a part behind a node; returns the node behind which the next one goes."""
    lines.edge(before, part.name)
    match part:
        case Tool(name, broken):
            more = f", on_error: {{action: continue, output: {{{name}: broken}}}}" if broken else RETRY
            lines.node(name, "tool", f"tool_name: {'broken' if broken else 'work'}, parameters: {{name: {name}}}", more)
        case Timer(name, seconds):
            lines.node(name, "wait", f"seconds: {seconds}, output_key: {name}")
        case Event(name):
            lines.node(name, "wait", f"event: {{name: {name}}}, output_key: {name}")
        case Parallel(name, branches):
            lines.node(name, "parallel")
            join = f"{name}_join"
            lines.node(join, "join", f"merge: none, output_key: {join}")
            for branch in branches:
                lines.edge(_written(lines, branch, name), join)
            return join
        case Loop(name, items, concurrency, body):
            collect = f"context.{body[-1].name}"
            over = f"over: 'inputs.items{items}', body: {body[0].name}, concurrency: {concurrency}, collect: {collect}"
            lines.node(name, "loop", f"{over}, output_key: {name}")
            inner = _Lines()
            last = _written(inner, body, name)
            lines.nodes += inner.nodes
            lines.edges += inner.edges[1:]  # the body is named, no edge leads to it
            lines.edge(last, name)
        case Choice(name, left, right):
            lines.node(name, "condition")
            join = f"{name}_join"
            lines.node(join, "join", f"merge: none, output_key: {join}")
            mark = len(lines.edges)
            lines.edge(_written(lines, left, name), join)
            lines.edges[mark] = lines.edges[mark][:-1] + ', condition: "inputs.left"}'
            lines.edge(_written(lines, right, name), join)
            return join
    return part.name


# -- what it has to do -----------------------------------------------------------------------------------------------


def answers_of(parts: Sequence[Part]) -> Iterator[str]:
    """Names under which parts put something into context."""
    for part in parts:
        match part:
            case Parallel(_, branches):
                for branch in branches:
                    yield from answers_of(branch)
            case Choice(_, left, right):
                yield from answers_of((*left, *right))
            case _:
                yield part.name


def result_of(parts: Sequence[Part], left: bool) -> dict[str, Json]:
    """What the run has to answer; None for parts on the way not taken."""
    answer: dict[str, Json] = dict.fromkeys(answers_of(parts))
    answer.update(_done(parts, left))
    return answer


def _done(parts: Sequence[Part], left: bool) -> Iterator[tuple[str, Json]]:
    for part in parts:
        match part:
            case Tool(name, broken):
                yield name, "broken" if broken else name.upper()
            case Timer(name, _):
                yield name, {"timed_out": False}
            case Event(name):
                yield name, {"timed_out": False, "event": {"name": name, "data": {"for": name}}}
            case Parallel(_, branches):
                for branch in branches:
                    yield from _done(branch, left)
            case Loop(name, items, _, body):
                kept = dict(_done(body, left))[body[-1].name]
                yield name, {"results": [kept] * items, "count": items, "complete": True}
            case Choice(_, one, other):
                yield from _done(one if left else other, left)


def effects_of(parts: Sequence[Part], left: bool, prefix: str = "") -> Iterator[str]:
    """Paths of the steps that call a tool."""
    for part in parts:
        match part:
            case Tool(name):
                yield prefix + name
            case Parallel(_, branches):
                for branch in branches:
                    yield from effects_of(branch, left, prefix)
            case Loop(name, items, _, body):
                for index in range(items):
                    yield from effects_of(body, left, f"{prefix}{name}[{index}]/")
            case Choice(_, one, other):
                yield from effects_of(one if left else other, left, prefix)


def events_of(parts: Sequence[Part]) -> Iterator[str]:
    """Signals that the program may wait for."""
    for part in parts:
        match part:
            case Event(name):
                yield name
            case Parallel(_, branches):
                for branch in branches:
                    yield from events_of(branch)
            case Choice(_, left, right):
                yield from events_of((*left, *right))

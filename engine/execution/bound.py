"""The context that a node gets: the data in scope and the world outside, bound to one attempt of one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, Protocol

from engine.errors import ExpressionError, SchemaError
from engine.execution.context import NO_USAGE, Effects, Ports, Resumed, RunInfo
from engine.execution.plan import PlanNode
from engine.execution.state import Active, State, money_left, scope_of
from engine.execution.telling import Teller
from engine.language.expressions import compile_expression
from engine.language.resolve import resolve_value
from engine.language.templates import compile_template

Json = Any


class Runner(Protocol):
    """What attempts and their contexts need of the executor."""

    state: State

    @property
    def ports(self) -> Ports: ...

    @property
    def info(self) -> RunInfo: ...

    @property
    def history(self) -> tuple[Mapping[str, str], ...]: ...

    @property
    def tell(self) -> Teller: ...

    def effects_of(self, active: Active, node: PlanNode, idempotency_key: str) -> Effects: ...


class BoundContext:
    """The StepContext of one attempt. What few nodes ask for is made when one does: a run binds a context a step.

    Expressions and templates are compiled once per text, by the language.
    """

    def __init__(self, runner: Runner, active: Active, node: PlanNode, timeout_s: float) -> None:
        self._runner, self._active, self._node, self._state = runner, active, node, runner.state
        self.scope = scope_of(self._state, self._state.frames[active.frame])
        self.run, self.history = runner.info, runner.history
        self.node, self.inferred_schema = node.name, node.inferred_schema
        self.path, self.attempt, self.timeout_s = active.path, active.attempt, timeout_s
        self.kept, self.arrived = active.kept, active.arrived or ()
        self.input: Json = None
        self.usage = NO_USAGE
        ports = runner.ports
        self.models, self.tools, self.http = ports.models, ports.tools, ports.http
        self.router, self.clock = ports.router, ports.clock
        self.prompts, self.mcp, self.memory = ports.prompts, ports.mcp, ports.memory
        self.sandbox, self.bus, self.cache, self.runs = ports.sandbox, ports.bus, ports.cache, ports.runs

    @cached_property
    def idempotency_key(self) -> str:
        return self.run.key(self._active.path, self._active.iteration)

    @cached_property
    def signal(self) -> str:
        return _signal(self._state, self._active)

    @cached_property
    def resumed(self) -> Resumed | None:
        ended = self._active.resumed
        return None if ended is None else Resumed(ended["signal"], ended["data"], ended["at"], ended["until"])

    @property
    def money_left_usd_micros(self) -> int | None:
        return money_left(self._state, self._active.frame)

    async def on_delta(self, text: str) -> None:
        self._runner.tell.step("step.delta", self._active, self._node, {"text": text})

    def render(self, template: str) -> str:
        return compile_template(template).render(self.scope)

    def evaluate(self, expression: str) -> Json:
        try:
            compiled = compile_expression(expression)
        except SchemaError as err:
            raise ExpressionError(err.public_message, **err.details) from err
        return compiled.evaluate(self.scope)

    def resolve(self, value: Json) -> Json:
        return resolve_value(value, self.scope)

    async def effect(self, name: str, request: Json, work: Callable[[str], Awaitable[Json]]) -> Json:
        return await self._effects.once(name, request, work)

    @cached_property
    def _effects(self) -> Effects:
        return self._runner.effects_of(self._active, self._node, self.idempotency_key)


def _signal(state: State, active: Active) -> str:
    """A signal that only this step waits for: beneath a step that is tried again another one than at its first try, for
    what came then is used up."""
    name, frame = f"step:{active.path}:{active.iteration}", state.frames[active.frame]
    again = 0
    while frame.caller is not None:
        caller = state.active[frame.caller]
        again += caller.attempt - 1
        frame = state.frames[caller.frame]
    return f"{name}:{again}" if again else name

"""The context that a node gets: the data in scope and the world outside, bound to one attempt of one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, Protocol

from engine.errors import ExpressionError, SchemaError
from engine.execution.context import Effects, Ports, Resumed, RunInfo
from engine.execution.plan import PlanNode
from engine.execution.ports import NO_USAGE
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


class _Port:
    """A port of the run, under the name that it has there."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, ctx: BoundContext, owner: type) -> Any:
        return getattr(ctx._runner.ports, self._name)


def _port() -> Any:
    return _Port()


class BoundContext:
    """The StepContext of one attempt. What few nodes ask for is made when one does: a run binds a context a step.

    Expressions and templates are compiled once per text, by the language.
    """

    models = _port()
    tools = _port()
    http = _port()
    router = _port()
    clock = _port()
    prompts = _port()
    mcp = _port()
    memory = _port()
    sandbox = _port()
    bus = _port()
    cache = _port()
    runs = _port()

    def __init__(self, runner: Runner, active: Active, node: PlanNode, timeout_s: float) -> None:
        self._runner, self._active, self._node, self._state = runner, active, node, runner.state
        self.scope = scope_of(self._state, self._state.frames[active.frame])
        self.timeout_s = timeout_s
        self.input: Json = None
        self.usage = NO_USAGE

    @property
    def run(self) -> RunInfo:
        return self._runner.info

    @property
    def history(self) -> tuple[Mapping[str, str], ...]:
        return self._runner.history

    @property
    def node(self) -> str:
        return self._node.name

    @property
    def inferred_schema(self) -> Mapping[str, Json] | None:
        return self._node.inferred_schema

    @property
    def path(self) -> str:
        return self._active.path

    @property
    def attempt(self) -> int:
        return self._active.attempt

    @property
    def kept(self) -> Json:
        return self._active.kept

    @property
    def arrived(self) -> tuple[str, ...]:
        return self._active.arrived or ()

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

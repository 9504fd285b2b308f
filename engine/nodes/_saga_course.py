"""The course of a saga: forth, and back when a step fails. What happened is told by the recorded effects alone, so
that a second attempt, or another worker after a crash, takes the very same course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import AppError, CompensationFailed, PermanentError, SagaFailed, StepTimeout
from engine.execution.context import StepContext
from engine.execution.ports import ToolCall
from engine.execution.records import clean
from engine.nodes._parameters import resolve_parameters

if TYPE_CHECKING:
    from engine.nodes.saga import SagaConfig, SagaStep

Json = Any
Result = Mapping[str, Json]  # {"output": ...} or {"error": the error as JSON}
# Shares of the step's time after which no further call is started: forth, back; the rest is for telling people.
FORTH, BACK = 0.5, 0.9
PAUSES_S = (1.0, 5.0, 15.0)  # before each further try of a compensation
PEOPLE = "escalate_to_human"


@dataclass(frozen=True, slots=True)
class _Ask:
    """What to call, and how."""

    tool: str
    parameters: Mapping[str, Json]
    credential: str | None = None
    policy: Mapping[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class _Back:
    """What came of taking back: names of steps, and for `open` what is still to do and why it failed."""

    compensated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    open: list[dict[str, Json]] = field(default_factory=list)


class Course:
    """One attempt at a saga."""

    def __init__(self, ctx: StepContext, config: SagaConfig) -> None:
        self._ctx, self._config = ctx, config
        self._given: Mapping[str, Mapping[str, Json]] = {s["name"]: s["parameters"] for s in ctx.input["steps"]}
        self._sent: dict[str, _Ask] = {}
        self._results: dict[str, Result] = {}
        self._started = ctx.clock.now()

    async def run(self) -> Json:
        """Raises SagaFailed, or CompensationFailed when something is left for people to do."""
        await self._forth()
        failed = next((step for step in self._config.steps if "error" in self._results.get(step.name, {})), None)
        if failed is None:
            steps = {name: result["output"] for name, result in self._results.items()}
            return {"saga_status": "completed", "steps": steps}
        cause = self._results[failed.name]["error"]
        back = await self._back()
        details = {"step": failed.name, "cause": cause, "compensated": back.compensated, "kept": back.kept}
        if back.open:
            told = await self._tell_people(failed.name, back.open)
            message = f"{failed.name} failed, and {', '.join(each['step'] for each in back.open)} could not be undone."
            raise CompensationFailed(message, **details, open=back.open, escalation_id=told)
        raise SagaFailed(f"{failed.name} failed: {cause['message']}", **details, error_type=cause["type"])

    # -- forth -------------------------------------------------------------------------------------------------------

    async def _forth(self) -> None:
        steps = self._config.steps
        if self._config.parallel:
            import asyncio  # noqa: PLC0415 - heavy for a process that only validates

            found = await asyncio.gather(*(self._do(step) for step in steps), return_exceptions=True)
            for step, result in zip(steps, found, strict=True):
                if isinstance(result, BaseException):
                    raise result
                self._results[step.name] = result
            return
        for step in steps:
            self._results[step.name] = await self._do(step)
            if "error" in self._results[step.name]:
                return

    async def _do(self, step: SagaStep) -> Result:
        parameters = _filled(self._given[step.name], {"steps": self._outputs()})
        ask = self._sent[step.name] = _Ask(step.tool_name, parameters, step.credential, step.policy)
        return await self._call(f"{step.name}:do", f"{step.name}:do", ask)

    def _outputs(self) -> dict[str, Json]:
        return {name: result.get("output") for name, result in self._results.items()}

    # -- back --------------------------------------------------------------------------------------------------------

    async def _back(self) -> _Back:
        back = _Back()
        for step in reversed([step for step in self._config.steps if step.name in self._results]):
            if not _may_have_happened(self._results[step.name]):
                continue
            if self._compensation(step) is None:
                back.kept.append(step.name)
            elif (problem := await self._taken_back(step)) is None:
                back.compensated.append(step.name)
            elif problem:
                back.open.append(problem)
        return back

    async def _taken_back(self, step: SagaStep) -> dict[str, Json] | None:
        """None when the step is taken back, an empty dict when it never happened, else what is left to do."""
        for number in range(len(PAUSES_S) + 1):
            result = self._results[step.name]
            if "error" in result:  # no answer came: the same key tells what it was
                result = await self._call(f"{step.name}:find:{number}", f"{step.name}:do", self._sent[step.name])
            if not _may_have_happened(result):
                return {}
            if "output" in result:
                self._results[step.name] = result
                try:
                    undo = self._undo(step, result["output"])
                except AppError as error:  # its parameters cannot be computed, and will not be the next time
                    return {"step": step.name, "error": error.to_dict()}
                result = await self._call(f"{step.name}:undo:{number}", f"{step.name}:undo", undo)
                if "output" in result:
                    return None
            if number == len(PAUSES_S) or self._time_left("back") <= PAUSES_S[number]:
                break
            await self._ctx.clock.sleep(PAUSES_S[number])
        return {"step": step.name, "error": result["error"]}

    def _compensation(self, step: SagaStep) -> Mapping[str, Json] | None:
        if step.compensation is not None:
            return step.compensation.model_dump()
        spec = self._ctx.tools.spec(step.tool_name)
        return spec.compensation if spec is not None else None

    def _undo(self, step: SagaStep, output: Json) -> _Ask:
        """The call that takes the step back."""
        written, sent = self._compensation(step) or {}, self._sent[step.name]
        sources = {"output": output, "parameters": sent.parameters, "steps": self._outputs()}
        parameters = _filled(resolve_parameters(self._ctx, written["parameters"]), sources)
        return _Ask(written["tool_name"], parameters, step.credential, step.policy)

    async def _tell_people(self, failed: str, left: list[dict[str, Json]]) -> str | None:
        """Put it before people; returns the number it goes by, None when there is no such tool or it failed."""
        if self._ctx.tools.spec(PEOPLE) is None:
            return None
        message = f"{self._ctx.run.workflow}, {self._ctx.path}: {failed} failed, and what was done before could not be "
        message += "undone: " + "; ".join(f"{each['step']} ({each['error']['message']})" for each in left)
        parameters = {"priority": "critical", "category": "saga", "message": message[:4000]}
        result = await self._call("people", "people", _Ask(PEOPLE, parameters))
        return result["output"].get("escalation_id") if isinstance(result.get("output"), Mapping) else None

    # -- calls -------------------------------------------------------------------------------------------------------

    async def _call(self, name: str, key: str, ask: _Ask) -> Result:
        """One call, recorded with its outcome under `saga:name`; `key` is the same for all tries of the same thing."""
        ctx = self._ctx

        async def work(_: str) -> Json:
            left = self._time_left(name)
            if left <= 0:  # a step that was never called is not one of unknown outcome
                error = StepTimeout("The saga has no time left for this step.").to_dict()
                return {"error": {**error, "retryable": not name.endswith(":do")}}
            call = ToolCall(
                tenant_id=ctx.run.tenant_id,
                tool=ask.tool,
                parameters=ask.parameters,
                idempotency_key=f"{ctx.idempotency_key}:saga:{key}",
                run_id=ctx.run.run_id,
                timeout_s=left,
                credential=ask.credential,
                policy=ask.policy,
            )
            try:
                if ctx.tools.spec(ask.tool) is None:
                    raise PermanentError(f"there is no tool named {ask.tool!r}", tool=ask.tool)
                return _storable(await ctx.tools.call(call))
            except AppError as error:
                return {"error": error.to_dict()}

        request = {"tool": ask.tool, "parameters": dict(ask.parameters)}
        result: Result = await ctx.effect(f"saga:{name}", request, work)
        return result

    def _time_left(self, name: str) -> float:
        share = FORTH if name.endswith(":do") else 1.0 if name == "people" else BACK
        return self._started + self._ctx.timeout_s * share - self._ctx.clock.now()


def _storable(output: Json) -> Json:
    """The result of a call that was made: also one whose answer is more than may be stored has to be taken back."""
    try:
        return clean({"output": output})
    except AppError as error:
        return {"error": {**error.to_dict(), "retryable": True}}


def _may_have_happened(result: Result) -> bool:
    return "output" in result or bool(result["error"]["retryable"])


def _filled(parameters: Mapping[str, Json], sources: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters with texts such as "output.payment_id" replaced; what leads nowhere is left out."""
    filled: dict[str, Json] = {}
    for name, value in parameters.items():
        first, _, rest = value.partition(".") if isinstance(value, str) else ("", "", "")
        found = _at(sources[first], rest.split(".")) if rest and first in sources else value
        if isinstance(found, Mapping) and found is value:
            found = _filled(value, sources)
        if found is not None or value is None:
            filled[name] = found
    return filled


def _at(value: Json, path: list[str]) -> Json:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value

"""Live events of one run (events.py): what people see while it runs. A view only: nothing depends on it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from engine.execution.events import RunEvent
from engine.execution.plan import PlanNode
from engine.execution.ports import Clock, EventSink, StepRecord
from engine.execution.skips import Skips
from engine.execution.state import Active, State

Json = Any
_NOTHING: Mapping[str, Json] = {}


class Teller:
    """Emits the events of a run, each skipped node once."""

    def __init__(self, sink: EventSink, clock: Clock, run_id: str) -> None:
        self._sink, self._clock, self._run_id = sink, clock, run_id
        self._skips = Skips()

    def run(self, type: str, data: Mapping[str, Json] = _NOTHING) -> Awaitable[None]:
        return self._sink.emit(RunEvent(type, self._run_id, self._clock.now(), data=data))

    def step(self, type: str, active: Active, node: PlanNode, data: Mapping[str, Json] = _NOTHING) -> Awaitable[None]:
        at = self._clock.now()
        event = RunEvent(type, self._run_id, at, active.path, node.type, active.iteration, active.attempt, data)
        return self._sink.emit(event)

    async def ended(self, state: State, active: Active, node: PlanNode, record: StepRecord) -> None:
        """An attempt has ended and its record is applied."""
        then = record.outcome["then"]
        if record.status == "failed":
            data = {"error": record.outcome["error"], "will_retry": then["do"] == "retry"}
            await self.step("step.failed", active, node, data | _figures(record) | _onward(active, then))
        else:
            data = {"output": record.outcome.get("output")}
            await self.step("step.succeeded", active, node, data | _figures(record) | _onward(active, then))
        if (then["do"] == "go" and node.forks) or then["do"] in ("end", "respond", "fail"):
            await self.skipped(state, active.frame)

    def opened(self, path: str) -> None:
        """A frame is opened (again): nothing in it is skipped yet."""
        self._skips.forget(path)

    async def skipped(self, state: State, path: str) -> None:
        """Tell which nodes of a frame have just become unreachable."""
        for name in self._skips.lost(state, path):
            step_path = f"{path}/{name}" if path else name
            await self.step("step.skipped", Active(step_path, 0, path, name), state.frames[path].plan.nodes[name])


def _figures(record: StepRecord) -> dict[str, Json]:
    figures: dict[str, Json] = {"duration_ms": record.duration_ms}
    if record.model is not None:
        figures |= {
            "model": record.model,
            "tier": record.tier,
            "reason": record.reason,
            "tokens_in": record.tokens_in,
            "tokens_out": record.tokens_out,
            "cost_usd_micros": record.cost_usd_micros,
        }
    return figures


def _onward(active: Active, then: Mapping[str, Json]) -> dict[str, Json]:
    """Where the run goes from this step, as edges of names; `by` when something other than an edge decided."""
    out: dict[str, Json] = {}
    if then["do"] == "go":
        out["edges"] = [[active.node, target] for target in then["to"]]
    if "by" in then:
        out["by"] = then["by"]
    return out

"""Live events of one run (events.py): what people see while it runs. A view only: nothing depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.execution.events import RunEvent
from engine.execution.plan import PlanNode
from engine.execution.ports import Clock, EventSink, StepRecord
from engine.execution.skips import Skips
from engine.execution.state import Active, State

Json = Any
_NOTHING: Mapping[str, Json] = {}


class Teller:
    """Emits the events of a run, each skipped node once.

    What the journal keeps, too, is told with the journal's time, so that who has read it there knows it again.
    """

    def __init__(self, sink: EventSink, clock: Clock, run_id: str) -> None:
        self._sink, self._clock, self._run_id = sink, clock, run_id
        self._skips = Skips()

    def run(self, type: str, data: Mapping[str, Json] = _NOTHING, at: float = 0.0) -> None:
        """Something about the run as a whole; `at` unix time, 0 for now."""
        self._sink.emit(RunEvent(type, self._run_id, at or self._clock.now(), data=data))

    def step(
        self, type: str, active: Active, node: PlanNode, data: Mapping[str, Json] = _NOTHING, at: float = 0.0
    ) -> None:
        """Something about a step; `at` unix time, 0 for now."""
        at = at or self._clock.now()
        self._sink.emit(
            RunEvent(type, self._run_id, at, active.path, node.type, active.iteration, active.attempt, data)
        )

    def started(self, active: Active, node: PlanNode, at: float, given: Json) -> None:
        """An attempt has begun, with this input."""
        self.step("step.started", active, node, {"input": given}, at)

    def ended(self, state: State, active: Active, node: PlanNode, record: StepRecord, *, start: bool) -> None:
        """An attempt has ended and its record is applied: what it gave and took, and where the run goes from there,
        along edges of names, or as `by` decided instead of one. `start`: nobody has been told that it had begun."""
        self._sink.emit_lazily(self._end_of, active, node, record, start)
        do = record.outcome["then"]["do"]
        if (do == "go" and node.forks) or do in ("end", "respond", "fail"):
            self.skipped(state, active.frame)

    def _end_of(self, active: Active, node: PlanNode, record: StepRecord, start: bool) -> RunEvent:
        outcome, usage = record.outcome, record.usage
        then = outcome["then"]
        type, data = "step.succeeded", {"output": outcome.get("output"), "duration_ms": record.duration_ms}
        if record.status == "failed":
            type = "step.failed"
            data = {"error": outcome["error"], "will_retry": then["do"] == "retry", "duration_ms": record.duration_ms}
        if usage.model is not None:
            data |= usage._asdict()
        if then["do"] == "go":
            name = active.node
            data["edges"] = [[name, target] for target in then["to"]]
        if "by" in then:
            data["by"] = then["by"]
        at, first = record.ended_at or self._clock.now(), (record.started_at, record.input) if start else None
        path, iteration, attempt = active.path, active.iteration, active.attempt
        return RunEvent(type, self._run_id, at, path, node.type, iteration, attempt, data, first)

    def opened(self, path: str) -> None:
        """A frame is opened (again): nothing in it is skipped yet."""
        self._skips.forget(path)

    def skipped(self, state: State, path: str) -> None:
        """Tell which nodes of a frame have just become unreachable."""
        for name in self._skips.lost(state, path):
            step_path = f"{path}/{name}" if path else name
            self.step("step.skipped", Active(step_path, 0, path, name), state.frames[path].plan.nodes[name])

"""Live events of a run, as they travel over the run's Redis stream to browsers and API clients.

    run.queued  run.started  run.suspended  run.succeeded  run.failed  run.cancelled
    step.queued  step.started  step.delta  step.suspended  step.succeeded  step.failed  step.skipped

`data` by type: step.started {input}; step.delta {text}; step.succeeded {output, duration_ms, model, tier, reason,
tokens_in, tokens_out, cost_usd_micros, edges: [[from, to], ...] taken}; step.failed {error, will_retry, duration_ms};
step.suspended {reason, data, until, signal, question?: its number among those that the step asks at once};
run.suspended {wake_at, answered?: hashes of questions that have their answer, of steps that wait for more};
run.succeeded {output, duration_ms, cost_usd_micros, tokens_in, tokens_out}; run.failed {error, ...same numbers}.
step.queued is told of steps with an effect, or that may take long; all others begin at once, and their start travels
with their end (`apart`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RunStatus(StrEnum):
    """queued -> running -> succeeded | failed | cancelled; running <-> suspended; running -> queued (handed over)."""

    QUEUED = "queued"
    RUNNING = "running"
    SUSPENDED = "suspended"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)


# Types of events that are a run's last.
RUN_ENDS = frozenset(f"run.{status}" for status in RunStatus if status.is_final)


class StepStatus(StrEnum):
    """Of a step as people see it; `skipped` is a node that this run can no longer reach."""

    QUEUED = "queued"
    RUNNING = "running"
    SUSPENDED = "suspended"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass
class RunEvent:
    """One event; `at` is unix time in seconds. `path` is empty for events of the run itself.

    `start` is on the end of a step that only computes: when it began (unix time) and its input, which nobody was told.
    It travels as the JSON object of its fields, and whoever reads it takes it `apart`. Never changed; it is neither
    frozen nor has slots, because a run makes some twenty of them: so it is made, and written as JSON, in half the time.
    """

    type: str
    run_id: str
    at: float
    path: str = ""
    node_type: str = ""
    iteration: int = 0
    attempt: int = 1
    data: Mapping[str, Any] = field(default_factory=dict)
    start: tuple[float, Any] | None = None


def apart(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events as people get them, of one that travelled: a step's start, if it came with the end, then the rest."""
    start = event.pop("start", None)
    if start is not None:
        at, given = start
        yield {**event, "type": "step.started", "at": at, "data": {"input": given}}
    yield event

"""What callers see of a run: its state, its steps, and its events rebuilt from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from engine.execution.events import RunEvent, RunStatus, apart
from engine.execution.executor import RunResult
from engine.execution.records import wait_told
from engine.store.json_text import json_bytes
from engine.store.tables.runs import RunRow, StepRow

Json = Any


class RunView(NamedTuple):
    """A run as it stands in the database. Totals are those of its last lease's end; `steps` is their number.

    (A named tuple: a webhook's answer is made of one.)
    """

    run_id: UUID
    workflow_name: str
    status: str
    trigger: str
    input: Mapping[str, Json]
    output: Json
    error: Mapping[str, Json] | None
    tokens_in: int
    tokens_out: int
    cost_usd_micros: int
    steps: int
    workflow_id: UUID | None
    version_number: int | None
    conversation_id: UUID | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def is_final(self) -> bool:
        return RunStatus(self.status).is_final

    @property
    def cost_usd(self) -> float:
        return self.cost_usd_micros / 1e6

    @property
    def duration_ms(self) -> int | None:
        """From being accepted to the end, as the one who asked sees it; None while the run goes on."""
        if self.ended_at is None:
            return None
        return round((self.ended_at - self.created_at).total_seconds() * 1000)

    @classmethod
    def of(cls, row: RunRow) -> RunView:
        return cls(**{name: getattr(row, name) for name in cls._fields})

    @classmethod
    def ended(cls, run: Mapping[str, Json], result: RunResult) -> RunView:
        """Of a run that was accepted as `run` (its row as JSON) and has ended here, as a look at its row would show."""
        found = orjson.loads(json_bytes({"output": result.output, "error": result.error}))
        return cls(**_read(run, cls._fields) | {"status": result.status.value} | found | dict(result.closed or {}))

    @classmethod
    def of_json(cls, run: Mapping[str, Json]) -> RunView:
        """Of a row as JSON."""
        return cls(**_read(run, cls._fields))

    def to_dict(self) -> dict[str, Json]:
        """JSON: ids and times as text."""
        values = {k: _plain(v) for k, v in self._asdict().items()}
        return values | {"cost_usd": self.cost_usd, "duration_ms": self.duration_ms}


def _read(run: Mapping[str, Json], names: Iterable[str]) -> dict[str, Any]:
    """These columns of a row as JSON, with ids and times as they are."""
    values = {name: run[name] for name in names}
    for name in ("run_id", "workflow_id", "conversation_id"):
        values[name] = None if values[name] is None else _uuid(values[name])
    for name in ("created_at", "started_at", "ended_at"):
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    return values


_uuid = lru_cache(maxsize=1024)(UUID)  # of few workflows


@dataclass(frozen=True, slots=True)
class StepView:
    """One attempt of one step. `output` and `error` come from the journal's outcome."""

    seq: int
    path: str
    node_type: str
    iteration: int
    attempt: int
    status: str
    input: Json
    output: Json
    error: Mapping[str, Json] | None
    started_at: datetime | None
    duration_ms: int
    model: str | None
    tier: str | None
    reason: str | None
    tokens_in: int
    tokens_out: int
    cost_usd_micros: int

    @classmethod
    def of(cls, row: StepRow) -> StepView:
        taken = {name: getattr(row, name) for name in cls.__slots__ if name not in ("output", "error")}
        return cls(**taken, output=row.outcome.get("output"), error=row.outcome.get("error"))

    def to_dict(self) -> dict[str, Json]:
        """JSON: times as text."""
        return {k: _plain(v) for k, v in asdict(self).items()}


def rebuilt_events(row: RunRow, steps: Sequence[StepRow]) -> Iterator[tuple[str, dict[str, Json]]]:
    """The events that the journal can vouch for, with ids that sort before those of any stream."""
    run_id = str(row.run_id)
    events = [RunEvent("run.queued", run_id, row.created_at.timestamp())]
    if row.started_at is not None:
        events.append(RunEvent("run.started", run_id, row.started_at.timestamp()))
    events += [event for step in steps for event in _step_events(run_id, step)]
    if RunStatus(row.status).is_final:
        events.append(end_event(row))
    told = (one for event in events for one in apart(vars(event)))
    for number, one in enumerate(told, start=1):
        yield f"0-{number}", one


def end_event(row: RunRow) -> RunEvent:
    """The last event of a run that is over."""
    view = RunView.of(row)
    numbers = {
        "duration_ms": view.duration_ms,
        "cost_usd_micros": row.cost_usd_micros,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
    }
    result = {"output": row.output} if row.status == RunStatus.SUCCEEDED else {"error": row.error}
    ended = row.ended_at.timestamp() if row.ended_at else row.created_at.timestamp()
    return RunEvent(f"run.{row.status}", str(row.run_id), ended, data=result | numbers)


def _step_events(run_id: str, step: StepRow) -> Iterator[RunEvent]:
    began = step.started_at.timestamp() if step.started_at else 0.0
    who: dict[str, Any] = {
        "path": step.path,
        "node_type": step.node_type,
        "iteration": step.iteration,
        "attempt": step.attempt,
    }
    yield RunEvent("step.started", run_id, began, data={"input": step.input}, **who)
    if step.status == "suspended":
        told = wait_told(step.outcome)
        yield RunEvent("step.suspended", run_id, began + step.duration_ms / 1000, data=told, **who)
    if step.status not in ("succeeded", "failed"):
        return
    then = step.outcome.get("then") or {}
    data: dict[str, Any] = {"duration_ms": step.duration_ms}
    if step.status == "failed":
        data |= {"error": step.outcome.get("error"), "will_retry": then.get("do") == "retry"}
    else:
        data |= {name: getattr(step, name) for name in ("model", "tier", "reason", "tokens_in", "tokens_out")}
        node = step.path.rpartition("/")[2]
        edges = [[node, target] for target in then.get("to") or ()]
        data |= {"output": step.outcome.get("output"), "cost_usd_micros": step.cost_usd_micros, "edges": edges}
    if "by" in then:
        data["by"] = then["by"]
    yield RunEvent(f"step.{step.status}", run_id, began + step.duration_ms / 1000, data=data, **who)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value

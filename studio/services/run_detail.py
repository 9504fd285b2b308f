"""One run with its steps: what the page of a run shows, and what a click on a step shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.errors import NotFound
from engine.execution.events import RunStatus
from engine.store.access import chains, overview, runs
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow, StepRow
from studio.services import words
from studio.services.reading import shown_input, shown_json
from studio.services.runs import RunLine, line_of, run_id_of, short_id, version_text

StepKey = tuple[str, int]  # path and iteration


@dataclass(frozen=True, slots=True)
class StepLine:
    """A bar of the timeline. `left` and `width` are percentages of the run's time."""

    key: str
    name: str
    depth: int
    node_type: str
    status: str
    left: str
    width: str
    duration: str
    cost: str
    tier: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a run or step failed. `step` is the key of the step to look at, where one is known."""

    message: str = ""
    code: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class Starter:
    """The step of another run that started this one; empty for a run that nobody's step started."""

    run_id: str = ""
    short_id: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class RunPage:
    """Everything the page shows before a step is chosen."""

    line: RunLine
    link: str  # the workflow's page, empty when there is none
    source: str
    input: str
    output: str
    fault: Fault
    steps: list[StepLine]
    chosen: str  # the step that deserves a look first
    started_by: Starter
    goes_on_from: str  # the run that was tried again, empty for a first try


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a step."""

    number: int
    status: str
    duration: str
    message: str


@dataclass(frozen=True, slots=True)
class StepPage:
    """What a click on a step shows."""

    key: str = ""
    name: str = ""
    path: str = ""
    node_type: str = ""
    status: str = ""
    duration: str = ""
    started_at: str = ""
    model: str = ""
    tier: str = ""
    reason: str = ""
    tokens: str = ""
    cost: str = ""
    input: str = ""
    output: str = ""
    fault: Fault = field(default_factory=Fault)
    started: str = ""  # a run that the step started
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RunningStep:
    """A step that a live event announced; the journal knows it only once it has ended."""

    node_type: str
    started_at: datetime


async def load(db: Database, scope: Scope, run_id: str, running: Mapping[StepKey, RunningStep]) -> RunPage:
    """The run as it stands. `running` are steps that live events say are under way. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await runs.get_run(tx, run_id_of(run_id))
        records = await runs.list_steps(tx, row.run_id)
        name = await overview.name_of(tx, row.workflow_id) if row.workflow_id else None
    now = datetime.now(UTC)
    groups = grouped(records)
    steps = _timeline(row, groups, {} if _is_over(row) else running, now)
    return RunPage(
        line=line_of(row, now),
        link=f"/app/workflows/{name}" if name else "",
        source=version_text(row),
        input=shown_json(row.input),
        output=shown_json(row.output) if row.output is not None else "",
        fault=_run_fault(row, groups),
        steps=steps,
        chosen=_first_look(groups),
        started_by=_starter(row),
        goes_on_from=str(row.origin_run_id or ""),
    )


async def load_step(db: Database, scope: Scope, run_id: str, key: str) -> StepPage:
    """One step with all its attempts. Raises NotFound."""
    async with db.transaction(scope) as tx:
        records = await runs.list_steps(tx, run_id_of(run_id))
    for known, attempts in grouped(records).items():
        if key_text(known) == key:
            return _step_page(known, attempts)
    raise NotFound("This step has not come to an end yet.")


def grouped(records: Iterable[StepRow]) -> dict[StepKey, list[StepRow]]:
    """The journal's records by step, in the order in which the steps began."""
    found: dict[StepKey, list[StepRow]] = {}
    for record in records:
        found.setdefault((record.path, record.iteration), []).append(record)
    return found


def key_text(key: StepKey) -> str:
    """A step's name in addresses and events of the page."""
    path, iteration = key
    return f"{path}#{iteration}"


def _is_over(row: RunRow) -> bool:
    return RunStatus(row.status).is_final


def _timeline(
    row: RunRow, groups: Mapping[StepKey, Sequence[StepRow]], running: Mapping[StepKey, RunningStep], now: datetime
) -> list[StepLine]:
    begun = [r.started_at for rs in groups.values() for r in rs if r.started_at]
    zero = min([*begun, *(s.started_at for s in running.values()), row.started_at or now])
    ends = [_end(rs[-1], now) for rs in groups.values()] + ([] if _is_over(row) else [now])
    whole_s = max((max(ends, default=now) - zero).total_seconds(), 0.001)
    lines = [_line(key, records, zero, whole_s, now) for key, records in groups.items()]
    for key, step in running.items():
        if key not in groups:
            lines.append(_running_line(key, step, zero, whole_s, now))
    return lines


def _line(key: StepKey, records: Sequence[StepRow], zero: datetime, whole_s: float, now: datetime) -> StepLine:
    last = records[-1]
    began = min((r.started_at for r in records if r.started_at), default=zero)
    length_s = (_end(last, now) - began).total_seconds()
    cost = sum(r.cost_usd_micros for r in records)
    open_frame = last.status == "opened"
    return StepLine(
        key=key_text(key),
        name=_name(key),
        depth=key[0].count("/"),
        node_type=last.node_type,
        status="running" if open_frame else last.status,
        left=_share((began - zero).total_seconds(), whole_s),
        width=_share(length_s, whole_s),
        duration=words.duration(length_s),
        cost=words.money(cost) if cost else "",
        tier=last.tier or "",
        attempts=len({r.attempt for r in records}),
    )


def _running_line(key: StepKey, step: RunningStep, zero: datetime, whole_s: float, now: datetime) -> StepLine:
    since_s = max(0.0, (now - step.started_at).total_seconds())
    return StepLine(
        key=key_text(key),
        name=_name(key),
        depth=key[0].count("/"),
        node_type=step.node_type,
        status="running",
        left=_share((step.started_at - zero).total_seconds(), whole_s),
        width=_share(since_s, whole_s),
        duration=words.duration(since_s),
        cost="",
        tier="",
        attempts=1,
    )


def _end(record: StepRow, now: datetime) -> datetime:
    if record.status == "opened" or record.started_at is None:
        return now
    return datetime.fromtimestamp(record.started_at.timestamp() + record.duration_ms / 1000, UTC)


def _share(part_s: float, whole_s: float) -> str:
    return f"{min(100.0, max(0.0, part_s / whole_s * 100)):.2f}%"


def _name(key: StepKey) -> str:
    path, iteration = key
    name = path.rpartition("/")[2]
    return f"{name} ({iteration + 1})" if iteration else name


def _run_fault(row: RunRow, groups: Mapping[StepKey, Sequence[StepRow]]) -> Fault:
    if not row.error:
        return Fault()
    failed = [key for key, records in groups.items() if records[-1].status == "failed"]
    # The innermost failure is the cause; the frames around it only pass it on.
    cause = max(failed, key=lambda key: key[0].count("/"), default=None)
    return _fault(row.error, key_text(cause) if cause else "")


def _starter(row: RunRow) -> Starter:
    found = chains.step_of(row.idempotency_key)
    return Starter() if found is None else Starter(str(found.run_id), short_id(found.run_id), found.path)


def _fault(error: Mapping[str, Any] | None, step: str = "") -> Fault:
    if not error:
        return Fault()
    return Fault(str(error.get("message", "")), str(error.get("type") or error.get("code", "")), step)


def _first_look(groups: Mapping[StepKey, Sequence[StepRow]]) -> str:
    failed = [key for key, records in groups.items() if records[-1].status == "failed"]
    if failed:
        return key_text(max(failed, key=lambda key: key[0].count("/")))
    with_model = [key for key, records in groups.items() if records[-1].model]
    return key_text(with_model[-1]) if with_model else ""


def _step_page(key: StepKey, attempts: Sequence[StepRow]) -> StepPage:
    last = attempts[-1]
    ended = [a for a in attempts if a.status != "opened"]
    tokens_in, tokens_out = sum(a.tokens_in for a in attempts), sum(a.tokens_out for a in attempts)
    given = next((a.input for a in reversed(attempts) if a.input is not None), None)
    output = last.outcome.get("output")
    return StepPage(
        key=key_text(key),
        name=_name(key),
        path=key[0],
        node_type=last.node_type,
        status="running" if last.status == "opened" else last.status,
        duration=words.duration(last.duration_ms / 1000) if ended else "",
        started_at=words.exact(attempts[0].started_at),
        model=last.model or "",
        tier=last.tier or "",
        reason=last.reason or "",
        tokens=f"{tokens_in:,} in, {tokens_out:,} out" if tokens_in or tokens_out else "",
        cost=words.money(sum(a.cost_usd_micros for a in attempts)) if last.model else "",
        input=shown_input(given) if given is not None else "",
        output=shown_json(output) if output is not None else "",
        fault=_fault(last.outcome.get("error")) if last.status == "failed" else Fault(),
        started=_started(last),
        attempts=[_attempt(a) for a in ended] if len(ended) > 1 else [],
    )


def _started(record: StepRow) -> str:
    output = record.outcome.get("output")
    if record.node_type != "sub_workflow" or not isinstance(output, Mapping) or set(output) != {"run_id"}:
        return ""
    return str(output["run_id"])


def _attempt(record: StepRow) -> Attempt:
    error = record.outcome.get("error") or {}
    return Attempt(
        record.attempt, record.status, words.duration(record.duration_ms / 1000), str(error.get("message", ""))
    )


def event_step(event: Mapping[str, Any]) -> tuple[StepKey, RunningStep] | None:
    """The step that a `step.started` event announces; None for any other event."""
    if event.get("type") != "step.started":
        return None
    started = datetime.fromtimestamp(float(event["at"]), UTC)
    return (str(event["path"]), int(event.get("iteration", 0))), RunningStep(str(event.get("node_type", "")), started)

"""The run list: its rows, page by page, and cancelling a run from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from engine.errors import NotFound
from engine.execution.events import RunStatus
from engine.store.access import overview, run_list
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from runners.client import RunClient
from studio.services import words

PAGE = 50
TRIGGERS = ("manual", "chat", "webhook", "api", "cli", "schedule", "event", "form", "workflow")
INPUT_SHOWN = 160


@dataclass(frozen=True, slots=True)
class RunLine:
    """A row of the list, as it is shown."""

    run_id: str
    short_id: str
    status: str
    live: bool
    workflow: str
    version: str
    trigger: str
    input: str
    started: str
    started_at: str
    duration: str
    steps: str
    tokens: str
    cost: str


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What the list is narrowed to; an empty text means any."""

    workflow: str = ""
    status: str = ""
    trigger: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True)
class RunList:
    """One page, newest first; `cursor` leads to older runs, empty on the last page."""

    rows: list[RunLine]
    cursor: str


async def listing(db: Database, scope: Scope, wanted: RunFilter, cursor: str = "") -> RunList:
    """A page of runs. Raises InputError for a cursor that did not come from here."""
    async with db.transaction(scope) as tx:
        page = await run_list.list_runs(
            tx,
            workflow=wanted.workflow or None,
            status=wanted.status or None,
            trigger=wanted.trigger or None,
            search=wanted.search.strip() or None,
            cursor=cursor or None,
            limit=PAGE,
        )
    now = datetime.now(UTC)
    return RunList([line_of(row, now) for row in page.rows], page.cursor or "")


async def workflow_names(db: Database, scope: Scope) -> list[str]:
    """Names to narrow the list to."""
    async with db.transaction(scope) as tx:
        return list(await overview.workflow_names_with_runs(tx))


def line_of(row: RunRow, now: datetime) -> RunLine:
    """A run as a row of the list."""
    status = RunStatus(row.status)
    return RunLine(
        run_id=str(row.run_id),
        short_id=short_id(row.run_id),
        status=row.status,
        live=not status.is_final,
        workflow=row.workflow_name,
        version=version_text(row),
        trigger=row.trigger,
        input=input_text(row.input),
        started=words.ago(row.created_at, now),
        started_at=words.exact(row.created_at),
        duration=words.duration(seconds(row, now)),
        steps=words.count(row.steps),
        tokens=words.count(row.tokens_in + row.tokens_out),
        cost=words.money(row.cost_usd_micros),
    )


def short_id(run_id: UUID) -> str:
    """The end of the id, which differs from run to run; its start is the time."""
    return str(run_id)[-12:]


def version_text(row: RunRow) -> str:
    """ "v3", "draft" for a run of the draft, "file" for a run from the command line."""
    if row.version_number is not None:
        return f"v{row.version_number}"
    return "file" if row.workflow_id is None else "draft"


def input_text(value: dict[str, Any]) -> str:
    """What the run was asked: its message, or its input as text."""
    message = value.get("message")
    text = message if isinstance(message, str) else ", ".join(f"{k}: {_json_text(v)}" for k, v in value.items())
    text = " ".join(text[: INPUT_SHOWN * 2].split())
    return text if len(text) <= INPUT_SHOWN else text[: INPUT_SHOWN - 1] + "…"


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def seconds(row: RunRow, now: datetime) -> float | None:
    """From being accepted to the end, or to now while the run goes on."""
    if row.ended_at is not None:
        return (row.ended_at - row.created_at).total_seconds()
    return None if row.status == RunStatus.QUEUED else max(0.0, (now - row.created_at).total_seconds())


def run_id_of(text: str) -> UUID:
    """The id in an address; raises NotFound for what is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("No such run.") from error


async def retry(client: RunClient, scope: Scope, run_id: str) -> str:
    """Go on where a run failed; returns the new run's id. Raises Conflict when that cannot be."""
    return str(await client.retry(scope, run_id_of(run_id)))


async def cancel(client: RunClient, scope: Scope, run_id: str) -> str:
    """Ask a run to stop; returns what to tell the person. Raises NotFound."""
    view = await client.cancel(scope, run_id_of(run_id))
    if view.status == RunStatus.CANCELLED:
        return "The run is cancelled."
    if RunStatus(view.status).is_final:
        return f"The run had {view.status} already."
    return "The run will stop in a moment."
